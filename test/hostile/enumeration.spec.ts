/** Among invited addresses, nobody can tell who has an account: the same answer, the same status, the same time. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { invite, signUp, withSystem, type Answer, type Started } from '../e2e/system.ts';
import { hour } from '../../src/domain/instant.ts';

const rounds = 60;
const strip = ({ status, text }: Answer): string => `${status} ${text.replaceAll(/flw_[0-9a-z]{20}/g, 'FLOW').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replaceAll(/"correlationId":"[^"]+"/g, 'ID')}`;
const timed = async <T>(deed: () => Promise<T>): Promise<readonly [T, number]> => {
  const beganMs = performance.now();
  return [await deed(), performance.now() - beganMs];
};
/** Share of pairs in which the first is the slower one: one half when nothing tells them apart. */
const slowerShare = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x) => sum + b.reduce((n, y) => n + (x > y ? 1 : x === y ? 0.5 : 0), 0), 0) / (a.length * b.length);

test('asking for a one-time token: who has an account and who is only invited look the same', { timeout: 120_000 }, () => withSystem(async (started: Started) => {
  await signUp(started, 'member@example.com');
  await invite(started, 'guest@example.com');
  const ask = (email: string) => started.call('POST', '/sessions/otp', { body: { email } });
  for (const email of ['member@example.com', 'guest@example.com']) await ask(email); // both are warm, both have a sign-up
  const ms: Record<string, number[]> = { 'member@example.com': [], 'guest@example.com': [] };
  const answers: Record<string, Set<string>> = { 'member@example.com': new Set(), 'guest@example.com': new Set() };
  for (let n = 0; n < rounds; n += 1) {
    if (n % 3 === 0) await started.advance(hour + 1);
    // In turns and in changing order, so that whatever else the machine does meets both.
    for (const email of n % 2 === 0 ? ['member@example.com', 'guest@example.com'] : ['guest@example.com', 'member@example.com']) {
      const [answer, took] = await timed(() => ask(email));
      answers[email]?.add(strip(answer));
      ms[email]?.push(took);
      await started.settled();
    }
  }
  assert.deepEqual(answers['member@example.com'], answers['guest@example.com']);
  assert.equal(answers['member@example.com']?.size, 1);
  const share = slowerShare(ms['member@example.com'] ?? [], ms['guest@example.com'] ?? []);
  assert.ok(share > 0.25 && share < 0.75, `the member's answer is the slower one in ${Math.round(share * 100)} of 100 pairs`);
}));
