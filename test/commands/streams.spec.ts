/** One queue per stream: what becomes of commands that come together, race, repeat, or whose commit fails. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { accepted, countedIn, job, logOn, originOf, storedIn, streamsOn, tally, tallyStream, TestStore, turns, type Tally } from './harness.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { StaleRevision, Streams } from '../../src/commands/streams.ts';
import { isRejection } from '../../src/domain/decider.ts';
import type { Appended } from '../../src/domain/ports/event-store.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';
import { BrokenChain } from '../../src/domain/ports/log.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const lost = (): Promise<Appended> => Promise.reject(new Error('the connection broke'));

test('64 commands at once on one stream all succeed, in their order, with revisions 0 to 63', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  const outcomes = (await Promise.all(range(64).map((n) => streams.run(job(n, { of: String(n) }))))).map(accepted);
  assert.deepEqual(outcomes.map(({ events }) => events.map(({ revision }) => revision)), range(64).map((n) => [n]));
  assert.deepEqual(outcomes.map(({ head }) => head.revision), range(64));
  assert.deepEqual(await countedIn(store), range(64).map(String));
  assert.equal(store.appends, 64, 'none was decided twice');
  assert.deepEqual((await streams.state(tally, tallyStream())).state, { counted: range(64).map(String) });
});

test('streams do not wait for one another: one whose append hangs holds up nobody else', async () => {
  const store = new TestStore();
  store.fate = (append, stream) => (stream === tallyStream('slow') ? new Promise(() => undefined) : append());
  const streams = streamsOn(store);
  void streams.run(job(1, { of: 'slow' }, { stream: tallyStream('slow') }));
  await turns();
  accepted(await streams.run(job(2, { of: 'fast' }, { stream: tallyStream('fast') })));
  assert.deepEqual(await countedIn(store, 'fast'), ['fast']);
});

test('a race that is lost to another process is decided again on what is really there', async () => {
  const shared = new MemoryEventStore();
  const [a, b] = [streamsOn(new TestStore(shared), false), streamsOn(new TestStore(shared), false)];
  for (const streams of [a, b]) await streams.state(tally, tallyStream()); // both remember an empty stream
  const both = await Promise.all([a.run(job(1, { of: 'a' })), b.run(job(2, { of: 'b' }))]);
  assert.deepEqual(both.map((outcome) => accepted(outcome).head.revision).sort(), [0, 1]);
  assert.equal((await countedIn(shared)).length, 2);
  const last = await Promise.all([a.run(job(3, { of: 'c', max: 3 })), b.run(job(4, { of: 'd', max: 3 }))]);
  assert.equal(last.filter(isRejection).length, 1, 'there was room for one: the loser is refused by the rule, not by the race');
  assert.equal((await countedIn(shared)).length, 3);
});

test('what another process has written is seen by the next command, without a race', async () => {
  const shared = new MemoryEventStore();
  const [a, b] = [streamsOn(shared, false), streamsOn(shared, false)];
  accepted(await a.run(job(1, { of: 'a' })));
  accepted(await b.run(job(2, { of: 'b' })));
  assert.ok(isRejection(await a.run(job(3, { of: 'c', max: 2 }))));
  assert.deepEqual((await a.state(tally, tallyStream())).state, { counted: ['a', 'b'] });
});

test('of eight processes at once every command ends in its own event, or says that the stream has moved on', async () => {
  const shared = new MemoryEventStore();
  const outcomes = await Promise.allSettled(range(8).map((n) => streamsOn(shared, false).run(job(n, { of: String(n) }))));
  const won = outcomes.flatMap((outcome, n) => (outcome.status === 'fulfilled' ? [String(n)] : []));
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof StaleRevision);
  assert.deepEqual((await countedIn(shared)).sort(), won.sort());
  assert.ok(won.length >= 3);
});

test('a commit that happened, though its answer was lost, is found by its command id: answered as recorded, and no second event', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  accepted(await streams.run(job(1, { of: 'before' })));
  let losses = 1;
  store.fate = async (append) => {
    const appended = await append();
    return losses-- > 0 ? lost() : appended;
  };
  const outcome = accepted(await streams.run(job(2, { of: 'once' }, { ifMatch: 0 })));
  assert.ok(outcome.repeated);
  assert.deepEqual(outcome.events.map(({ revision, meta }) => [revision, meta.commandId]), [[1, job(2, { of: '' }).commandId]]);
  assert.equal(outcome.head.revision, 1);
  accepted(await streams.run(job(3, { of: 'after' })));
  assert.deepEqual(await countedIn(store), ['before', 'once', 'after']);
});

test('when the answers of many queued commits are lost, each command is still found, once', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  let losses = 10;
  store.fate = async (append) => {
    const appended = await append();
    return losses-- > 0 ? lost() : appended;
  };
  const outcomes = await Promise.all(range(20).map((n) => streams.run(job(n, { of: String(n) }))));
  assert.deepEqual(outcomes.map((outcome) => accepted(outcome).events.map(({ revision }) => revision)), range(20).map((n) => [n]));
  assert.deepEqual(await countedIn(store), range(20).map(String));
});

test('an append that fails before anything is written: it and all that were queued behind it are decided again', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  accepted(await streams.run(job(0, { of: 'zero' })));
  let failures = 1;
  store.fate = (append) => (failures-- > 0 ? lost() : append());
  const outcomes = await Promise.all(range(10).map((n) => streams.run(job(n + 1, { of: String(n) }))));
  assert.deepEqual(outcomes.map((outcome) => accepted(outcome).repeated), range(10).map(() => false));
  const counted = await countedIn(store);
  assert.deepEqual([...counted].sort(), ['zero', ...range(10).map(String)].sort());
  assert.deepEqual((await streams.state(tally, tallyStream())).state, { counted });
  for (const [n, outcome] of outcomes.entries()) assert.equal(counted[accepted(outcome).events[0]?.revision ?? -1], String(n), 'each is answered with its own event');
});

test('decided again means on the state without the failed ones: a rule that they had used up allows it now', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  let broken = true;
  store.fate = (append) => (broken ? lost() : append());
  const first = streams.run(job(1, { of: 'first', max: 1 }));
  await turns(2);
  await assert.rejects(first, Unavailable);
  broken = false;
  assert.equal(accepted(await streams.run(job(2, { of: 'second', max: 1 }))).head.revision, 0);
});

test('a store that goes on failing ends in Unavailable, never in a loop, and its return is noticed', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  store.fate = lost;
  const outcomes = await Promise.allSettled(range(5).map((n) => streams.run(job(n, { of: String(n) }))));
  for (const outcome of outcomes) assert.ok(outcome.status === 'rejected' && outcome.reason instanceof Unavailable);
  store.fate = (append) => append();
  accepted(await streams.run(job(9, { of: 'back' })));
  assert.deepEqual(await countedIn(store), ['back']);
});

test('a repeated command id answers the recorded events: while under way, later, and after a restart', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  const [first, together] = (await Promise.all([streams.run(job(1, { of: 'a' })), streams.run(job(1, { of: 'a' }))])).map(accepted);
  accepted(await streams.run(job(2, { of: 'b' })));
  const later = accepted(await streams.run(job(1, { of: 'a' })));
  const restarted = accepted(await streamsOn(store).run(job(1, { of: 'a' })));
  assert.deepEqual([first?.repeated, together?.repeated, later.repeated, restarted.repeated], [false, true, true, true]);
  for (const again of [together, later, restarted]) {
    assert.deepEqual(again?.events, first?.events);
    assert.deepEqual(again?.head, first?.head);
  }
  assert.deepEqual(await countedIn(store), ['a', 'b']);
});

test('an outcome without events is decided again when it is asked again', async () => {
  const streams = streamsOn(new TestStore());
  assert.ok(isRejection(await streams.run(job(1, { of: 'a', max: 0 }))));
  assert.equal(accepted(await streams.run(job(1, { of: 'a', max: 1 }))).events.length, 1);
});

test('nothing and refusals that rest on events not yet durable are answered only once these are', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  store.fate = (append) => gate.then(append);
  const answered: string[] = [];
  const asked = [
    streams.run(job(1, { of: 'a', once: true })).then(() => answered.push('event')),
    streams.run(job(2, { of: 'a', once: true })).then((outcome) => answered.push(`nothing ${accepted(outcome).events.length} at ${accepted(outcome).head.revision}`)),
    streams.run(job(3, { of: 'b', max: 1 })).then((outcome) => answered.push(`refused ${isRejection(outcome)}`)),
  ];
  await turns(50);
  assert.deepEqual(answered, []);
  open();
  await Promise.all(asked);
  assert.deepEqual(answered.sort(), ['event', 'nothing 0 at 0', 'refused true']);
});

test('when what a refusal rests on fails, the refusal is not given: it is decided again', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  store.fate = async () => {
    await turns(5);
    return lost();
  };
  const first = streams.run(job(1, { of: 'a', max: 1 }));
  await turns(2);
  const second = streams.run(job(2, { of: 'b', max: 1 }));
  void first.catch(() => undefined);
  await turns(2);
  let left = 1;
  store.fate = (append) => (left-- > 0 ? lost() : append());
  const outcomes = await Promise.allSettled([first, second]);
  const written = await countedIn(store);
  assert.equal(written.length, 1, 'there is room for one');
  const won = outcomes.filter((outcome) => outcome.status === 'fulfilled' && !isRejection(outcome.value));
  assert.equal(won.length, 1, 'and exactly that one was told so');
});

test('If-Match: a stale view is refused and nothing is written; the right one is let through, on pending state too', async () => {
  const store = new TestStore();
  const streams = streamsOn(store);
  accepted(await streams.run(job(1, { of: 'a' })));
  for (const ifMatch of [-1, 1, 7]) await assert.rejects(streams.run(job(2, { of: 'b' }, { ifMatch })), StaleRevision);
  assert.equal(store.appends, 1);
  const outcomes = await Promise.allSettled([streams.run(job(3, { of: 'c' }, { ifMatch: 0 })), streams.run(job(4, { of: 'd' }, { ifMatch: 0 })), streams.run(job(5, { of: 'e' }, { ifMatch: 1 }))]);
  assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
  assert.deepEqual(await countedIn(store), ['a', 'c', 'e']);
});

test('nothing is decided on a stream whose chain is broken, and it is not tried again', async () => {
  const store = new TestStore();
  accepted(await streamsOn(store).run(job(1, { of: 'a' })));
  const [event] = await storedIn(store);
  const damaged = new MemoryEventStore();
  await damaged.append(tallyStream(), 'no-stream', [{ ...(event as NonNullable<typeof event>), data: '{"n":0,"of":"b"}' }]);
  const watched = new TestStore(damaged);
  await assert.rejects(streamsOn(watched).run(job(2, { of: 'c' })), BrokenChain);
  assert.equal(watched.appends, 0);
});

test('a state that was dropped for want of room is folded again: only speed is lost', async () => {
  const store = new TestStore();
  const streams = new Streams(logOn(store), 1);
  for (const n of range(12)) accepted(await streams.run(job(n, { of: String(n) }, { stream: tallyStream(String(n % 3)) })));
  for (const id of range(3)) assert.equal(((await streams.state(tally, tallyStream(String(id)))).state as Tally).counted.length, 4);
  assert.ok(accepted(await streams.run(job(1, { of: '1' }, { stream: tallyStream('1') }))).repeated);
});

test('stamps never go back, though the clock does: in one stream, across streams, and after a restart', async () => {
  const store = new TestStore();
  const times = ['2026-03-01T12:00:05.000Z', '2026-03-01T12:00:01.000Z', '2026-03-01T12:00:09.000Z', '2026-02-01T12:00:00.000Z'];
  const write = async (streams: Streams, from: number): Promise<void> => {
    for (const [n, at] of times.entries()) await streams.run(job(from + n, { of: at }, { stream: tallyStream(String(n % 2)), now: () => at as never, origin: (stamped) => originOf(stamped, from + n) }));
  };
  await write(streamsOn(store), 0);
  const log = logOn(store);
  await log.recover();
  await write(new Streams(log), 10);
  const stamps = (await storedIn(store)).map(({ meta }) => (JSON.parse(meta) as { at: string }).at);
  assert.deepEqual(stamps, [...stamps].sort());
  assert.deepEqual([stamps[1], stamps.at(-1)], [times[0], times[2]]);
});
