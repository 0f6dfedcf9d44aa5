/** Which hosts code may be fetched from, and under which addresses they may be reached. */
import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.ts';
import { httpsPort, readAuthority, type GitAddress } from '../../domain/git-address.ts';
import { HostUnavailable, Refused } from '../../domain/ports/failures.ts';

/** Addresses of a name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/**
 * The setting `git.allow`: names on port 443 that must have public addresses, `*` for any such name, and `name:port`,
 * which is taken as it is: it may also be a machine of ours.
 */
export class AllowedHosts {
  readonly #entries: readonly string[];
  readonly #exact = new Set<string>();
  readonly #names = new Set<string>();
  readonly #publicly: Lookup;
  readonly #locally: Lookup;

  /** `publicly` finds addresses of names of the world, `locally` of hosts named exactly. */
  constructor(entries: readonly string[], publicly: Lookup, locally: Lookup) {
    this.#entries = entries;
    this.#publicly = publicly;
    this.#locally = locally;
    for (const entry of entries) {
      if (entry === '*') continue;
      const place = readAuthority(entry);
      if (!place) throw new Refused('GitHostNotAllowed', `'${entry}' is no host`);
      if (/:\d+$/.test(entry)) this.#exact.add(`${place.host}:${place.port}`);
      else this.#names.add(place.host);
    }
  }

  /** The addresses to connect to and no others, checked: whoever answers for the name later changes nothing. */
  async addressesOf({ host, port, authority }: GitAddress): Promise<readonly string[]> {
    const exact = this.#exact.has(`${host}:${port}`);
    if (!exact && !(port === httpsPort && (this.#names.has(host) || this.#entries.includes('*')))) throw new Refused('GitHostNotAllowed', `code is not fetched from '${authority}' here, ${this.#words()}`);
    const literal = host.replaceAll(/[[\]]/g, '');
    const addresses = isIP(literal) > 0 ? [literal] : await (exact ? this.#locally : this.#publicly)(host).catch((error: unknown) => unknownName(host, error));
    if (addresses.length === 0) throw new Refused('GitRepositoryNotFound', `there is no host '${host}'`);
    if (!exact && !addresses.every(isPublicAddress)) throw new Refused('GitHostNotAllowed', `'${host}' is not on the public internet, and code is fetched from there only`);
    return addresses;
  }
  #words(): string {
    const entries = this.#entries.map((entry) => (entry === '*' ? 'any public host' : entry));
    return entries.length === 0 ? 'nor from any other host' : `only from ${entries.join(', ')}`;
  }
}

const unknownName = (host: string, error: unknown): readonly string[] => {
  if (['ENOTFOUND', 'ENODATA'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
  throw new HostUnavailable(`the address of '${host}' cannot be found out just now`, { cause: error });
};
