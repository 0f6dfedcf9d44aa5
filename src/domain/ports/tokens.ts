import type { Instant } from '../instant.ts';

/** One-time, payment, refresh and page tokens are derived from what events say and a server key, never stored. */
export interface Tokens {
  /** Key that new tokens are derived with. */
  readonly kid: string;
  /** First 40 hex characters of HMAC-SHA256(key[kid], purpose | handle | n | issuedAt). */
  derive(kid: string, purpose: 'otp' | 'payment' | 'refresh' | 'reset' | 'web' | 'form', handle: string, n: number, issuedAt: Instant | ''): string;
  /** Compares in constant time. */
  same(presented: string, genuine: string): boolean;
}

/** Ids and fingerprints that a repeat of the same request finds again. */
export interface Derivation {
  /** UUIDv8 over actor, command and idempotency key; without a key a random one. */
  commandId(actor: string, command: string, idempotencyKey: string | undefined): string;
  id<P extends string>(prefix: P, commandId: string): `${P}_${string}`;
  /** A number of 0 .. below - 1 from any text, the same each time. */
  number(text: string, below: number): number;
  fingerprint(body: unknown): string;
}
