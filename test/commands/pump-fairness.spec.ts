/** One customer's stuck work delays nobody else's: failing, hanging and slow deeds, more of them than there are turns, and what is parked of them. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { everything } from './harness.ts';
import { inSeconds, start, streamOf, unavailable, withPost, type Post } from './post.ts';
import { deadlineDefaultMs, patienceMs } from '../../src/commands/reactors/pump.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';
import type { PersonId } from '../../src/domain/ids.ts';
import type { WorkEvent } from '../../src/domain/work/events.ts';

const stuckMax = 20;
const never = (): Promise<never> => new Promise(() => undefined);
const deliveredOf = async (post: Post): Promise<string[]> => (await everything(post.log.readAll(0n))).filter(({ type }) => type === 'ParcelDelivered').map(({ data }) => (data as { id: string }).id);
const workOf = async (post: Post): Promise<WorkEvent[]> => (await everything(post.log.readAll(0n))).filter(({ type }) => type.startsWith('Work')).map(({ type, data }) => ({ type, data }) as WorkEvent);
/** Looks until it is so, for as long as the test may run. */
const eventually = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await sleep(1);
};
const sendStuck = async (post: Post): Promise<void> => {
  for (let n = 0; n < stuckMax; n += 1) await post.ask('SendParcel', { id: `stuck${n}` });
};

withPost('customers whose work fails with a bug, or whose world is away for ever, delay nobody', async (post) => {
  post.world = async (key) => {
    if (key.startsWith('bug')) throw new TypeError('undefined is no parcel');
    if (key.startsWith('away')) await unavailable();
  };
  for (let n = 0; n < stuckMax; n += 1) for (const kind of ['bug', 'away']) await post.ask('SendParcel', { id: `${kind}${n}` });
  await post.ask('SendParcel', { id: 'fine' });
  await post.settled();
  assert.deepEqual([await deliveredOf(post), post.deeds.find(({ key }) => key === 'fine.0')?.at], [['fine'], start]);
  assert.equal(post.pump.parked().length, stuckMax, 'the bugs, at once');
});

withPost('more hanging customers than there are turns: theirs are given back, and the next one is served', async (post) => {
  post.world = (key) => (key.startsWith('stuck') ? never() : Promise.resolve());
  await sendStuck(post);
  await eventually(() => post.deeds.length === 8);
  await post.ask('SendParcel', { id: 'fine' });
  for (let patience = 0; !(await deliveredOf(post)).includes('fine'); patience += 1) {
    assert.ok(patience <= stuckMax / 8 + 1, 'a turn is given back after the patience, not later');
    post.clock.advance(patienceMs);
    await sleep(5);
  }
  assert.ok(post.deeds.filter(({ key }) => key.startsWith('stuck')).length <= stuckMax, 'a stream whose deed hangs is not looked at a second time meanwhile');
});

withPost('a deed that is only slow is done once, however long it gives its turn away for', async (post) => {
  let finish = (): void => undefined;
  post.world = (key) => (key === 'slow.0' ? new Promise((resolve) => (finish = resolve)) : Promise.resolve());
  await post.ask('SendParcel', { id: 'slow' });
  await eventually(() => post.deeds.length === 1);
  post.clock.advance(deadlineDefaultMs - 1);
  await post.ask('SendParcel', { id: 'slow' });
  await post.ask('SendParcel', { id: 'fine' });
  await eventually(async () => (await deliveredOf(post)).includes('fine'));
  assert.deepEqual(post.deeds.map(({ key }) => key), ['slow.0', 'fine.0'], 'its own stream waits for it');
  finish();
  await post.settled();
  assert.deepEqual((await deliveredOf(post)).sort(), ['fine', 'slow', 'slow']);
  assert.deepEqual(post.secondsOf('slow.0'), [0]);
});

withPost('a deed without an answer counts as unavailable after its deadline: tried again under its key, parked in the end, and what it would still do is refused', async (post) => {
  const late: string[] = [];
  const hanging: { readonly go: () => void; readonly aborted: () => boolean }[] = [];
  post.world = async (_, deed) => {
    await new Promise<void>((go) => hanging.push({ go, aborted: () => deed.signal.aborted }));
    await deed.dispatch('SendParcel', { id: 'late' }).catch((error: unknown) => late.push(String(error)));
  };
  await post.ask('SendParcel', { id: 'a' });
  for (let tries = 1; tries <= 8; tries += 1) {
    await eventually(() => hanging.length === tries);
    post.clock.advance(deadlineDefaultMs);
    await eventually(() => (post.pump.nextDueAt() ?? '') > post.clock.now() || post.pump.parked().length > 0);
    assert.equal(hanging[tries - 1]?.aborted(), true);
    const due = post.pump.nextDueAt();
    if (post.pump.parked().length === 0 && due !== undefined) post.clock.advance(Date.parse(due) - Date.parse(post.clock.now()));
  }
  assert.partialDeepStrictEqual(post.pump.parked(), [{ subject: streamOf('a'), key: 'a.0', deed: 'deliver', error: 'no answer within 600 seconds', attempts: 8 }]);
  for (const { go } of hanging) go();
  await eventually(() => late.length === hanging.length);
  await post.settled();
  assert.deepEqual(await post.types(), ['ParcelSent', 'WorkParked'], 'nothing came of the late ones');
});

