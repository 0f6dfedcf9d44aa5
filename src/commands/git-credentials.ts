/** Credentials that open private repositories: kept for a host, sealed under the namespace owner's key, never shown again. */
import { line, type CatalogEntry } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { IsGitHost, IsIdOf, IsSecretText, Maybe } from './validation.ts';
import { account } from '../domain/account/decide.ts';
import { readAuthority } from '../domain/git-address.ts';
import type { NamespaceId } from '../domain/ids.ts';
import { namespace, reject, type RemoveGitCredential as RemoveCommand, type SetGitCredential as SetCommand } from '../domain/namespace/decide.ts';
import { personal } from '../domain/personal.ts';

export class SetGitCredential extends CommandMessage {
  @Field('Host of the repositories it opens, with its port where that is not 443', 'github.com') @IsGitHost() readonly host!: string;
  @Field('Access token or password; sealed, and never shown again') @IsSecretText(4000) readonly token!: string;
  @Field('User name, where the host wants a certain one', 'ada') @Maybe() @IsSecretText(200) readonly username?: string;
  @Field('Namespace whose workloads may use it; by default the one of the Micro-Namespace header') @IsIdOf('ns') readonly namespaceId!: NamespaceId;
}
export class RemoveGitCredential extends CommandMessage {
  @Field('Host whose credential is removed', 'github.com') @IsGitHost() readonly host!: string;
  @Field('Namespace it belongs to; by default the one of the Micro-Namespace header') @IsIdOf('ns') readonly namespaceId!: NamespaceId;
}

const authorityOf = (host: string): string => readAuthority(host)?.authority ?? host;
const byNamespace = (c: { readonly namespaceId: string }) => c.namespaceId;
export const gitCredentialCommands: readonly CatalogEntry[] = [
  line<SetCommand, SetGitCredential>(namespace, 'SetGitCredential', {
    message: SetGitCredential, permission: 'git.credential', id: byNamespace,
    fields: async ({ namespaceId, host, token, username }, { lookup }) => {
      const home = await lookup(namespace, namespaceId);
      const owner = home.status === 'none' ? undefined : await lookup(account, home.accountId);
      if (owner?.status !== 'active') return reject('NamespaceNotFound');
      return { namespaceId, host: authorityOf(host), token: personal(owner.person, 'gitToken', token), ...(username === undefined ? {} : { username: personal(owner.person, 'gitUser', username) }) };
    },
    open: { audience: 'customer', noun: 'git', verb: 'credential set', gate: 'write', secret: true, summary: 'Store what opens the private repositories of a host' },
  }),
  line<RemoveCommand, RemoveGitCredential>(namespace, 'RemoveGitCredential', {
    message: RemoveGitCredential, permission: 'git.credential', id: byNamespace,
    fields: async ({ namespaceId, host }) => ({ namespaceId, host: authorityOf(host) }),
    open: { audience: 'customer', noun: 'git', verb: 'credential remove', gate: 'billing', summary: 'Remove the credential of a host' },
  }),
];
