/** What all runtimes promise; `runtime.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkloadId } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/instant.ts';
import type { LogLine, LogQuery, RunReport, Runtime, WorkloadSpec } from '../../src/domain/ports/runtime.ts';

export type World = {
  readonly runtime: Runtime;
  /** A stored source that runs until it is told to end. */
  readonly source: string;
  /** A stored source that is built first, until `finishBuild`; then it is like `source`. */
  readonly slow: string;
  /** A stored source whose process ends at once, with code 9. */
  readonly dying: string;
  /** Lets the build that is under way end with this code. */
  readonly finishBuild: (workload: WorkloadId, code: number) => Promise<void>;
  /** Lets the workload's process end by itself, with this code. */
  readonly crash: (workload: WorkloadId, code: number) => Promise<void>;
  /** Kills what keeps the workload, as if the machine had failed. */
  readonly lose: (workload: WorkloadId) => Promise<void>;
  /** Lets it print a line. */
  readonly print: (workload: WorkloadId, text: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Remembers every report, and can be waited on. */
export class Reports {
  readonly all: RunReport[] = [];
  readonly #waiting = new Set<() => void>();
  readonly stop: () => void;

  constructor(runtime: Runtime) {
    this.stop = runtime.onReport((report) => {
      this.all.push(report);
      for (const look of this.#waiting) look();
    });
  }
  /** Resolves with the next report. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }
  /** The first one, past or to come, that is like this. */
  async until(like: Partial<RunReport>): Promise<RunReport> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.all.find((report) => Object.entries(like).every(([key, value]) => report[key as keyof RunReport] === value));
        if (!found) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
export const a = 'wl_a' as WorkloadId;
export const b = 'wl_b' as WorkloadId;
export const specOf = (source: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec => ({ workload: a, namespace: 'ns_a', name: 'a', generation: 1, release: more.generation ?? 1, source, environment: {}, retries: 1, ...more });
export const read = async (runtime: Runtime, query: LogQuery = {}, workload: WorkloadId = a): Promise<readonly LogLine[]> => {
  const lines: LogLine[] = [];
  for await (const line of runtime.logs(workload, query)) lines.push(line);
  return lines;
};
const states = (reports: readonly RunReport[]): readonly string[] => reports.map(({ generation, incarnation, state }) => `${generation}.${incarnation} ${state}`);
/** The asking after the first, with new code; `old` is the asking under which the first runs. */
const updateOf = (source: string, next: string, more: Partial<WorkloadSpec> = {}, old = 1): WorkloadSpec => specOf(next, { generation: 2, old: { generation: old, release: 1, source }, ...more, release: more.release ?? more.generation ?? 2 });
const printed = (lines: readonly LogLine[]): readonly string[] => lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text);
/** Waits until the workload's log has this line. */
const untilPrinted = async (runtime: Runtime, text: string): Promise<LogLine> => {
  for await (const line of runtime.logs(a, { follow: true })) if (line.text === text) return line;
  throw new Error(`the log ended without ${text}`);
};

export const runtimeContract = (name: string, open: () => Promise<World>): void => {
  const promise = (text: string, run: (world: World, reports: Reports) => Promise<void>): void => {
    test(`${name}: ${text}`, { timeout: 20_000 }, async () => {
      const world = await open();
      try {
        await run(world, new Reports(world.runtime));
      } finally {
        await world.close();
      }
    });
  };
  promise('what is applied starts, then runs', async ({ runtime, source }, reports) => {
    await runtime.apply(specOf(source));
    const running = await reports.until({ state: 'running' });
    const { how, limits, ...rest } = running;
    assert.deepEqual({ ...rest, at: '', address: '' }, { workload: a, generation: 1, state: 'running', incarnation: 1, at: '', address: '' });
    assert.match(how ?? '', /\w/);
    assert.equal(limits === undefined || limits !== '', true);
    assert.ok(reports.all.every(({ state }) => state === 'starting' || state === 'running'), 'a start that is quick need not be told by itself');
    assert.deepEqual(await runtime.list(), [reports.all.at(-1)]);
  });
  promise('applied again, even at once, it is not doubled and not restarted', async ({ runtime, source }, reports) => {
    await Promise.all([runtime.apply(specOf(source)), runtime.apply(specOf(source))]);
    await reports.until({ state: 'running' });
    await runtime.apply(specOf(source));
    assert.deepEqual((await runtime.list()).map(({ incarnation, state }) => ({ incarnation, state })), [{ incarnation: 1, state: 'running' }]);
    assert.equal((await read(runtime)).filter(({ text }) => text.startsWith('started')).length, 1);
  });
  promise('a higher generation replaces a lower one, and a lower one changes nothing', async ({ runtime, source }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running', generation: 1 });
    await runtime.apply(specOf(source, { generation: 3 }));
    await reports.until({ state: 'running', generation: 3 });
    await runtime.apply(specOf(source, { generation: 2 }));
    assert.deepEqual((await runtime.list()).map(({ generation, incarnation, state }) => ({ generation, incarnation, state })), [{ generation: 3, incarnation: 1, state: 'running' }]);
  });
  promise('what died is started again, so often and not more', async ({ runtime, source, crash }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running', incarnation: 1 });
    await crash(a, 3);
    assert.match((await reports.until({ state: 'starting', incarnation: 2 })).reason ?? '', /^exited with code 3, restarting.*\(1 of 1\)$/);
    await reports.until({ state: 'running', incarnation: 2 });
    await crash(a, 3);
    assert.equal((await reports.until({ state: 'error' })).reason, 'exited with code 3, gave up after 1 restart');
    await runtime.apply(specOf(source));
    const [report] = await runtime.list();
    assert.equal(report?.state, 'error', 'it has been tried');
    assert.deepEqual({ ...reports.all.at(-1), at: '' }, { ...report, at: '' }, 'and is told again');
    await runtime.apply(specOf(source, { generation: 2 }));
    await reports.until({ state: 'running', generation: 2, incarnation: 1 });
  });
  promise('without retries it is given up at once', async ({ runtime, source, crash }, reports) => {
    await runtime.apply(specOf(source, { retries: 0 }));
    await reports.until({ state: 'running' });
    await crash(a, 1);
    assert.equal((await reports.until({ state: 'error' })).reason, 'exited with code 1, not restarted');
  });
  promise('what ends with code 0 has finished', async ({ runtime, source, crash }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await crash(a, 0);
    assert.equal((await reports.until({ state: 'stopped' })).reason, 'finished');
    await runtime.apply(specOf(source));
    assert.equal((await runtime.list())[0]?.state, 'stopped', 'it is not run twice');
  });
  promise('stopped it has no address, and may be stopped again; applied it runs once more', async ({ runtime, source }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await runtime.stop(a);
    await runtime.stop(a);
    const [report] = await runtime.list();
    assert.equal(report?.state, 'stopped');
    assert.equal(report.address, undefined);
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running', incarnation: 2 });
  });
  promise('removed nothing of it is known', async ({ runtime, source }, reports) => {
    await runtime.apply(specOf(source));
    await runtime.apply(specOf(source, { workload: b }));
    await reports.until({ state: 'running' });
    await runtime.remove(a);
    await runtime.remove(a);
    assert.deepEqual((await runtime.list()).map(({ workload }) => workload), [b]);
    assert.deepEqual(await read(runtime), []);
  });
  promise('what was never applied may be stopped and removed', async ({ runtime }) => {
    await runtime.stop(a);
    await runtime.remove(a);
    assert.deepEqual(await runtime.list(), []);
    assert.deepEqual(await read(runtime), []);
  });
  promise('what was lost is told, and runs again when applied again', async ({ runtime, source, lose }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await lose(a);
    assert.equal((await reports.until({ state: 'error' })).reason, 'stopped unexpectedly');
    assert.deepEqual((await runtime.list()).map(({ state, address }) => ({ state, address })), [{ state: 'error', address: undefined }]);
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running', incarnation: 2 });
  });
  promise('what was lost can be stopped', async ({ runtime, source, lose }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await lose(a);
    await reports.until({ state: 'error' });
    await runtime.stop(a);
    assert.equal((await runtime.list())[0]?.state, 'stopped');
  });
  promise('an unknown source is refused', async ({ runtime }) => {
    await assert.rejects(runtime.apply(specOf(`sha256:${'0'.repeat(64)}`)), { name: 'Refused', code: 'SourceUnknown' });
  });
  promise('a listener that was taken away hears nothing more', async ({ runtime, source }, reports) => {
    const deaf = new Reports(runtime);
    deaf.stop();
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    assert.deepEqual(deaf.all, []);
  });
  promise('log lines come in order, numbered from 1 without a gap, across restarts', async ({ runtime, source, crash, print }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await print(a, 'one');
    await untilPrinted(runtime, 'one');
    await crash(a, 1);
    await reports.until({ state: 'running', incarnation: 2 });
    await print(a, 'two');
    await untilPrinted(runtime, 'two');
    await runtime.stop(a);
    const lines = await read(runtime);
    assert.deepEqual(lines.map(({ id }) => id), lines.map((_, index) => index + 1));
    assert.deepEqual(printed(lines).filter((text) => text !== 'up'), ['one', 'two']);
    assert.deepEqual(lines.map(({ at }) => at), lines.map(({ at }) => at).toSorted());
    assert.ok(lines.some(({ stream, text }) => stream === 'system' && text === 'exited with code 1'));
  });
  promise('log: the last lines, those after an id, those since an instant', async ({ runtime, source, print }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    for (const text of ['one', 'two', 'three']) {
      await print(a, text);
      await untilPrinted(runtime, text);
    }
    await runtime.stop(a);
    const all = await read(runtime);
    assert.deepEqual(await read(runtime, { tail: 2 }), all.slice(-2));
    assert.deepEqual(await read(runtime, { tail: 0 }), []);
    assert.deepEqual(await read(runtime, { tail: 1_000 }), all);
    const two = all.find(({ text }) => text === 'two') as LogLine;
    assert.deepEqual(await read(runtime, { after: two.id }), all.slice(two.id));
    assert.deepEqual(await read(runtime, { after: two.id, tail: 1 }), all.slice(-1));
    assert.deepEqual(await read(runtime, { after: 1_000 }), []);
    assert.deepEqual(await read(runtime, { since: two.at }), all.filter(({ at }) => at >= two.at));
    assert.deepEqual(await read(runtime, { since: two.at, tail: 1_000 }), all.filter(({ at }) => at >= two.at));
    assert.deepEqual(await read(runtime, { since: '2999-01-01T00:00:00.000Z' as Instant, tail: 5 }), []);
  });
  promise('a follower sees what comes, across restarts and generations, and ends when the workload has ended for good', async ({ runtime, source, crash, print }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    const followed = read(runtime, { follow: true });
    const onlyNew = read(runtime, { follow: true, tail: 0 });
    await print(a, 'one');
    await untilPrinted(runtime, 'one');
    await crash(a, 1);
    await reports.until({ state: 'running', incarnation: 2 });
    await print(a, 'two');
    await untilPrinted(runtime, 'two');
    await runtime.apply(specOf(source, { generation: 2 }));
    await reports.until({ state: 'running', generation: 2 });
    await print(a, 'three');
    await untilPrinted(runtime, 'three');
    await runtime.stop(a);
    assert.deepEqual(await followed, await read(runtime));
    assert.deepEqual(printed(await followed).filter((text) => text !== 'up'), ['one', 'two', 'three']);
    assert.deepEqual(printed(await onlyNew).filter((text) => text !== 'up').at(-1), 'three');
    assert.deepEqual(await read(runtime, { follow: true }), await followed, 'and of an ended one there is nothing to wait for');
  });
  promise('a follower ends on its signal, when the workload is removed, and when the runtime is closed', async ({ runtime, source }, reports) => {
    await runtime.apply(specOf(source));
    await runtime.apply(specOf(source, { workload: b }));
    await reports.until({ state: 'running', workload: a });
    const leaving = new AbortController();
    const followed = [read(runtime, { follow: true, signal: leaving.signal }), read(runtime, { follow: true }), read(runtime, { follow: true }, b)];
    leaving.abort();
    await followed[0];
    await runtime.remove(a);
    await followed[1];
    await runtime.stop(b);
    assert.ok((await followed[2])?.length);
    const waiting = read(runtime, { follow: true }, 'wl_c' as WorkloadId);
    await runtime.close();
    assert.deepEqual(await waiting, []);
  });
  promise('a follower may be there before the workload is', async ({ runtime, source }, reports) => {
    const followed = read(runtime, { follow: true });
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await runtime.stop(a);
    assert.deepEqual(await followed, await read(runtime));
    assert.ok((await followed).length > 0);
  });
  promise('what must be built is built first, says how, and has a log of its own for that', async ({ runtime, slow, finishBuild }, reports) => {
    await runtime.apply(specOf(slow));
    const building = await reports.until({ state: 'building' });
    assert.deepEqual([building.incarnation, building.address], [0, undefined]);
    assert.match(building.how ?? '', /\w/);
    const followed = read(runtime, { log: 'build', follow: true });
    await finishBuild(a, 0);
    assert.equal((await reports.until({ state: 'running' })).incarnation, 1);
    assert.ok((await followed).length > 0, 'the log of a build ends with it');
    assert.deepEqual(await followed, await read(runtime, { log: 'build' }));
    assert.deepEqual((await followed).map(({ id }) => id), (await followed).map((_, index) => index + 1));
    const texts = new Set((await followed).map(({ text }) => text));
    assert.ok(!(await read(runtime)).some(({ text }) => text.startsWith('generation') || texts.has(`${text} `)));
    assert.deepEqual([...new Set(reports.all.map(({ state }) => state))].filter((state) => state !== 'starting'), ['building', 'running']);
  });
  promise('what cannot be built is an error that says so, and is not tried twice', async ({ runtime, slow, finishBuild }, reports) => {
    await runtime.apply(specOf(slow));
    await reports.until({ state: 'building' });
    await finishBuild(a, 4);
    const failed = await reports.until({ state: 'error' });
    assert.equal(failed.failed, 'build');
    assert.match(failed.reason ?? '', /build failed at .*exited with code 4/);
    await runtime.apply(specOf(slow));
    assert.deepEqual((await runtime.list()).map(({ state, generation }) => ({ state, generation })), [{ state: 'error', generation: 1 }]);
    await runtime.apply(specOf(slow, { generation: 2 }));
    await reports.until({ state: 'building', generation: 2 });
    await finishBuild(a, 0);
    await reports.until({ state: 'running', generation: 2 });
  });
  promise('a build is ended by a stop, and by a removal', async ({ runtime, slow }, reports) => {
    await runtime.apply(specOf(slow));
    await reports.until({ state: 'building' });
    await runtime.stop(a);
    assert.deepEqual((await runtime.list()).map(({ state }) => state), ['stopped']);
    await runtime.apply(specOf(slow, { generation: 2, release: 1 }));
    await reports.until({ state: 'building', generation: 2 });
    await runtime.remove(a);
    assert.deepEqual(await runtime.list(), []);
    assert.deepEqual(await read(runtime, { log: 'build' }), []);
  });
  promise('an asking of the same release runs what was built, without building it again', async ({ runtime, slow, finishBuild, lose }, reports) => {
    await runtime.apply(specOf(slow));
    await reports.until({ state: 'building' });
    await finishBuild(a, 0);
    await reports.until({ state: 'running' });
    await runtime.stop(a);
    await runtime.apply(specOf(slow, { generation: 2, release: 1 }));
    await reports.until({ state: 'running', generation: 2, incarnation: 1 });
    await lose(a);
    await reports.until({ state: 'error' });
    await runtime.apply(specOf(slow, { generation: 3, release: 1 }));
    await reports.until({ state: 'running', generation: 3 });
    assert.equal(reports.all.filter(({ state }) => state === 'building').length, 1);
  });
  promise('an update is made ready beside the old one, which runs on until then', async ({ runtime, source, slow, finishBuild, print }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await runtime.apply(updateOf(source, slow));
    await reports.until({ state: 'building', generation: 2 });
    assert.deepEqual(states(await runtime.list()), ['2.0 building', '1.1 running']);
    await print(a, 'still here');
    await untilPrinted(runtime, 'still here');
    await finishBuild(a, 0);
    await reports.until({ state: 'running', generation: 2 });
    assert.deepEqual(states(await runtime.list()), ['2.1 running']);
    assert.ok(!reports.all.some(({ generation, state }) => generation === 1 && (state === 'stopped' || state === 'error')), 'the end of the old one is no news');
    await runtime.stop(a);
    const lines = await read(runtime);
    assert.deepEqual(lines.map(({ id }) => id), lines.map((_, index) => index + 1), 'one log for both');
  });
  promise('an update that cannot be built leaves the old one as it is; asked for again, that goes on', async ({ runtime, source, slow, finishBuild }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await runtime.apply(updateOf(source, slow));
    await reports.until({ state: 'building', generation: 2 });
    await finishBuild(a, 4);
    assert.equal((await reports.until({ state: 'error', generation: 2 })).failed, 'build');
    assert.deepEqual(states(await runtime.list()), ['2.0 error', '1.1 running']);
    await runtime.apply(specOf(source, { generation: 3, release: 1 }));
    await reports.until({ state: 'running', generation: 3, incarnation: 1 });
    assert.deepEqual(states(await runtime.list()), ['3.1 running']);
    assert.equal((await read(runtime)).filter(({ text }) => text.startsWith('started')).length, 1);
  });
  promise('an update that dies before it is ready is not tried again, and leaves the old one as it is', async ({ runtime, source, dying }, reports) => {
    await runtime.apply(specOf(source, { retries: 5 }));
    await reports.until({ state: 'running' });
    await runtime.apply(updateOf(source, dying, { retries: 5 }));
    const failed = await reports.until({ state: 'error', generation: 2 });
    assert.deepEqual([failed.reason, failed.failed], ['exited with code 9 before it was ready', undefined]);
    assert.deepEqual(states(await runtime.list()), ['2.1 error', '1.1 running']);
  });
  promise('an update of an update takes its place beside the same old one', async ({ runtime, source, slow, finishBuild }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await runtime.apply(updateOf(source, slow));
    await reports.until({ state: 'building', generation: 2 });
    await runtime.apply(updateOf(source, slow, { generation: 3 }));
    await reports.until({ state: 'building', generation: 3 });
    assert.deepEqual(states(await runtime.list()), ['3.0 building', '1.1 running']);
    await finishBuild(a, 0);
    await reports.until({ state: 'running', generation: 3 });
    assert.deepEqual(states(await runtime.list()), ['3.1 running']);
  });
  promise('given up in the middle of an update, the old one goes on; stopped or removed, both end', async ({ runtime, source, slow }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await runtime.apply(updateOf(source, slow));
    await reports.until({ state: 'building', generation: 2 });
    await runtime.apply(specOf(source, { generation: 3, release: 1 }));
    assert.deepEqual(states(await runtime.list()), ['3.1 running']);
    await runtime.apply(updateOf(source, slow, { generation: 4 }, 3));
    await reports.until({ state: 'building', generation: 4 });
    await runtime.stop(a);
    assert.deepEqual(states(await runtime.list()), ['4.0 stopped']);
    await runtime.apply(specOf(source, { generation: 5, release: 1 }));
    await reports.until({ state: 'running', generation: 5 });
    await runtime.apply(updateOf(source, slow, { generation: 6 }, 5));
    await reports.until({ state: 'building', generation: 6 });
    await runtime.remove(a);
    assert.deepEqual(await runtime.list(), []);
  });
  promise('lost in the middle of an update, both are brought back', async ({ runtime, source, slow, lose, finishBuild }, reports) => {
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await runtime.apply(updateOf(source, slow));
    await reports.until({ state: 'building', generation: 2 });
    await lose(a);
    await reports.until({ state: 'error', generation: 2, reason: 'stopped unexpectedly', lost: true });
    assert.equal((await runtime.list()).length, 1);
    await runtime.apply(updateOf(source, slow, { generation: 3, release: 2 }));
    await reports.until({ state: 'running', generation: 1, incarnation: 2 });
    await reports.until({ state: 'building', generation: 3 });
    assert.deepEqual(states(await runtime.list()), ['3.0 building', '1.2 running']);
    await finishBuild(a, 0);
    await reports.until({ state: 'running', generation: 3 });
    assert.deepEqual(states(await runtime.list()), ['3.1 running']);
  });
  promise('what the old one does meanwhile is told, and is no matter of the new one', async ({ runtime, source, slow, crash, finishBuild }, reports) => {
    await runtime.apply(specOf(source, { retries: 0 }));
    await reports.until({ state: 'running' });
    await runtime.apply(updateOf(source, slow, { retries: 0 }));
    await reports.until({ state: 'building', generation: 2 });
    await crash(a, 3);
    await reports.until({ state: 'error', generation: 1 });
    await finishBuild(a, 0);
    await reports.until({ state: 'running', generation: 2 });
    assert.deepEqual(states(await runtime.list()), ['2.1 running']);
  });
  promise('it says what a workload may use', async ({ runtime, source }, reports) => {
    await runtime.apply(specOf(source, { limits: { cpuMillis: 500, memoryMiB: 512, diskMiB: 1024, processes: 64 } }));
    const { limits = '' } = await reports.until({ state: 'running' });
    for (const number of ['512', '1024', '64']) assert.ok(limits.includes(number), limits);
  });
  promise('it says how far workloads are kept apart', async ({ runtime }) => {
    assert.match(runtime.isolation(), /\w+ \w+/);
  });
  promise('closed it does nothing more', async ({ runtime, source }) => {
    await runtime.close();
    await assert.rejects(runtime.apply(specOf(source)), { name: 'Unavailable' });
  });
};
