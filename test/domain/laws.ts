/** Laws that hold for every aggregate, tried on histories made of arbitrary commands in arbitrary order. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fold, isRejection, type AnyCommand, type AnyEvent, type Decider, type Todo } from '../../src/domain/decider.ts';
import { hour, minute, plus, type Instant } from '../../src/domain/instant.ts';
import { complete, now, type Asked } from '../given.ts';

/** Commands are made for an instant that never goes back, in jumps from nothing to years. */
export const laterMs = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(0, 1, minute) }, { weight: 2, arbitrary: fc.constantFrom(hour, 24 * hour) }, { weight: 2, arbitrary: fc.nat(90 * 24 * hour) }, { weight: 1, arbitrary: fc.constant(900 * 24 * hour) });
export const timed = <C extends AnyCommand>(commands: fc.Arbitrary<Asked<C>>, stories: readonly (readonly Asked<C>[])[] = []): fc.Arbitrary<C[]> =>
  fc.tuple(fc.constantFrom<readonly Asked<C>[]>([], ...stories), fc.array(fc.tuple(laterMs, commands), { maxLength: 25 })).map(([story, entries]) => {
    let at: Instant = now;
    const told = story.map((asked): readonly [number, Asked<C>] => [0, asked]);
    return [...told, ...entries].map(([wait, asked]) => {
      at = plus(at, wait);
      const command = complete<C>(asked);
      return { ...command, facts: { ...command.facts, now: at } };
    });
  });

type Exceptions<C extends AnyCommand> = {
  /** Beginnings from which arbitrary commands reach every corner. */
  readonly stories?: readonly (readonly Asked<C>[])[];
  /** Commands that do it again when they are asked again, and why that is meant. */
  readonly again?: Readonly<Record<string, string>>;
  /** Deeds that may leave the list undone and come back under the same key, and why. */
  readonly returns?: Readonly<Record<string, string>>;
};
const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
};

export const laws = <C extends AnyCommand, S, E extends AnyEvent>(decider: Decider<C, S, E>, commands: fc.Arbitrary<Asked<C>>, todo: (state: S) => readonly Todo[] = () => [], { again = {}, returns = {}, stories = [] }: Exceptions<C> = {}): void => {
  const name = decider.category;
  const histories = (check: (state: S, command: C, after: S, events: readonly E[]) => void) =>
    fc.assert(fc.property(timed<C>(commands, stories), (asked) => {
      let state = decider.initial;
      for (const command of asked) {
        const decision = decider.decide(deepFreeze(command), deepFreeze(state));
        const events = isRejection(decision) ? [] : decision;
        const after = events.reduce((s, event) => decider.evolve(s, event), state);
        check(state, command, after, events);
        state = after;
      }
    }), { numRuns: 500 });

  test(`${name}: no command in any reachable state throws, nor does folding what was decided, nor the to-do list`, () => {
    histories((_, __, after, events) => {
      todo(after);
      assert.deepEqual(JSON.parse(JSON.stringify(events)), events, 'events survive storage unchanged');
    });
  });

  test(`${name}: asking the same again at once changes nothing${Object.keys(again).length > 0 ? `, but for ${Object.keys(again).join(', ')}` : ''}`, () => {
    const repeated = new Set<string>();
    histories((_, command, after, events) => {
      if (events.length === 0) return;
      const second = decider.decide(command, after);
      if (isRejection(second) || second.length === 0) return;
      assert.ok(command.type in again, `${command.type} asked twice: ${JSON.stringify(second)}`);
      repeated.add(command.type);
    });
    assert.deepEqual([...repeated].sort(), Object.keys(again).sort(), 'every exception is met, else it is none');
  });

  test(`${name}: folding the whole history equals folding it step by step, from any decision on`, () => {
    const start = { state: decider.initial, log: [] as E[] };
    fc.assert(fc.property(timed<C>(commands, stories), (asked) => {
      let { state, log } = start;
      for (const command of asked) {
        const decision = decider.decide(command, state);
        if (isRejection(decision)) continue;
        log = [...log, ...decision];
        state = decision.reduce((s, event) => decider.evolve(s, event), state);
      }
      assert.deepEqual(fold(decider, JSON.parse(JSON.stringify(log)) as E[]), state);
    }), { numRuns: 50 });
  });

  test(`${name}: a deed's key names one deed for ever: once gone from the list it does not come back`, () => {
    fc.assert(fc.property(timed<C>(commands, stories), (asked) => {
      let state = decider.initial;
      let listed = new Set<string>();
      const gone = new Set<string>();
      for (const command of asked) {
        const decision = decider.decide(command, state);
        if (!isRejection(decision)) state = decision.reduce((s, event) => decider.evolve(s, event), state);
        const items = todo(state).filter((item) => !(item.do in returns));
        const keys = new Set(items.map((item) => item.key));
        assert.equal(keys.size, items.length, `one key, one deed: ${items.map((item) => item.key).join(' ')}`);
        for (const key of listed) if (!keys.has(key)) gone.add(key);
        for (const key of keys) assert.ok(!gone.has(key), `${key} came back`);
        listed = keys;
      }
    }), { numRuns: 500 });
  });
};

/** From whatever state: when every deed of the list is done and recorded as its reactor does, the list runs empty. */
export const comesToRest = <C extends AnyCommand, S, E extends AnyEvent, T extends Todo>(decider: Decider<C, S, E>, commands: fc.Arbitrary<Asked<C>>, todo: (state: S) => readonly T[], outcome: (item: T, state: S) => Asked<C>, stories: readonly (readonly Asked<C>[])[] = []): void => {
  test(`${decider.category}: done deed by deed, the to-do list runs empty`, () => {
    fc.assert(fc.property(timed<C>(commands, stories), (asked) => {
      let state = decider.initial;
      const ask = (command: C): void => {
        const decision = decider.decide(command, state);
        if (!isRejection(decision)) state = decision.reduce((s, event) => decider.evolve(s, event), state);
      };
      asked.forEach(ask);
      for (let deeds = 0; ; deeds += 1) {
        const [item] = todo(state);
        if (!item) return;
        assert.ok(deeds < 100, `${item.key} is asked for again and again`);
        const command = complete<C>(outcome(item, state));
        ask({ ...command, facts: { ...command.facts, now: item.notBefore ?? plus(now, 5000 * 24 * hour) } });
      }
    }), { numRuns: 300 });
  });
};
