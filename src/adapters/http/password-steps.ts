/** What every route that takes a password does alike: count tries, compare in constant work, keep new ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import type { Rim } from './rim.ts';
import { CommandRejected } from '../../commands/handle.ts';
import type { FlowId, PersonId } from '../../domain/ids.ts';
import { hour, minute } from '../../domain/instant.ts';
import { password, reject } from '../../domain/password/decide.ts';
import { normalPassword, passwordRefusal } from '../../domain/password/strength.ts';

/**
 * Wrong passwords that are answered. A stranger can use up what an address has, but neither for long nor for every way in:
 * logging in by a one-time token, and resetting, count by themselves.
 */
const perAddressAndCaller = { limit: 5, windowMs: 15 * minute };
const perCaller = { limit: 30, windowMs: 15 * minute };
const perAddress = { limit: 30, windowMs: hour };
const resetMailsPerAddress = { limit: 5, windowMs: hour };
const resetMailsPerCaller = { limit: 20, windowMs: hour };
const tokensPerReset = { limit: 5, windowMs: hour };
const recoveryPerAddress = { limit: 1, windowMs: minute };
type Budget = { readonly limit: number; readonly windowMs: number };
type Counter = readonly [key: string, budget: Budget];

/** Whose address it is, if anybody's, and the name it is counted under: the same for every spelling, known or not. */
export type Addressee = { readonly person: PersonId | undefined; readonly key: string };
export const addresseeOf = async ({ keyring, derive, normaliseEmail }: Rim, email: string): Promise<Addressee> => ({ person: await keyring.find(email), key: derive.fingerprint({ email: normaliseEmail(email) }) });
const callerKey = ({ derive }: Rim, request: FastifyRequest): string => derive.fingerprint({ ip: request.ip });

/** Counts one try under each name, or refuses with the instant of the next one. Answers how to take it back. */
const counted = async (rim: Rim, counters: readonly Counter[], refuse: 'TooManyPasswords' | 'TooManyResets' | 'TooManyResetTokens' | 'MailedRecently'): Promise<() => Promise<void>> => {
  const now = rim.clock.now();
  for (const [key, { limit, windowMs }] of counters) {
    const { allowed, resetAt } = await rim.counters.hit(key, limit, windowMs, now);
    if (!allowed) throw new CommandRejected(reject(refuse, { resetAt }));
  }
  return async () => void (await Promise.all(counters.map(([key]) => rim.counters.release(key, now))));
};
const passwordCounters = (rim: Rim, { key }: Addressee, request: FastifyRequest): readonly Counter[] => {
  const caller = callerKey(rim, request);
  return [[`password.caller.${caller}`, perCaller], [`password.pair.${key}.${caller}`, perAddressAndCaller], [`password.address.${key}`, perAddress]];
};
export const countReset = async (rim: Rim, { key }: Addressee, request: FastifyRequest): Promise<void> =>
  void (await counted(rim, [[`reset.caller.${callerKey(rim, request)}`, resetMailsPerCaller], [`reset.address.${key}`, resetMailsPerAddress]], 'TooManyResets'));
export const countRecovery = async (rim: Rim, { key }: Addressee, request: FastifyRequest): Promise<void> =>
  void (await counted(rim, [[`recovery.address.${key}`, recoveryPerAddress], [`reset.caller.${callerKey(rim, request)}`, resetMailsPerCaller]], 'MailedRecently'));
/** Before the token is looked at, and whether or not there is such a reset. */
export const countResetToken = (rim: Rim, flowId: FlowId): Promise<() => Promise<void>> => counted(rim, [[`reset.token.${flowId}`, tokensPerReset]], 'TooManyResetTokens');

/**
 * Whether this is the person's password; answers the number it is current under. Every try is counted before it is looked
 * at, so that of many at once no more are answered than are allowed; a right one is taken back.
 */
export const checkedPassword = async (rim: Rim, addressee: Addressee, given: string, request: FastifyRequest, refuse: 'PasswordWrong' | 'OldPasswordWrong'): Promise<{ readonly person: PersonId; readonly n: number }> => {
  const takeBack = await counted(rim, passwordCounters(rim, addressee, request), 'TooManyPasswords');
  const { person } = addressee;
  const { n } = person === undefined ? { n: 0 } : await rim.handler.lookup(password, person);
  const hash = person === undefined || n === 0 ? undefined : await rim.keyring.password(person, n);
  const { matches, outdated } = await rim.passwords.check(normalPassword(given), hash);
  if (!matches || person === undefined) throw new CommandRejected(reject(refuse));
  await takeBack();
  if (outdated) await rim.keyring.replacePassword(person, n, await rim.passwords.hash(normalPassword(given)));
  return { person, n };
};

/** Refuses what will not do as a password. */
export const requireGoodPassword = (given: string, email: string): void => {
  const refusal = passwordRefusal(given, email);
  if (refusal) throw new CommandRejected(refusal);
};
/** Keeps a new one's hash: it counts only once the event that names its number is durable. */
export const keptPassword = async ({ keyring, passwords }: Rim, person: PersonId, given: string): Promise<number> => {
  const n = await keyring.addPassword(person, await passwords.hash(normalPassword(given)));
  if (n === undefined) throw new Error('a person who is signed in has a key');
  return n;
};

const bandMs = 150;
/** Does `work`, and answers no sooner than the band: writing something down, or not, takes the same time to whoever asks. */
export const inTimeBand = async <T>(work: () => Promise<T>): Promise<T> => {
  const [answer] = await Promise.all([work(), sleep(bandMs)]);
  return answer;
};