withPost('what hangs does not hold up the stop, and is done after the next start', async (post) => {
  post.world = never;
  await post.ask('SendParcel', { id: 'a' });
  await eventually(() => post.deeds.length === 1);
  await post.stop();
  post.world = async () => undefined;
  await post.open();
  await post.settled();
  assert.deepEqual(await deliveredOf(post), ['a']);
});

withPost('a failure after the stop is nobody\'s: it is not recorded, and tried anew at the next start', async (post) => {
  let fail = (): void => undefined;
  post.world = () => new Promise((_, reject) => (fail = () => reject(new TypeError('the database is closed'))));
  await post.ask('SendParcel', { id: 'a' });
  await eventually(() => post.deeds.length === 1);
  const stopped = post.pump.stop();
  fail();
  await stopped;
  assert.deepEqual(await post.types(), ['ParcelSent']);
  post.world = async () => undefined;
  await post.open();
  await post.settled();
  assert.deepEqual(await post.types(), ['ParcelSent', 'ParcelDelivered']);
});

withPost('two deeds of one subject are parked as two events, with whose they are; one is released, the other waits on', async (post) => {
  const owner = `per_${'1'.repeat(20)}`;
  post.world = async () => {
    throw new TypeError('never');
  };
  await post.ask('SendParcel', { id: owner });
  await post.ask('SendParcel', { id: owner });
  await post.settled();
  assert.deepEqual((await workOf(post)).map(({ type, data }) => [type, data.key, (data as { owner?: string }).owner]), [['WorkParked', `${owner}.0`, owner], ['WorkParked', `${owner}.1`, owner]]);
  post.world = async () => undefined;
  await post.ask('ReleaseWork', { reactor: 'delivering', subject: streamOf(owner), key: `${owner}.1` });
  await post.settled();
  assert.deepEqual(post.pump.parked().map(({ key, owner: whose }) => [key, whose]), [[`${owner}.0`, owner]]);
  await post.restart('fresh rows');
  await post.settled();
  assert.deepEqual(post.pump.parked().map(({ key, owner: whose }) => [key, whose]), [[`${owner}.0`, owner]], 'the same out of the log alone');
  await post.ask('ReleaseWork', { reactor: 'delivering', subject: streamOf(owner) });
  await post.settled();
  assert.deepEqual([post.pump.parked(), (await deliveredOf(post)).length], [[], 2]);
});

withPost('whose it is may be found out by the deed itself', async (post) => {
  const owner: PersonId = `per_${'2'.repeat(20)}`;
  post.world = async (_, deed) => {
    deed.belongsTo(owner);
    throw new TypeError('never');
  };
  await post.ask('SendParcel', { id: 'a' });
  await post.settled();
  assert.equal(post.pump.parked()[0]?.owner, owner);
});

withPost('parked work that its subject no longer asks for releases itself', async (post) => {
  post.world = async () => {
    throw new TypeError('never');
  };
  await post.ask('SendParcel', { id: 'a' });
  await post.settled();
  await post.ask('RecordDelivered', { id: 'a', n: 0 }); // somebody else has done it
  await post.settled();
  assert.deepEqual(await post.types(), ['ParcelSent', 'WorkParked', 'ParcelDelivered', 'WorkReleased']);
  assert.deepEqual([post.pump.parked(), post.pump.waiting()], [[], 0]);
  await post.restart('fresh rows');
  await post.settled();
  assert.equal((await post.types()).length, 4, 'and a fresh look at the log repeats none of it');
});

withPost('work taken aside before it is tried is not tried until it is released', async (post) => {
  const at = inSeconds(60);
  await post.ask('SendParcel', { id: 'a', notBefore: at });
  await post.ask('ParkWork', { reactor: 'delivering', subject: streamOf('a'), deeds: [{ key: 'a.0', deed: 'deliver', attempts: 0, error: 'parked by staff' }] });
  await post.until(inSeconds(120));
  assert.deepEqual([post.deeds.length, post.pump.parked().length], [0, 1]);
  await post.ask('ReleaseWork', { reactor: 'delivering', subject: streamOf('a') });
  await post.settled();
  assert.deepEqual(post.secondsOf('a.0'), [120]);
});

withPost('a world that comes back forgets its deadline: nothing waits for an instant that has no meaning any more', async (post) => {
  let tries = 0;
  post.world = async () => {
    tries += 1;
    if (tries === 1) throw new Unavailable('once');
  };
  await post.ask('SendParcel', { id: 'a' });
  await post.until(inSeconds(2));
  post.clock.advance(deadlineDefaultMs);
  await post.settled();
  assert.deepEqual(await post.types(), ['ParcelSent', 'ParcelDelivered']);
});
