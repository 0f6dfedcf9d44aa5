/** Opens the private repositories of one host. */
export type GitCredential = { readonly username?: string; readonly token: string };
export type GitRequest = {
  /** As `readGitUrl` (src/domain/git-address.ts) accepts it. */
  readonly url: string;
  /** Branch, tag, a commit's whole hash, or `HEAD` for the default branch. */
  readonly ref: string;
  readonly credential?: GitCredential;
  /** On whose behalf: one customer's requests wait for each other, and nobody else waits for them. */
  readonly holder: string;
};

/**
 * Repositories of the world outside. `Refused` says in words for people what is wrong, its code which kind of wrong
 * (`refusalCodes`); `HostUnavailable` that the host does not answer just now.
 */
export interface SourceHost {
  /** The commit that the ref names now: a branch before a tag of the same name, a tag's commit rather than the tag. */
  resolve(request: GitRequest): Promise<string>;
  /** That commit's files as tar+gzip, the same bytes each time; nothing is left of it when the reader stops. */
  fetch(request: GitRequest & { readonly commit: string }): AsyncIterable<Uint8Array>;
  /** Why nothing can be fetched here at all; undefined when it can. */
  unusable(): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Every code that a `SourceHost` refuses with. */
export const refusalCodes = [
  'GitUnusable', 'GitAddressRefused', 'GitHostNotAllowed', 'GitHostNotTrusted', 'GitRepositoryNotFound', 'GitRepositoryMoved', 'GitRefNotFound', 'GitCredentialNeeded', 'GitCredentialRefused', 'GitRepositoryRefused', 'SourceTooBig',
] as const;
export type GitRefusalCode = (typeof refusalCodes)[number];
