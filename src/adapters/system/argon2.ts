/** argon2id by Node's own crypto, in the thread pool; written as PHC strings (`$argon2id$v=19$m=...,t=...,p=...$salt$tag`). */
import { argon2, timingSafeEqual } from 'node:crypto';
import { Unavailable } from '../../domain/ports/failures.ts';
import type { PasswordHashing } from '../../domain/ports/passwords.ts';
import type { Random } from '../../domain/ports/random.ts';

export type Argon2Cost = { readonly memoryKib: number; readonly passes: number; readonly lanes: number };
/** OWASP asks for 46 MiB and one pass, or 19 MiB and two; this is both at once. */
export const todaysCost: Argon2Cost = { memoryKib: 47_104, passes: 2, lanes: 1 };
const saltBytes = 16;
const tagBytes = 32;
/** The thread pool has four threads, and the log's commits need them too. */
const atOnceMax = 2;
const waitingMax = 64;

type Parsed = { readonly cost: Argon2Cost; readonly salt: Buffer; readonly tag: Buffer };
const pattern = /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/;
const parse = (hash: string): Parsed => {
  const [, m, t, p, salt, tag] = pattern.exec(hash) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('this is no argon2id hash');
  return { cost: { memoryKib: Number(m), passes: Number(t), lanes: Number(p) }, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') };
};
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');

export class Argon2Hashing implements PasswordHashing {
  readonly #random: Random;
  readonly #cost: Argon2Cost;
  /** What is worked on where there is no hash. */
  readonly #nobody: Parsed;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(random: Random, cost: Argon2Cost = todaysCost) {
    this.#random = random;
    this.#cost = cost;
    this.#nobody = { cost, salt: Buffer.from(random.bytes(saltBytes)), tag: Buffer.from(random.bytes(tagBytes)) };
  }

  async hash(password: string): Promise<string> {
    const { memoryKib, passes, lanes } = this.#cost;
    const salt = Buffer.from(this.#random.bytes(saltBytes));
    const tag = await this.#derive(password, salt, this.#cost);
    return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${base64(salt)}$${base64(tag)}`;
  }
  async check(password: string, hash: string | undefined): Promise<{ matches: boolean; outdated: boolean }> {
    const { cost, salt, tag } = hash === undefined ? this.#nobody : parse(hash);
    const same = timingSafeEqual(await this.#derive(password, salt, cost), tag);
    return { matches: same && hash !== undefined, outdated: cost.memoryKib < this.#cost.memoryKib || cost.passes < this.#cost.passes };
  }

  async #derive(password: string, nonce: Buffer, { memoryKib, passes, lanes }: Argon2Cost): Promise<Buffer> {
    await this.#turn();
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        argon2('argon2id', { message: Buffer.from(password, 'utf8'), nonce, parallelism: lanes, tagLength: tagBytes, memory: memoryKib, passes }, (error, tag) => (error ? reject(error) : resolve(Buffer.from(tag))));
      });
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
  async #turn(): Promise<void> {
    if (this.#running >= atOnceMax) {
      if (this.#waiting.length >= waitingMax) throw new Unavailable('too many passwords are being checked');
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
    this.#running += 1;
  }
}
