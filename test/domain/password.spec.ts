/** Passwords: who may set one, single-use resets, and what will not do as one. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fold, isRejection } from '../../src/domain/decider.ts';
import { plus } from '../../src/domain/instant.ts';
import { password, resetLifeMs, type PasswordCommand } from '../../src/domain/password/decide.ts';
import type { ChangedBy, PasswordEvent } from '../../src/domain/password/events.ts';
import { passwordRefusal } from '../../src/domain/password/strength.ts';
import { todo } from '../../src/domain/password/todo.ts';
import { complete, now, specify, type Asked } from '../given.ts';
import { comesToRest, laws } from './laws.ts';
import { flowId, otherFlowId, person } from './samples.ts';

const given = specify(password, todo);
const change = (n: number, from: number, by: Exclude<ChangedBy, 'reset'> = 'change') => ({ type: 'ChangePassword', person, n, from, by }) as const;
const request = (flow = flowId, at = now) => ({ type: 'RequestPasswordReset', person, flowId: flow, kid: 'k1', facts: { now: at } }) as const;
const reset = (n: number, { flow = flowId, matched = true, at = now } = {}) => ({ type: 'ResetPassword', person, n, flowId: flow, facts: { matched, now: at } }) as const;
const changed = (n: number, by: ChangedBy = 'change', at = now): PasswordEvent => ({ type: 'PasswordChanged', data: { person, n, by, at } });
const told = (n: number): PasswordEvent => ({ type: 'PasswordChangeTold', data: { person, n } });
const requested = (flow = flowId, at = now): PasswordEvent => ({ type: 'PasswordResetRequested', data: { person, flowId: flow, kid: 'k1', issuedAt: at, expiresAt: plus(at, resetLifeMs) } });
const mailed = (flow = flowId): PasswordEvent => ({ type: 'PasswordResetMailed', data: { person, flowId: flow } });

test('a first password is set, then changed; only its number is kept', () => void given().when(change(1, 0, 'signup')).then(changed(1, 'signup')).when(change(2, 1)).then(changed(2)));
test('numbers may be skipped (a crash took one), never used again', () => {
  given(changed(1)).when(change(4, 1)).then(changed(4)).when(change(3, 4)).thenRejected('PasswordMoved');
});
test('of two changes at once the second is told that the first was faster: what it was checked against is no more', () => {
  given(changed(1)).when(change(2, 1)).then(changed(2)).when(change(3, 1)).thenRejected('PasswordMoved');
  given(changed(1)).when(change(2, 0, 'session')).thenRejected('PasswordMoved');
});

test('a reset is asked for, and used once, within its hour', () => {
  const asked = given(changed(1), told(1)).when(request()).then(requested());
  asked.when(reset(2, { at: plus(now, resetLifeMs - 1) })).then(changed(2, 'reset', plus(now, resetLifeMs - 1))).when(reset(3)).thenRejected('ResetTokenWrong');
  asked.when(reset(2, { at: plus(now, resetLifeMs) })).thenRejected('ResetTokenWrong');
});
test('a token that is wrong, of another flow, or of none is refused in the same words', () => {
  const words = [given(requested()).when(reset(1, { matched: false })), given(requested()).when(reset(1, { flow: otherFlowId })), given().when(reset(1)), given(requested(), changed(1)).when(reset(2))].map((asked) => asked.thenRejected('ResetTokenWrong').detail);
  assert.equal(new Set(words).size, 1);
});
test('any change ends every open reset', () => {
  given(requested(), requested(otherFlowId)).when(reset(1)).thenTypes('PasswordChanged').when(reset(2, { flow: otherFlowId })).thenRejected('ResetTokenWrong');
  given(changed(1), requested()).when(change(2, 1)).thenTypes('PasswordChanged').when(reset(3)).thenRejected('ResetTokenWrong');
});
test('several resets may be open; those whose hour is over are forgotten', () => {
  const { state } = given(requested()).when(request(otherFlowId, plus(now, resetLifeMs))).thenTypes('PasswordResetRequested');
  assert.deepEqual(state.flows.map((flow) => flow.flowId), [otherFlowId]);
});
test('no event holds anything that a password could be guessed from', () => {
  const keys = [changed(1), told(1), requested(), mailed()].flatMap(({ data }) => Object.keys(data));
  assert.deepEqual([...new Set(keys)].sort(), ['at', 'by', 'expiresAt', 'flowId', 'issuedAt', 'kid', 'n', 'person']);
});

test('to do: each reset is mailed once; each change is followed up once', () => {
  given(requested()).thenTodo({ do: 'QueueResetMail', key: `${flowId}.reset` });
  given(requested(), mailed()).thenTodo();
  given(changed(1, 'reset')).thenTodo({ do: 'TellPasswordChange', key: `${person}.password.1`, change: { person, n: 1, by: 'reset', at: now } });
  given(changed(1), told(1)).thenTodo();
  given(changed(1), changed(2), told(1)).thenTodo({ do: 'TellPasswordChange', key: `${person}.password.2` });
});

test('too short, too long, counted as people count', () => {
  const code = (text: string, email = 'ada@example.com') => passwordRefusal(text, email)?.code;
  assert.equal(code('ninechars'), 'PasswordTooShort');
  assert.equal(code('ten chars!'), undefined);
  assert.equal(code('\u{1f511}\u{1f6aa}\u{1f3f0}\u{1f308}\u{1f40c}'), 'PasswordTooShort', 'five signs are five, however they are stored');
  assert.equal(code('é'.normalize('NFD').repeat(5) + 'abcd'), 'PasswordTooShort', 'composed before it is counted');
  assert.equal(code('long enough '.repeat(20).slice(0, 200)), undefined);
  assert.equal(code('long enough '.repeat(20).slice(0, 201)), 'PasswordTooLong');
});
test('the address itself, what is tried first, and one sign again and again will not do', () => {
  const code = (text: string) => passwordRefusal(text, 'Ada.Lovelace@example.com')?.code;
  for (const text of ['ada.lovelace@example.com', 'ADA.LOVELACE@EXAMPLE.COM1', 'Ada.Lovelace', 'my ada.lovelace@example.com']) assert.equal(code(text), 'PasswordIsAddress', text);
  for (const text of ['password123', 'Password 123', 'QWERTYUIOP', '1234567890', 'aaaaaaaaaaaa', '121212121212']) assert.equal(code(text), 'PasswordTooCommon', text);
  assert.equal(code('ada likes engines'), undefined);
});

const flows = fc.constantFrom(flowId, otherFlowId);
const command = fc.oneof<fc.Arbitrary<Asked<PasswordCommand>>[]>(
  fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(9), fc.constantFrom('signup' as const, 'session' as const, 'change' as const)).map(([n, from, by]) => change(n, from, by)),
  flows.map((flow) => request(flow)), fc.tuple(fc.integer({ min: 1, max: 9 }), flows, fc.boolean()).map(([n, flow, matched]) => ({ type: 'ResetPassword', person, n, flowId: flow, facts: { matched } })),
  fc.integer({ min: 1, max: 9 }).map((n) => ({ type: 'RecordPasswordTold', person, n })), flows.map((flow) => ({ type: 'RecordPasswordResetMail', person, flowId: flow })),
);
test('whatever is asked in whatever order: numbers only grow, and a reset is used at most once', () => {
  fc.assert(fc.property(fc.array(command, { maxLength: 30 }), (asked) => {
    let state = fold(password, [] as PasswordEvent[]);
    const resets = new Map<string, number>();
    for (const one of asked) {
      const decision = password.decide(complete<PasswordCommand>(one), state);
      if (isRejection(decision)) continue;
      for (const event of decision) {
        if (event.type === 'PasswordChanged') assert.ok(event.data.n > state.n);
        if (event.type === 'PasswordResetRequested') resets.set(event.data.flowId, 0);
        if (event.type === 'PasswordChanged' && one.type === 'ResetPassword') assert.equal(resets.get(one.flowId), 0);
        if (event.type === 'PasswordChanged') for (const flow of resets.keys()) resets.set(flow, 1);
        state = password.evolve(state, event);
      }
    }
  }));
});
comesToRest(password, command, todo, (item): Asked<PasswordCommand> => (item.do === 'QueueResetMail' ? { type: 'RecordPasswordResetMail', person, flowId: item.flow.flowId } : { type: 'RecordPasswordTold', person, n: item.change.n }));
laws(password, command, todo, { stories: [[change(1, 0, 'signup')], [request()]], returns: { QueueResetMail: 'a flow is asked for once: its id is drawn anew each time' } });
