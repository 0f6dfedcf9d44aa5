/** What git says, in our words. Its own are for its users: they name local paths and repeat whatever the other side sends. */
import { HostUnavailable, Refused } from '../../domain/ports/failures.ts';
import type { GitRefusalCode } from '../../domain/ports/source-host.ts';

export const refused = (code: GitRefusalCode, message: string): Refused => new Refused(code, message);
export type About = { readonly authority: string; readonly url: string; readonly ref: string; readonly hasCredential: boolean };
type Saying = readonly [pattern: RegExp, failure: (about: About, match: RegExpExecArray) => Error];

const again = (text: (about: About, match: RegExpExecArray) => string) => (about: About, match: RegExpExecArray): Error => new HostUnavailable(text(about, match));
const no = (code: GitRefusalCode, text: (about: About, match: RegExpExecArray) => string) => (about: About, match: RegExpExecArray): Error => refused(code, text(about, match));
const wantsCredential = ({ url, hasCredential, authority }: About): Error =>
  hasCredential ? refused('GitCredentialRefused', `${authority} does not take the stored credential for ${url}`) : refused('GitCredentialNeeded', `there is no public repository ${url}; if it is private, ${authority} wants a credential`);

export const refNotFound = ({ ref, url }: Pick<About, 'ref' | 'url'>): Refused =>
  refused('GitRefNotFound', `there is no '${ref}' in ${url}${/^[0-9a-f]{4,39}$/.test(ref) ? '; a commit is named by its whole hash' : ''}`);
export const noGitThere = ({ url }: Pick<About, 'url'>): Refused => refused('GitRepositoryRefused', `there is no git repository with a commit at ${url}`);

/** In the order in which they are looked for: the first that fits is what happened. */
const sayings: readonly Saying[] = [
  [/could not read Username|could not read Password|terminal prompts disabled|Authentication failed|returned error: 401/, wantsCredential],
  [/returned error: 30[1278]/, no('GitRepositoryMoved', ({ url }) => `${url} has moved, and code is fetched from the address given only`)],
  [/returned error: 429/, again(({ authority }) => `${authority} has had too many requests from here for now`)],
  [/returned error: 403/, no('GitCredentialRefused', ({ authority, url }) => `${authority} does not permit reading ${url}`)],
  [/repository '.*' not found|returned error: 4(04|10)/, no('GitRepositoryNotFound', ({ url }) => `there is no repository ${url}`)],
  [/returned error: (5\d\d)/, again(({ authority }, [, status]) => `${authority} answers with an error of its own (${status})`)],
  [/returned error: (\d+)/, no('GitRepositoryRefused', ({ authority, url }, [, status]) => `${authority} refuses ${url} (${status})`)],
  [/certificate|SSL: no alternative|unable to get local issuer/i, no('GitHostNotTrusted', ({ authority }) => `the certificate of ${authority} is not one that this server trusts`)],
  [/couldn't find remote ref|not our ref|unadvertised object|no such remote ref|not a tree|not a valid object|bad object|Needed a single revision/, (about) => refNotFound(about)],
  [/dumb http transport/, no('GitRepositoryRefused', ({ authority }) => `${authority} serves repositories in a way of old that is not supported (dumb http)`)],
  [/Could not resolve host|Failed to connect|Connection refused|Connection timed out|Operation too slow|timed out|Couldn't connect|recv error|Recv failure|reset by peer|SSL_|TLS|Empty reply/i, again(({ authority }) => `${authority} does not answer just now`)],
  [/No space left|Disk quota|unable to create|Permission denied|cannot mkdir|Read-only/i, again(() => 'this server has no room for the repository just now')],
  [/early EOF|hung up|RPC failed|unexpected disconnect|transfer closed|remote end|disconnected/, again(({ authority }) => `${authority} broke off in the middle`)],
  [/bad line length|protocol error|invalid server response|is this a git repository|expected flush|bad pack|inflate|index-pack|unpack|unexpected|corrupt|malformed|fatal: bad|garbage/i, no('GitRepositoryRefused', ({ url }) => `what ${url} sends is no git repository, or a damaged one`)],
];

/** Why a git process ended badly. `stderr` is looked at, never passed on. */
export const failureOf = (stderr: string, about: About): Error => {
  // What the other side says about itself is no evidence.
  const lines = stderr.split('\n').filter((line) => !line.startsWith('remote:') || line.includes('upload-pack')).join('\n');
  for (const [pattern, failure] of sayings) {
    const match = pattern.exec(lines);
    if (match) return failure(about, match);
  }
  return new HostUnavailable(`${about.url} could not be read`);
};
