/**
 * Addresses of repositories and names in them, as the outside may give them. Strict on purpose: what is read here reaches
 * a git process, so there is one spelling of each address and no room for options, other transports or hidden characters.
 */
export type GitAddress = {
  /** As it is fetched: scheme and host in lower case. */
  readonly url: string;
  /** Name or address literal, IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  /** Host, with the port where it is not 443: what credentials are kept for. */
  readonly authority: string;
};
export const httpsPort = 443;
/** The default branch, whatever it is called there. */
export const defaultRef = 'HEAD';

const addressMax = 500;
const refMax = 250;
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const hostPattern = new RegExp(`^(?:(?:${label}\\.)*(?:${label})|\\[[0-9a-f:.]{2,45}\\])$`);
const dottedQuad = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;
const segment = /^(?:[A-Za-z0-9._~@+,=!-]|%20)+$/;

/** `host` or `host:port` in lower case; undefined when it is neither. */
export const readAuthority = (text: string): Pick<GitAddress, 'host' | 'port' | 'authority'> | undefined => {
  const match = /^(.*?)(?::(\d{1,5}))?$/.exec(text.toLowerCase());
  const [, host = '', digits] = match ?? [];
  const port = digits === undefined ? httpsPort : Number(digits);
  // Numbers in other clothes (127.1, 0x7f000001) are read as addresses by some programs and as names by others.
  const odd = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host) && !dottedQuad.test(host);
  if (!hostPattern.test(host) || host.length > 253 || odd || port < 1 || port > 65_535) return undefined;
  return { host, port, authority: port === httpsPort ? host : `${host}:${port}` };
};

const example = 'https://github.com/owner/repository';
/** The address, or what is wrong with it, for people. */
export const readGitUrl = (text: string): GitAddress | { readonly wrong: string } => {
  if (text.length > addressMax) return { wrong: `an address has at most ${addressMax} characters` };
  if (/[^\u0021-\u007e]/.test(text)) return { wrong: 'an address has no spaces, control characters or letters beyond ASCII; write international names in punycode' };
  const [, scheme = '', authority = '', path = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#\\]*)(.*)$/.exec(text) ?? [];
  if (scheme === '') return { wrong: `that is no address of a repository; it reads like ${example}` };
  if (scheme.toLowerCase() !== 'https') return { wrong: `repositories are fetched over https only, not ${scheme}:; the address reads like ${example}` };
  if (authority.includes('@')) return { wrong: 'an address carries no user name, password or token; keep those with tollgate git credential set HOST' };
  const place = readAuthority(authority);
  if (!place) return { wrong: `an address names a host, with a port where it is not ${httpsPort}; it reads like ${example}` };
  const segments = path.replace(/\/$/, '').split('/').slice(1);
  if (!path.startsWith('/') || segments.length === 0 || segments.some((part) => !segment.test(part) || part === '.' || part === '..')) return { wrong: `an address ends with the repository's path, without query or fragment; it reads like ${example}` };
  return { url: `https://${place.authority}/${segments.join('/')}`, ...place };
};
export const isGitUrl = (text: unknown): boolean => typeof text === 'string' && !('wrong' in readGitUrl(text));

/** Whether it can be the name of a branch or tag, or a commit's whole hash; what git itself would refuse is no name. */
export const isGitRef = (text: unknown): boolean =>
  typeof text === 'string' && text.length >= 1 && text.length <= refMax && text !== '@' && /^[\p{L}\p{M}\p{N}!-~]+$/u.test(text) && !/^[-/]|[/.]$|\.\.|@\{|\/\/|[~^:?*[\\]/.test(text) &&
  text.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));

/** SHA-1 or SHA-256, whole. */
export const isCommitHash = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
