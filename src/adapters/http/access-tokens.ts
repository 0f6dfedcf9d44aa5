/** Access and sign-up tokens: JWTs (EdDSA). A cache by hash saves the signature check only; everything else is looked at each time. */
import { hash, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { PersonId, SessionId } from '../../domain/ids.ts';
import { fromEpochMs, toEpochMs, type Instant } from '../../domain/instant.ts';
import { RecentMap } from '../sqlite/recent-map.ts';

type Times = { readonly issuedAt: Instant; readonly expiresAt: Instant };
export type Claims = Times & ({ readonly kind: 'access'; readonly sid: SessionId } | { readonly kind: 'signup'; readonly person: PersonId });
export type SigningKey = { readonly kid: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject };
const issuer = 'tollgate';
const cachedMax = 20_000;
const digestOf = (token: string): string => hash('sha256', token, 'base64');

export class AccessTokens {
  readonly #key: SigningKey;
  readonly #verified = new RecentMap<string, Claims>(cachedMax);
  constructor(key: SigningKey) {
    this.#key = key;
  }

  /** `now` and `expiresAt` come from the Clock; the token knows seconds only. */
  async sign(subject: { readonly kind: 'access'; readonly sid: SessionId } | { readonly kind: 'signup'; readonly person: PersonId }, now: Instant, expiresAt: Instant): Promise<string> {
    return new SignJWT({ kind: subject.kind, ms: toEpochMs(now), ...(subject.kind === 'access' ? { sid: subject.sid } : {}) })
      .setProtectedHeader({ alg: 'EdDSA', kid: this.#key.kid }).setIssuer(issuer)
      .setSubject(subject.kind === 'access' ? subject.sid : subject.person)
      .setIssuedAt(Math.floor(toEpochMs(now) / 1000)).setExpirationTime(Math.ceil(toEpochMs(expiresAt) / 1000)).sign(this.#key.privateKey);
  }

  /** Claims of a token that was found genuine before. */
  known(token: string): Claims | undefined {
    return this.#verified.get(digestOf(token));
  }
  /** Claims of a genuine token, expired or not: undefined for anything else. */
  async claims(token: string): Promise<Claims | undefined> {
    const digest = digestOf(token);
    const known = this.#verified.get(digest);
    if (known) return known;
    try {
      const { payload } = await jwtVerify(token, this.#key.publicKey, { issuer, algorithms: ['EdDSA'], currentDate: new Date(0) });
      const times = { issuedAt: fromEpochMs(Number(payload['ms'])), expiresAt: fromEpochMs(Number(payload.exp) * 1000) };
      const claims: Claims = payload['kind'] === 'access' ? { kind: 'access', sid: payload['sid'] as SessionId, ...times } : { kind: 'signup', person: payload.sub as PersonId, ...times };
      this.#verified.set(digest, claims);
      return claims;
    } catch {
      return undefined;
    }
  }
}
