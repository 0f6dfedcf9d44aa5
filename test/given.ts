/**
 * A specification in sentences: `given(...events).when(command).then(...events)`, or `.thenNothing()`,
 * `.thenRejected(code)`, `.thenTodo(...)`. A further `.when` asks again, after what the one before decided.
 */
import assert from 'node:assert/strict';
import { fold, isRejection, type AnyCommand, type AnyEvent, type Decider, type Decision, type Facts, type Rejection, type Todo } from '../src/domain/decider.ts';
import type { Instant } from '../src/domain/instant.ts';

export const now = '2026-03-01T12:00:00.000Z' as Instant;
export const anybody: Facts = { now, actor: { kind: 'system', id: 'system:test' } };

type OwnFacts<C extends AnyCommand> = Omit<C['facts'], keyof Facts>;
/** A command as a test writes it: now and actor may be left out, the decision's own facts only where they are optional. */
export type Asked<C extends AnyCommand> = C extends AnyCommand
  ? Omit<C, 'facts'> & ({} extends OwnFacts<C> ? { readonly facts?: Partial<C['facts']> } : { readonly facts: Partial<Facts> & OwnFacts<C> })
  : never;
export const complete = <C extends AnyCommand>(asked: Asked<C>): C => ({ ...asked, facts: { ...anybody, ...(asked as { facts?: object }).facts } }) as unknown as C;

const show = (value: unknown): string => (isRejection(value) ? `refused: ${value.code}` : JSON.stringify(value));
const compare = (story: string, check: () => void): void => {
  try {
    check();
  } catch (error) {
    throw new assert.AssertionError({ message: `${story}\n${error instanceof Error ? error.message : String(error)}`, stackStartFn: compare });
  }
};

/** Starts specifications of one aggregate; with `todo`, of its to-do list too. */
export const specify = <C extends AnyCommand, S, E extends AnyEvent, T extends Todo = Todo>(decider: Decider<C, S, E>, todo?: (state: S) => readonly T[]) => {
  const listed = (story: string, state: S, expected: readonly Partial<T>[]): void => {
    if (!todo) throw new Error(`no to-do list was given for ${decider.category}`);
    const items = todo(state);
    compare(`${story}\n  then to do: ${show(items.map((item) => item.key))}`, () => {
      assert.equal(items.length, expected.length, `expected ${expected.length} items: ${show(expected)}`);
      expected.forEach((item, i) => assert.partialDeepStrictEqual(items[i], item));
    });
  };
  const on = (story: string, state: S) => ({
    when: (asked: Asked<C>) => {
      const command = complete<C>(asked);
      return decided(`${story}\n  when ${show(command)}`, decider.decide(command, state), state);
    },
    thenTodo: (...expected: Partial<T>[]) => listed(story, state, expected),
    state,
  });
  const decided = (story: string, decision: Decision<E>, state: S) => {
    const told = `${story}\n  decided ${show(decision)}`;
    const rejected = (code: string): Rejection => {
      compare(told, () => assert.equal(isRejection(decision) ? decision.code : decision, code));
      return decision as Rejection;
    };
    const events = (): readonly E[] => {
      compare(told, () => assert.ok(!isRejection(decision), 'it was refused'));
      return decision as readonly E[];
    };
    const after = () => on(told, events().reduce((folded, event) => decider.evolve(folded, event), state));
    return {
      then: (...expected: E[]) => (compare(told, () => assert.deepEqual(decision, expected)), after()),
      /** Only the names of the events: where their data is another test's subject. */
      thenTypes: (...types: E['type'][]) => (compare(told, () => assert.deepEqual(isRejection(decision) ? decision.code : decision.map(({ type }) => type), types)), after()),
      thenNothing: () => (compare(told, () => assert.deepEqual(decision, [])), after()),
      thenRejected: rejected,
      thenTodo: (...expected: Partial<T>[]) => after().thenTodo(...expected),
      when: (asked: Asked<C>) => after().when(asked),
      state: () => after().state,
    };
  };
  return (...events: readonly E[]) => on(`given ${show(events.map(({ type }) => type))}`, fold(decider, events));
};
