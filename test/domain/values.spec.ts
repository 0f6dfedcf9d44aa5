/** The small values everything is made of: instants, durations, ids, money, refusals, permissions, service levels. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { may, mayTouch } from '../../src/domain/access.ts';
import { allRejections, isRejection, rejections, type Actor } from '../../src/domain/decider.ts';
import { categoryOf, crockford, encodeId, isId, streamName, subjectOf } from '../../src/domain/ids.ts';
import { day, earliest, fromEpochMs, hour, latest, minute, parseDuration, parseInstant, plus, plusMonths, second, toEpochMs, type Instant } from '../../src/domain/instant.ts';
import { formatMoney } from '../../src/domain/money.ts';
import { gateActions, gateVerdict, serviceLevels, type ServiceLevel } from '../../src/domain/service-level.ts';
import { currentVersion, upcast } from '../../src/domain/schema.ts';
import { customer, namespaceId, operator, otherNamespaceId, stranger, tenantId } from './samples.ts';

const at = (text: string): Instant => `${text}.000Z` as Instant;

test('a month later is the same day and time of the next month', () => {
  assert.equal(plusMonths(at('2026-03-15T07:08:09'), 1), at('2026-04-15T07:08:09'));
  assert.equal(plusMonths(at('2026-12-31T23:59:59'), 1), at('2027-01-31T23:59:59'));
  assert.equal(plusMonths(at('2026-03-15T00:00:00'), 12), at('2027-03-15T00:00:00'));
  assert.equal(plusMonths(at('2026-03-15T00:00:00'), 0), at('2026-03-15T00:00:00'));
});
test('where the next month has no such day it is its last one', () => {
  assert.equal(plusMonths(at('2026-01-31T12:00:00'), 1), at('2026-02-28T12:00:00'));
  assert.equal(plusMonths(at('2026-01-29T12:00:00'), 1), at('2026-02-28T12:00:00'));
  assert.equal(plusMonths(at('2026-03-31T12:00:00'), 1), at('2026-04-30T12:00:00'));
  assert.equal(plusMonths(at('2026-12-31T12:00:00'), 2), at('2027-02-28T12:00:00'));
});
test('leap years have their 29th of February', () => {
  assert.equal(plusMonths(at('2028-01-31T12:00:00'), 1), at('2028-02-29T12:00:00'));
  assert.equal(plusMonths(at('2028-02-29T12:00:00'), 12), at('2029-02-28T12:00:00'));
  assert.equal(plusMonths(at('2000-01-30T12:00:00'), 1), at('2000-02-29T12:00:00'));
  assert.equal(plusMonths(at('2100-01-30T12:00:00'), 1), at('2100-02-28T12:00:00'));
});
const instants = fc.integer({ min: toEpochMs(at('1990-01-01T00:00:00')), max: toEpochMs(at('2150-01-01T00:00:00')) }).map(fromEpochMs);
test('months from any start: always later, at most 31 days each, never past the end of the month', () => {
  fc.assert(fc.property(instants, fc.integer({ min: 1, max: 36 }), (from, months) => {
    const to = plusMonths(from, months);
    assert.ok(to > from && toEpochMs(to) - toEpochMs(from) <= months * 31 * day);
    const [year = 0, month = 0] = from.split('-').map(Number);
    assert.equal(to.slice(0, 7), `${year + Math.floor((month - 1 + months) / 12)}-${String(((month - 1 + months) % 12) + 1).padStart(2, '0')}`);
    assert.equal(to.slice(10), from.slice(10));
  }));
});
test('instants sort as text the way they sort as time', () => {
  fc.assert(fc.property(instants, instants, (a, b) => {
    assert.equal(a < b, toEpochMs(a) < toEpochMs(b));
    assert.equal(latest(a, b) === a, toEpochMs(a) >= toEpochMs(b));
    assert.equal(earliest(undefined, a, b), toEpochMs(a) <= toEpochMs(b) ? a : b);
    assert.equal(plus(a, toEpochMs(b) - toEpochMs(a)), b);
  }));
  assert.equal(earliest(undefined), undefined);
});
test('an instant is read from text, or it is none', () => {
  assert.equal(parseInstant('2026-03-01T13:00:00+01:00'), at('2026-03-01T12:00:00'));
  assert.equal(parseInstant('2026-03-01'), at('2026-03-01T00:00:00'));
  assert.equal(parseInstant('yesterday'), undefined);
});
test('durations: short and ISO forms', () => {
  const durations: Readonly<Record<string, number | undefined>> = {
    '90s': 90 * second, '10m': 10 * minute, '2h': 2 * hour, '40d': 40 * day, '1w': 7 * day, '250ms': 250, '1.5h': 90 * minute, ' 5m ': 5 * minute, '0s': 0,
    P1DT2H: day + 2 * hour, PT30M: 30 * minute, P2W: 14 * day, PT1H1M1S: hour + minute + second,
    '': undefined, P: undefined, PT: undefined, '5': undefined, '-5m': undefined, '5 m': undefined, '5y': undefined, P1M: undefined, soon: undefined, '5m5': undefined,
  };
  for (const [text, expected] of Object.entries(durations)) assert.equal(parseDuration(text), expected, text);
});

test('an id is its prefix and twenty characters of the alphabet, the same for the same bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 13, maxLength: 40 }), (bytes) => {
    const id = encodeId('acc', bytes);
    assert.match(id, new RegExp(`^acc_[${crockford}]{20}$`));
    assert.ok(isId(id, 'acc') && isId(id) && !isId(id, 'per'));
    assert.equal(encodeId('acc', bytes), id);
    assert.equal(encodeId('acc', bytes.slice(0, 13)), id, 'only the first 100 bits count');
  }));
});
const twelve = Array.from({ length: 12 }, () => 0);
test('an id keeps all of its 100 bits, most significant first', () => {
  assert.equal(encodeId('x', new Uint8Array(13)), `x_${'0'.repeat(20)}`);
  assert.equal(encodeId('x', new Uint8Array(13).fill(0xff)), `x_${'z'.repeat(20)}`);
  assert.equal(encodeId('x', Uint8Array.from([0x08, ...twelve])), `x_1${'0'.repeat(19)}`);
  assert.equal(encodeId('x', Uint8Array.from([...twelve, 0x10])), `x_${'0'.repeat(19)}1`);
});
test('too few bytes make no id', () => assert.throws(() => encodeId('acc', new Uint8Array(12)), /13 bytes/));
test('the alphabet has no i, l, o, u, and no letter twice', () => {
  assert.equal(new Set(crockford).size, 32);
  for (const letter of 'ilou') assert.ok(!crockford.includes(letter));
});
test('what is no id: wrong letters, wrong length, wrong prefix, not even text', () => {
  const good = 'acc_0123456789abcdefghjk';
  assert.ok(isId(good, 'acc'));
  for (const letter of ['i', 'l', 'o', 'u', 'A', '-', ' ', 'é']) assert.ok(!isId(good.slice(0, -1) + letter), letter);
  for (const bad of [good.slice(0, -1), `${good}0`, `${good}\n`, good.replace('_', '-'), good.slice(4), `_${good.slice(4)}`, ` ${good}`, '', undefined, null, 7, {}]) assert.ok(!isId(bad), String(bad));
  assert.ok(!isId(good, 'ac') && !isId(good, 'acc_'));
});
test('a stream name tells its category and subject, whatever dots and dashes the subject has', () => {
  const stream = streamName('inbox', tenantId, 'stripe.test.evt_1-2');
  assert.equal(stream, `inbox-${tenantId}.stripe.test.evt_1-2`);
  assert.equal(categoryOf(stream), 'inbox');
  assert.equal(subjectOf(stream), 'stripe.test.evt_1-2');
});

test('money is shown with two decimals and its currency', () => {
  for (const [amount, text] of [[3500, '35.00 USD'], [5, '0.05 USD'], [0, '0.00 USD'], [123456789, '1234567.89 USD'], [-250, '-2.50 USD']] as const) assert.equal(formatMoney({ amount, currency: 'USD' }), text);
});

test('a refusal fills its text from values, keeps its reset, and leaves unknown holes to be seen', () => {
  const reject = rejections({ TestOnly: ['exhausted', 'At most {limit} of {what}.', 'Wait until {resetAt}.'] });
  const refusal = reject('TestOnly', { limit: 3, resetAt: at('2026-03-01T00:00:00') });
  assert.deepEqual(refusal, { rejected: true, code: 'TestOnly', kind: 'exhausted', detail: 'At most 3 of {what}.', nextStep: 'Wait until 2026-03-01T00:00:00.000Z.', resetAt: at('2026-03-01T00:00:00') });
  assert.ok(isRejection(refusal) && !isRejection([]) && !isRejection(null));
  assert.throws(() => rejections({ TestOnly: ['invalid', '', ''] }), /declared twice/);
  allRejections.delete('TestOnly');
});

test('who may what: each kind of actor less than the one after it', () => {
  const anonymous: Actor = { kind: 'anonymous', id: 'anon' };
  const verified: Actor = { kind: 'person', id: 'per_11111111111111111111' };
  assert.deepEqual(['signup.start', 'signup.redeem', 'workload.run', 'invite.add'].map((p) => may(anonymous, p as 'a.b')), [true, false, false, false]);
  assert.deepEqual(['signup.start', 'signup.redeem', 'workload.run', 'invite.add'].map((p) => may(verified, p as 'a.b')), [true, true, false, false]);
  assert.deepEqual(['signup.start', 'workload.run', 'invite.add'].map((p) => may(customer, p as 'a.b')), [true, true, false]);
  assert.deepEqual(['signup.start', 'workload.run', 'invite.add'].map((p) => may(operator, p as 'a.b')), [true, true, true]);
  for (const staff of ['installation.found', 'clock.advance', 'webhook.apply', 'subscription.advance', 'person.erase'] as const) assert.ok(!may(anonymous, staff) && !may(verified, staff) && !may(customer, staff), staff);
});
test('whose namespace it is: the owner, the operator, the system, and nobody else', () => {
  assert.ok(mayTouch(customer, namespaceId) && mayTouch(operator, namespaceId) && mayTouch({ kind: 'system', id: 'system:x' }, namespaceId));
  assert.ok(!mayTouch(stranger, namespaceId) && !mayTouch(customer, otherNamespaceId) && !mayTouch({ kind: 'anonymous', id: 'anon' }, namespaceId));
});

test('the gate, level by level: read, write, run, billing', () => {
  const allowed = (level: ServiceLevel): string => gateActions.filter((action) => gateVerdict(level, action).allow).join(' ');
  assert.deepEqual(Object.fromEntries(Object.keys(serviceLevels).map((level) => [level, allowed(level as ServiceLevel)])), {
    none: '', unpaid: 'billing', full: 'read write run billing', limited: 'read billing', suspended: 'billing', disabled: '',
  });
});
test('whoever is refused is told why and what to do', () => {
  for (const level of Object.keys(serviceLevels) as ServiceLevel[]) {
    for (const action of gateActions) {
      const { allow, reason, nextStep } = gateVerdict(level, action);
      assert.ok(reason !== '' && (allow || nextStep !== ''), `${level} ${action}`);
    }
  }
});

test('an old shape of an event goes through every later step, a current one through none', () => {
  const upcasts = { Thing: [(data: { a: number }) => ({ b: data.a }), (data: { b: number }) => ({ c: data.b + 1 })] };
  assert.equal(currentVersion(upcasts, 'Thing'), 3);
  assert.equal(currentVersion(upcasts, 'Other'), 1);
  assert.deepEqual(upcast(upcasts, 'Thing', 1, { a: 1 }), { c: 2 });
  assert.deepEqual(upcast(upcasts, 'Thing', 2, { b: 1 }), { c: 2 });
  assert.deepEqual(upcast(upcasts, 'Thing', 3, { c: 1 }), { c: 1 });
});
