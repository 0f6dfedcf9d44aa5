/** The pump with a reactor of its own: tries, waits, parks, is released, and remembers across restarts. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { everything } from './harness.ts';
import { inSeconds, start, streamOf, tries, unavailable, withPost } from './post.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';

withPost('what is to be done is done once, its outcome recorded by the reactor, and nothing remains', async (post) => {
  await post.ask('SendParcel', { id: 'a' });
  await post.ask('SendParcel', { id: 'a' });
  await post.ask('SendParcel', { id: 'b' });
  await post.settled();
  assert.deepEqual(post.deeds.map(({ key }) => key).sort(), ['a.0', 'a.1', 'b.0']);
  const delivered = (await everything(post.log.readAll(0n))).filter(({ type }) => type === 'ParcelDelivered');
  assert.equal(delivered.length, 3);
  for (const { meta } of delivered) assert.equal(meta.actor, 'system:delivering');
  assert.deepEqual([post.pump.waiting(), post.pump.nextDueAt(), post.pump.parked().length, post.warnings.length], [0, undefined, 0, 0]);
});

withPost('an outcome names the event that woke the reactor, and belongs to the same correlation', async (post) => {
  await post.ask('SendParcel', { id: 'a' });
  await post.settled();
  const [sent, delivered] = await everything(post.log.readAll(0n));
  assert.deepEqual([delivered?.meta.causationId, delivered?.meta.correlationId], [sent?.id, sent?.meta.correlationId]);
});

withPost('an unavailable world is asked again after growing waits; after the last try the work is parked, as an event', async (post) => {
  post.world = unavailable;
  await post.ask('SendParcel', { id: 'a' });
  await post.until(inSeconds(30 * 24 * 3_600));
  assert.deepEqual(post.secondsOf('a.0'), tries);
  const waits = tries.slice(1).map((at, n) => at - (tries[n] ?? 0));
  assert.deepEqual(waits, [...new Set(waits)].sort((a, b) => a - b), 'each wait is longer than the one before');
  assert.deepEqual(await post.types(), ['ParcelSent', 'WorkParked']);
  assert.deepEqual(post.pump.parked(), [{ subject: streamOf('a'), key: 'a.0', deed: 'deliver', error: 'the road is closed', since: inSeconds(4_881), attempts: 8 }]);
  assert.equal(post.pump.nextDueAt(), undefined);
});

withPost('a world that comes back in time: delivered at that try, the tries forgotten', async (post) => {
  post.world = unavailable;
  await post.ask('SendParcel', { id: 'a' });
  await post.until(inSeconds(20));
  post.world = async () => undefined;
  await post.until(inSeconds(3_600));
  assert.deepEqual(post.secondsOf('a.0'), [0, 1, 6, 21]);
  assert.deepEqual(await post.types(), ['ParcelSent', 'ParcelDelivered']);
  assert.equal(post.pump.waiting(), 0);
});

withPost('any other error is a bug: parked at once', async (post) => {
  post.world = async () => {
    throw new TypeError('undefined is no parcel');
  };
  await post.ask('SendParcel', { id: 'a' });
  await post.settled();
  assert.deepEqual(post.secondsOf('a.0'), [0]);
  assert.deepEqual(post.pump.parked().map(({ key, error, attempts }) => [key, error, attempts]), [['a.0', 'undefined is no parcel', 1]]);
  assert.deepEqual(await post.types(), ['ParcelSent', 'WorkParked']);
});

withPost('released work is tried from the start, and can be parked and released again', async (post) => {
  post.world = async () => {
    throw new TypeError('not yet');
  };
  await post.ask('SendParcel', { id: 'a' });
  await post.settled();
  await post.until(inSeconds(10));
  await post.ask('ReleaseWork', { reactor: 'delivering', subject: streamOf('a') });
  await post.settled();
  assert.equal(post.pump.parked().length, 1, 'parked a second time');
  post.world = async () => undefined;
  await post.until(inSeconds(20));
  await post.ask('ReleaseWork', { reactor: 'delivering', subject: streamOf('a') });
  await post.settled();
  assert.deepEqual(await post.types(), ['ParcelSent', 'WorkParked', 'WorkReleased', 'WorkParked', 'WorkReleased', 'ParcelDelivered']);
  assert.deepEqual(post.secondsOf('a.0'), [0, 10, 20]);
  assert.deepEqual([post.pump.parked().length, post.pump.waiting()], [0, 0]);
});

withPost('a poisoned stream delays no other, and within its stream only what is poisoned itself', async (post) => {
  post.world = (key) => (key === 'poison.0' ? unavailable() : Promise.resolve());
  await post.ask('SendParcel', { id: 'poison' });
  await post.ask('SendParcel', { id: 'poison' });
  for (let n = 0; n < 20; n += 1) await post.ask('SendParcel', { id: `fine${n}` });
  await post.settled();
  assert.equal((await post.types()).filter((type) => type === 'ParcelDelivered').length, 21);
  assert.deepEqual(new Set(post.deeds.map(({ at }) => at)), new Set([start]), 'all of them without waiting');
  assert.equal(post.pump.nextDueAt(), inSeconds(1));
});

withPost('a deed that hangs holds up its own stream only', async (post) => {
  let open = (): void => undefined;
  post.world = (key) => (key === 'slow.0' ? new Promise((resolve) => (open = resolve)) : Promise.resolve());
  await post.ask('SendParcel', { id: 'slow' });
  await post.ask('SendParcel', { id: 'slow' });
  await post.ask('SendParcel', { id: 'fast' });
  while (!(await post.types()).includes('ParcelDelivered')) await sleep(1);
  assert.deepEqual(post.deeds.map(({ key }) => key).sort(), ['fast.0', 'slow.0']);
  open();
  await post.settled();
  assert.equal((await post.types()).filter((type) => type === 'ParcelDelivered').length, 3);
});

withPost('due instants: nothing before, at the instant itself yes, the earliest first', async (post) => {
  await post.ask('SendParcel', { id: 'late', notBefore: inSeconds(7_200) });
  await post.ask('SendParcel', { id: 'early', notBefore: inSeconds(3_600) });
  await post.ask('SendParcel', { id: 'early', notBefore: inSeconds(9_000) });
  await post.settled();
  assert.deepEqual([post.deeds.length, post.pump.nextDueAt()], [0, inSeconds(3_600)]);
  post.clock.advance(3_599_999);
  await post.settled();
  assert.equal(post.deeds.length, 0);
  post.clock.advance(1);
  await post.settled();
  assert.deepEqual([post.deeds.map(({ key }) => key), post.pump.nextDueAt()], [['early.0'], inSeconds(7_200)]);
  await post.until(inSeconds(10_000));
  assert.deepEqual(post.deeds.map(({ key, at }) => [key, at]), [['early.0', inSeconds(3_600)], ['late.0', inSeconds(7_200)], ['early.1', inSeconds(9_000)]]);
  assert.equal(post.pump.waiting(), 0);
});

withPost('rows survive a restart: counted tries, waits and due instants go on where they were', async (post) => {
  post.world = unavailable;
  await post.ask('SendParcel', { id: 'a' });
  await post.ask('SendParcel', { id: 'later', notBefore: inSeconds(60) });
  await post.until(inSeconds(10));
  assert.deepEqual(post.secondsOf('a.0'), [0, 1, 6]);
  await post.restart();
  await post.settled();
  assert.deepEqual([post.secondsOf('a.0'), post.pump.nextDueAt()], [[0, 1, 6], inSeconds(21)], 'not tried sooner than it would have been');
  await post.until(inSeconds(10_000));
  assert.deepEqual(post.secondsOf('a.0'), tries);
  assert.equal(post.secondsOf('later.0')[0], 60);
});

withPost('what came due while it was stopped is done at the start', async (post) => {
  await post.ask('SendParcel', { id: 'a', notBefore: inSeconds(60) });
  await post.settled();
  await post.pump.stop();
  post.clock.advance(3_600_000);
  await post.open();
  await post.settled();
  assert.deepEqual(post.secondsOf('a.0'), [3_600]);
});

withPost('without its rows it finds everything again in the log: what is parked stays parked, what is done is not done again', async (post) => {
  post.world = async (key) => {
    if (key === 'bad.0') throw new TypeError('never');
  };
  await post.ask('SendParcel', { id: 'good' });
  await post.ask('SendParcel', { id: 'bad' });
  await post.ask('SendParcel', { id: 'late', notBefore: inSeconds(60) });
  await post.settled();
  const before = post.pump.parked();
  assert.equal(before.length, 1);
  await post.restart('fresh rows');
  await post.settled();
  assert.deepEqual(post.deeds.map(({ key }) => key).sort(), ['bad.0', 'good.0']);
  assert.deepEqual(post.pump.parked(), before);
  assert.equal(post.pump.nextDueAt(), inSeconds(60));
});

withPost('a deed whose outcome was lost is done again under the same key, and recorded once', async (post) => {
  const parts: string[] = [];
  let first = true;
  post.world = async (key, deed) => {
    const { revision } = await deed.dispatch('SendParcel', { id: 'elsewhere', notBefore: inSeconds(3_600) }, 'part');
    parts.push(`${key} ${revision}`);
    if (key === 'a.0' && first) {
      first = false;
      throw new Unavailable('the answer was lost');
    }
  };
  await post.ask('SendParcel', { id: 'a' });
  await post.until(inSeconds(10));
  assert.deepEqual(parts, ['a.0 0', 'a.0 0'], 'the command inside it was answered from the record');
  assert.deepEqual(await post.types(), ['ParcelSent', 'ParcelSent', 'ParcelDelivered']);
});

withPost('a hundred deeds of one stream are all done, though one turn does only fifty', async (post) => {
  for (let n = 0; n < 100; n += 1) await post.ask('SendParcel', { id: 'many', notBefore: inSeconds(1) });
  await post.until(inSeconds(2));
  assert.equal(new Set(post.deeds.map(({ key }) => key)).size, 100);
  assert.equal(post.deeds.length, 100);
});

withPost('when parking cannot be recorded the work is not parked half: it is tried again, then parked as an event that can be released', async (post) => {
  post.world = async () => {
    throw new TypeError('never');
  };
  post.store.fate = (append, stream) => (stream.startsWith('work-') ? Promise.reject(new Error('the disk is full')) : append());
  await post.ask('SendParcel', { id: 'a' });
  await post.until(inSeconds(7));
  assert.deepEqual(await post.types(), ['ParcelSent']);
  assert.deepEqual(post.pump.parked(), []);
  assert.deepEqual(post.secondsOf('a.0'), [0, 1, 6], 'not at once, not never, and less and less often');
  post.store.fate = (append) => append();
  await post.until(inSeconds(30));
  assert.deepEqual([await post.types(), post.pump.parked().length], [['ParcelSent', 'WorkParked'], 1]);
  post.world = async () => undefined;
  await post.ask('ReleaseWork', { reactor: 'delivering', subject: streamOf('a') });
  await post.settled();
  assert.deepEqual((await post.types()).slice(2), ['WorkReleased', 'ParcelDelivered']);
});
