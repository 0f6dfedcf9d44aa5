/** Looking into repositories in the name of a namespace: what `ref` is there now, told before anything starts. */
import type { Gathering } from './catalog-entry.ts';
import type { Rejection } from '../domain/decider.ts';
import { defaultRef, readGitUrl } from '../domain/git-address.ts';
import type { NamespaceId } from '../domain/ids.ts';
import { minute } from '../domain/instant.ts';
import { namespace } from '../domain/namespace/decide.ts';
import { Refused } from '../domain/ports/failures.ts';
import type { Vault } from '../domain/ports/log.ts';
import { refusalCodes, type GitCredential, type GitRefusalCode } from '../domain/ports/source-host.ts';
import type { GitSource } from '../domain/workload/events.ts';
import { rejectGit } from '../domain/workload/git.ts';

/** How often a namespace may have a host asked: more than any person would, and few enough that hosts do not mind us. */
const lookupsMax = 60;
const lookupsMinutes = 10;

type Opening = Pick<Gathering, 'lookup'> & { readonly vault: Pick<Vault, 'open'> };
/** The namespace's credential for the address's host; none once its owner has been erased. */
export const credentialFor = async (namespaceId: NamespaceId, url: string, { lookup, vault }: Opening): Promise<GitCredential | undefined> => {
  const address = readGitUrl(url);
  const home = await lookup(namespace, namespaceId);
  if ('wrong' in address || home.status === 'none') return undefined;
  const held = home.gitCredentials?.find(({ host }) => host === address.authority);
  const token = held && (await vault.open(held.token));
  if (held === undefined || token === undefined) return undefined;
  const username = held.username && (await vault.open(held.username));
  return { token, ...(username === undefined ? {} : { username }) };
};

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
/** A host's refusal in the words of the one table. */
export const refusalOf = ({ code, message }: Refused): Rejection | undefined =>
  (refusalCodes as readonly string[]).includes(code) ? rejectGit(code as GitRefusalCode, { detail: sentence(message) }) : undefined;

/** The commit that `ref` names now ('' for the default branch). A host that does not answer is `HostUnavailable`. */
export const lookUp = async (namespaceId: NamespaceId, url: string, ref: string, gathering: Gathering): Promise<GitSource | Rejection> => {
  const { counters, sourceHost, now } = gathering;
  const budget = await counters.hit(`git.${namespaceId}`, lookupsMax, lookupsMinutes * minute, now);
  if (!budget.allowed) return rejectGit('GitLookupsUsedUp', { limit: lookupsMax, minutes: lookupsMinutes, resetAt: budget.resetAt });
  const credential = await credentialFor(namespaceId, url, gathering);
  try {
    const commit = await sourceHost.resolve({ url, ref: ref === '' ? defaultRef : ref, holder: namespaceId, ...(credential ? { credential } : {}) });
    const address = readGitUrl(url);
    return { url: 'wrong' in address ? url : address.url, ref, commit };
  } catch (error) {
    const rejection = error instanceof Refused ? refusalOf(error) : undefined;
    if (rejection) return rejection;
    throw error;
  }
};
