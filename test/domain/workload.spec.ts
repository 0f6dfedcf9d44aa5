/** A workload: asked for, applied, reported, suspended and resumed, removed. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fold, isRejection } from '../../src/domain/decider.ts';
import { workload, type ReportStatus, type WorkloadCommand } from '../../src/domain/workload/decide.ts';
import type { WorkloadEvent } from '../../src/domain/workload/events.ts';
import type { ExistingWorkload, Workload } from '../../src/domain/workload/state.ts';
import { toFetch, todo, type FetchTodo, type WorkloadTodo } from '../../src/domain/workload/todo.ts';
import { now, specify, type Asked } from '../given.ts';
import { comesToRest, laws, timed } from './laws.ts';
import { accountId, customer, namespaceId, operator, stranger, workloadId } from './samples.ts';

const everything = (state: Workload): readonly (WorkloadTodo | FetchTodo)[] => [...todo(state), ...toFetch(state)];
const given = specify(workload, everything);
const ids = { workloadId, namespaceId };
const named = { ...ids, accountId, name: 'hello', source: 'sha256:a', retries: 3 };
const run = { type: 'RunWorkload', ...named, environment: [], facts: { sourceStored: true } } as const;
const asked: WorkloadEvent = { type: 'WorkloadRunRequested', data: { ...named, environment: [], generation: 1, at: now } };
const update = (source = 'sha256:b', sourceStored = true) => ({ type: 'UpdateWorkload', workloadId, source, facts: { sourceStored } }) as const;
const updated = (generation: number, source = 'sha256:b', previous = 'sha256:a'): WorkloadEvent => ({ type: 'WorkloadUpdated', data: { ...ids, source, previous, generation, at: now } });
const kill = { type: 'KillWorkload', workloadId } as const;
const killed: WorkloadEvent = { type: 'WorkloadKillRequested', data: { ...ids, at: now } };
const suspend = { type: 'SuspendWorkload', workloadId } as const;
const suspended: WorkloadEvent = { type: 'WorkloadSuspended', data: { ...ids, at: now } };
const resume = { type: 'ResumeWorkload', workloadId } as const;
const resumed = (generation: number): WorkloadEvent => ({ type: 'WorkloadResumed', data: { ...ids, generation, at: now } });
const restart = { type: 'RestartWorkload', workloadId, reason: 'the machine restarted' } as const;
const restarted = (generation: number): WorkloadEvent => ({ type: 'WorkloadRestartRequested', data: { ...ids, generation, reason: restart.reason, at: now } });
const apply = (generation: number) => ({ type: 'RecordApplied', workloadId, generation }) as const;
const applied = (generation: number): WorkloadEvent => ({ type: 'WorkloadApplied', data: { ...ids, generation } });
const report = (state: ReportStatus['state'], generation = 1, incarnation = 1, address?: string) => ({ type: 'ReportStatus', workloadId, generation, state, incarnation, ...(address === undefined ? {} : { address }) }) as const;
const address = 'http://127.0.0.1:40123';
const running = (generation = 1, incarnation = 1): WorkloadEvent => ({ type: 'WorkloadStarted', data: { ...ids, generation, incarnation, address, at: now } });
const stopped = (generation = 1): WorkloadEvent => ({ type: 'WorkloadStopped', data: { ...ids, generation, reason: '', at: now } });
const failed = (generation = 1): WorkloadEvent => ({ type: 'WorkloadFailed', data: { ...ids, generation, reason: '', at: now } });
const removed: WorkloadEvent = { type: 'WorkloadRemoved', data: { ...ids, at: now } };
const slotGivenBack: WorkloadEvent = { type: 'WorkloadSlotGivenBack', data: ids };
const up = [asked, applied(1), running()];
const beside = (generation = 2, source = 'sha256:b'): WorkloadEvent => ({ type: 'WorkloadUpdated', data: { ...ids, source, previous: 'sha256:a', generation, at: now, beside: true } });
const updating = [...up, beside(), applied(2)];
const updateFailed = (generation = 2, reason = ''): WorkloadEvent => ({ type: 'WorkloadUpdateFailed', data: { ...ids, generation, back: generation + 1, reason, at: now } });
const building = (generation = 1): WorkloadEvent => ({ type: 'WorkloadBuildStarted', data: { ...ids, generation, how: '', at: now } });
const buildFailed = (generation = 1): WorkloadEvent => ({ type: 'WorkloadBuildFailed', data: { ...ids, generation, reason: '', at: now } });
const cancelled = (generation = 1): WorkloadEvent => ({ type: 'WorkloadBuildCancelled', data: { ...ids, generation, at: now } });
const cancel = { type: 'CancelBuild', workloadId } as const;
const git = { url: 'https://git.example.com/hello', ref: 'main', commit: 'c1' };
const { source: _, ...unsourced } = named;
const runGit = { type: 'RunWorkload', ...unsourced, git, environment: [], facts: { sourceStored: false } } as const;
const askedGit: WorkloadEvent = { type: 'WorkloadRunRequested', data: { ...unsourced, git, environment: [], generation: 1, at: now } };
const fetched = (generation = 1, source = 'sha256:g'): WorkloadEvent => ({ type: 'WorkloadSourceFetched', data: { ...ids, generation, source } });
const recordFetched = (generation = 1, source = 'sha256:g') => ({ type: 'RecordSourceFetched', workloadId, generation, source }) as const;
const recordFetchFailed = (generation = 1) => ({ type: 'RecordFetchFailed', workloadId, generation, reason: '' }) as const;
const existing = (...events: WorkloadEvent[]) => given(...events).state as ExistingWorkload;

test('a workload is asked for', () => void given().when(run).then(asked));
test('with its command and environment where there are any', () => {
  const environment = [{ name: 'KEY', value: { $clear: ['per_1', 'environment', 'x'] as const } }];
  given().when({ ...run, command: 'node .', environment }).then({ type: 'WorkloadRunRequested', data: { ...named, command: 'node .', environment, generation: 1, at: now } });
});
test('asking for it twice changes nothing', () => void given(asked).when(run).thenNothing());
test('a source that was not uploaded cannot be run', () => void given().when({ ...run, facts: { sourceStored: false } }).thenRejected('SourceUnknown'));

test('it is updated beside what runs; one that is over is replaced', () => {
  given(...up).when(update()).then(beside());
  given(...up, failed()).when(update()).then(updated(2));
  given(...up, stopped()).when(update()).then(updated(2));
  given(asked, applied(1), building()).when(update()).then(updated(2));
});
test('updating it to what already runs changes nothing', () => void given(...up).when(update('sha256:a')).thenNothing());
test('updating it twice is one update', () => void given(...up).when(update()).when(update()).thenNothing());
test('updating a failed one to the same source tries it again', () => void given(asked, applied(1), failed()).when(update('sha256:a')).then(updated(2, 'sha256:a')));
test('not to a source that was not uploaded', () => void given(...up).when(update('sha256:b', false)).thenRejected('SourceUnknown'));
test('not while it is suspended, nor once it is to be removed', () => {
  given(...up, suspended).when(update()).thenRejected('WorkloadSuspendedNow');
  given(...up, killed).when(update()).thenRejected('WorkloadNotFound');
});

test('it is killed, once', () => void given(...up).when(kill).then(killed).when(kill).thenNothing());
test('a removed one is gone for people: another kill says not found; the system changes nothing (defect 10)', () => {
  for (const actor of [customer, operator]) given(...up, killed, removed).when({ ...kill, facts: { actor } }).thenRejected('WorkloadNotFound');
  given(...up, killed, removed).when(kill).thenNothing();
});
test('what never was cannot be asked anything', () => {
  for (const command of [update(), kill, cancel, recordFetched(), recordFetchFailed(), suspend, resume, restart, apply(1), report('running')]) given().when(command).thenRejected('WorkloadNotFound');
});
test('a stranger does not even learn that it exists (defect 9)', () => {
  for (const command of [{ ...kill, facts: { actor: stranger } }, { ...update(), facts: { actor: stranger, sourceStored: true } }]) given(...up).when(command).thenRejected('WorkloadNotFound');
});
test('its owner may kill it', () => void given(...up).when({ ...kill, facts: { actor: customer } }).thenTypes('WorkloadKillRequested'));

test('it is suspended, once; one to be removed is not', () => {
  given(...up).when(suspend).then(suspended).when(suspend).thenNothing();
  given(...up, killed).when(suspend).thenNothing();
});
test('it is resumed, once; one that was not suspended is not', () => {
  given(...up, suspended).when(resume).then(resumed(2)).when(resume).thenNothing();
  given(...up).when(resume).thenNothing();
});
test('a lost one is started again, once, and not while that is under way', () => {
  given(...up).when(restart).then(restarted(2)).when(restart).thenNothing();
  given(...up, restarted(2), applied(2)).when(restart).then(restarted(3));
  given(asked).when(restart).thenNothing();
});
test('a suspended or killed one is not started again', () => {
  given(...up, suspended).when(restart).thenNothing();
  given(...up, killed).when(restart).thenNothing();
});
test('that the runtime was told is recorded once, and an older telling never', () => {
  given(asked).when(apply(1)).then(applied(1)).when(apply(1)).thenNothing();
  given(asked, updated(2), applied(2)).when(apply(1)).thenNothing();
  given(asked).when(apply(2)).thenNothing();
});

test('reports become events, each once', () => {
  given(asked, applied(1)).when(report('building', 1, 0)).then(building()).when(report('building', 1, 0)).thenNothing();
  given(asked, applied(1)).when(report('starting')).thenTypes('WorkloadStarting').when(report('starting')).thenNothing();
  given(asked, applied(1)).when(report('running', 1, 1, address)).then(running()).when(report('running', 1, 1, address)).thenNothing();
  given(...up).when(report('stopped')).then(stopped()).when(report('stopped')).thenNothing();
  given(...up).when(report('error', 1, 3)).then(failed()).when(report('error', 1, 3)).thenNothing();
});
test('how it is started and its limits are told once: with its start, or where that was missed with its running', () => {
  const terms = { how: 'Go', limits: '1 core' };
  const started = (more: object): WorkloadEvent => ({ type: 'WorkloadStarted', data: { ...ids, generation: 1, incarnation: 1, at: now, address, ...more } });
  given(asked, applied(1)).when({ ...report('starting'), ...terms }).then({ type: 'WorkloadStarting', data: { ...ids, generation: 1, incarnation: 1, reason: '', at: now, ...terms } }).when({ ...report('running', 1, 1, address), ...terms }).then(started({}));
  given(asked, applied(1)).when({ ...report('running', 1, 1, address), ...terms }).then(started(terms));
});
test('a report of an earlier asking, or an earlier process, changes nothing', () => {
  given(...up, updated(2)).when(report('running', 1, 1)).thenNothing();
  given(asked, applied(1), running(1, 2)).when(report('error', 1, 1)).thenNothing();
});
test('a report of a later process does', () => void given(...up).when(report('running', 1, 2, address)).then(running(1, 2)));
test('a running report of a suspended or killed workload does not bring it back', () => {
  given(...up, suspended).when(report('running', 1, 2)).thenNothing();
  given(...up, killed).when(report('starting', 1, 2)).thenNothing();
});
test('nothing is heard of a removed one', () => void given(...up, killed, removed).when(report('stopped')).thenNothing());
test('an address is shown while it runs, and only then', () => {
  const shown = (...events: WorkloadEvent[]) => (given(...events).state as ExistingWorkload).address;
  assert.equal(shown(...up), address);
  for (const after of [stopped(), failed(), updated(2), restarted(2)]) assert.equal(shown(...up, after), undefined, after.type);
});

const origins = ({ source, git: from, generation, release, state, address: where, incarnation }: ExistingWorkload) => ({ source, git: from, generation, release, state, address: where, incarnation });
test('while an update is made ready, the old one counts: its reports are heard, and it stays where it answers', () => {
  assert.deepEqual(existing(...updating, building(2)).old, { source: 'sha256:a', generation: 1, release: 1, state: 'running', incarnation: 1, address });
  given(...updating, building(2)).when(report('starting', 1, 2)).thenTypes('WorkloadStarting').when(report('running', 1, 2, address)).then(running(1, 2));
  given(...updating, building(2)).when(report('error', 1, 2)).thenTypes('WorkloadFailed');
  assert.equal(existing(...updating, building(2), failed(1)).old?.state, 'error');
  assert.equal(existing(...updating, building(2), failed(1)).state, 'building');
});
test('once the new one runs, the old one is history', () => {
  const after = existing(...updating, building(2), running(2));
  assert.equal(after.old, undefined);
  assert.deepEqual(origins(after), { source: 'sha256:b', git: undefined, generation: 2, release: 2, state: 'running', address, incarnation: 1 });
  assert.deepEqual(after.unneeded, ['sha256:a']);
  given(...updating, running(2)).when(report('stopped', 1)).thenNothing();
});
test('an update that cannot be built, or does not come to run, goes back to the old one, and the runtime is told so', () => {
  given(...updating, building(2)).when({ ...report('error', 2, 0), failed: 'build' }).then(buildFailed(2), updateFailed()).when({ ...report('error', 2, 0), failed: 'build' }).thenNothing();
  given(...updating).when(report('error', 2)).then(updateFailed());
  given(...updating).when(report('stopped', 2)).then(updateFailed());
  given(...updating, updateFailed()).thenTodo({ do: 'Apply', key: `${workloadId}.apply.3` });
  const back = existing(...updating, updateFailed());
  assert.deepEqual(origins(back), { source: 'sha256:a', git: undefined, generation: 3, release: 1, state: 'running', address, incarnation: 1 });
  assert.deepEqual(back.unneeded, ['sha256:b']);
});
test('an old one that is over by then is not started again', () => {
  given(...updating, stopped(1), updateFailed()).thenTodo();
  assert.equal(existing(...updating, stopped(1), updateFailed()).state, 'stopped');
  given(...updating, failed(1), updateFailed()).thenTodo();
});
test('an update of an update goes beside the same old one', () => {
  given(...updating, building(2)).when(update('sha256:c')).thenTypes('WorkloadUpdated');
  const third = existing(...updating, building(2), beside(3, 'sha256:c'));
  assert.deepEqual([third.old?.generation, third.source, third.unneeded], [1, 'sha256:c', ['sha256:b']]);
  assert.equal(existing(...updating, beside(3, 'sha256:c'), updateFailed(3)).release, 1);
});
test('sources that are needed no more are given back once, and none is forgotten', () => {
  const release = (generation: number, ...released: string[]) => ({ ...apply(generation), released });
  given(...up, beside()).when(release(2, 'sha256:x')).then({ type: 'WorkloadApplied', data: { ...ids, generation: 2, released: ['sha256:x'] } });
  const state = existing(...updating, building(2), beside(3, 'sha256:c'), { type: 'WorkloadApplied', data: { ...ids, generation: 3, released: ['sha256:b'] } });
  assert.deepEqual(state.unneeded, []);
});
test('a build is cancelled: the first one ends at rest, an update goes back; where nothing is under way there is nothing to cancel', () => {
  given(asked, applied(1), building()).when(cancel).then(cancelled()).thenTodo({ do: 'Stop' });
  given(asked, applied(1), building(), cancelled()).when(cancel).thenRejected('NothingToCancel');
  given(asked).when(cancel).then(cancelled(), { type: 'WorkloadStopped', data: { ...ids, generation: 1, reason: 'its build was cancelled', at: now } }).thenTodo();
  given(...updating, building(2)).when(cancel).then(cancelled(2), updateFailed(2, 'it was cancelled')).thenTodo({ do: 'Apply', key: `${workloadId}.apply.3` });
  for (const idle of [up, [...up, failed()], [...up, suspended], [...up, killed]]) given(...idle).when(cancel).thenRejected('NothingToCancel');
  given(...updating).when({ ...cancel, facts: { actor: stranger } }).thenRejected('WorkloadNotFound');
});
test('one whose first build was cancelled stays at rest through other levels, until an update', () => {
  const rest = [asked, applied(1), building(), cancelled(), stopped()];
  given(...rest).when(suspend).thenNothing();
  given(...rest).when(resume).thenNothing();
  given(...rest).when(report('running')).thenNothing();
  given(...rest).when(update('sha256:a')).then(updated(2, 'sha256:a')).thenTodo({ do: 'Apply' });
});
test('suspended in the middle of an update, the update has failed, and what ran before is what is resumed', () => {
  given(...updating, building(2)).when(suspend).then(updateFailed(2, 'the workload was suspended before the new source ran'), suspended).thenTodo({ do: 'Stop', key: `${workloadId}.stop.3` });
  const back = existing(...updating, updateFailed(), suspended, stopped(3), resumed(4));
  assert.deepEqual([back.source, back.release, back.generation], ['sha256:a', 1, 4]);
});
test('killed in the middle of an update both go', () => {
  given(...updating, building(2)).when(kill).then(killed).thenTodo({ do: 'Remove' });
  given(...updating, building(2), killed).when(report('error', 2)).thenNothing();
});
test('lost in the middle of an update, both are brought back under the next asking', () => {
  given(...updating, building(2)).when(restart).then(restarted(3)).thenTodo({ do: 'Apply', key: `${workloadId}.apply.3` });
  const both = existing(...updating, building(2), restarted(3));
  assert.deepEqual([both.release, both.source, both.old?.generation, both.old?.state, both.old?.release], [2, 'sha256:b', 1, 'starting', 1]);
});

test('a repository is run without being stored first; what its ref named then is what is fetched', () => {
  given().when(runGit).then(askedGit).thenTodo({ do: 'Fetch', key: `${workloadId}.fetch.1`, git, generation: 1 });
  given(askedGit).when(recordFetched()).then(fetched()).thenTodo({ do: 'Apply', key: `${workloadId}.apply.1` });
  given(askedGit, fetched()).when(recordFetched(1, 'sha256:h')).thenNothing();
  given(askedGit).when(recordFetched(2)).thenNothing();
  given(...up).when(recordFetched()).thenNothing();
  given(askedGit, killed).when(recordFetched()).thenNothing();
});
test('a repository that cannot be fetched is an error, and of an update the old one runs on', () => {
  given(askedGit).when(recordFetchFailed()).then(failed()).thenTodo();
  given(askedGit, failed()).when(recordFetchFailed()).thenNothing();
  const updatedGit: WorkloadEvent = { type: 'WorkloadUpdated', data: { ...ids, git, previous: 'sha256:a', generation: 2, at: now, beside: true } };
  given(...up).when({ type: 'UpdateWorkload', workloadId, git, facts: { sourceStored: false } }).then(updatedGit).thenTodo({ do: 'Fetch', generation: 2 });
  given(...up, updatedGit).when(recordFetchFailed(2)).then(updateFailed());
  assert.deepEqual(origins(existing(...up, updatedGit, updateFailed())), { source: 'sha256:a', git: undefined, generation: 3, release: 1, state: 'running', address, incarnation: 1 });
});
test('suspended while it is fetched, it is fetched after it was resumed, or was already', () => {
  given(askedGit, suspended).thenTodo();
  given(askedGit, suspended).when(recordFetchFailed()).thenNothing();
  given(askedGit, suspended, stopped(), resumed(2)).thenTodo({ do: 'Fetch', key: `${workloadId}.fetch.2`, generation: 1 });
  given(askedGit, suspended, stopped()).when(recordFetched()).then(fetched()).when(resume).thenTodo({ do: 'Apply', key: `${workloadId}.apply.2` });
});
test('the same commit again changes nothing while it runs; another one is an update', () => {
  const runs = [askedGit, fetched(), applied(1), running()];
  const again = (commit: string) => ({ type: 'UpdateWorkload', workloadId, git: { ...git, commit }, facts: { sourceStored: false } }) as const;
  given(...runs).when(again('c1')).thenNothing();
  given(...runs).when(again('c2')).thenTypes('WorkloadUpdated');
  given(...runs).when(update('sha256:g')).thenTypes('WorkloadUpdated');
});

test('its removal and its slot are recorded once', () => {
  given(...up, killed).when({ type: 'RecordRemoved', workloadId }).then(removed).when({ type: 'RecordRemoved', workloadId }).thenNothing();
  given(...up, killed, removed).when({ type: 'RecordSlotGivenBack', workloadId }).then(slotGivenBack).when({ type: 'RecordSlotGivenBack', workloadId }).thenNothing();
});

test('to do: apply what is asked, each generation once', () => {
  given().thenTodo();
  given(asked).thenTodo({ do: 'Apply', key: `${workloadId}.apply.1` });
  given(...up).thenTodo();
  given(...up, updated(2)).thenTodo({ do: 'Apply', key: `${workloadId}.apply.2` });
  given(...up, restarted(2)).thenTodo({ do: 'Apply', key: `${workloadId}.apply.2` });
});
test('to do: stop a suspended one until it has stopped, then apply it again once resumed', () => {
  given(...up, suspended).thenTodo({ do: 'Stop', key: `${workloadId}.stop.1` });
  given(...up, suspended, stopped()).thenTodo();
  given(...up, suspended, stopped(), resumed(2)).thenTodo({ do: 'Apply', key: `${workloadId}.apply.2` });
});
test('why it stopped is what was asked for, whatever the runtime says', () => {
  given(...up, suspended).when({ ...report('stopped'), reason: 'stopped' }).then({ type: 'WorkloadStopped', data: { ...ids, generation: 1, reason: 'suspended until the subscription is paid again', at: now } });
  given(asked, applied(1), building(), cancelled()).when(report('stopped', 1, 0)).then({ type: 'WorkloadStopped', data: { ...ids, generation: 1, reason: 'its build was cancelled', at: now } });
});
test('to do: one that was never started needs no stop, unless its start was under way after all', () => {
  given(asked).when(suspend).then(suspended, { type: 'WorkloadStopped', data: { ...ids, generation: 1, reason: 'suspended until the subscription is paid again', at: now } });
  given(asked, suspended).thenTodo();
  assert.equal((given(asked, suspended).state as ExistingWorkload).state, 'stopped');
  given(asked, suspended, applied(1)).thenTodo({ do: 'Stop' });
});
test('to do: one that stopped and is starting or running again is stopped when it is suspended', () => {
  given(...up, stopped(), running(1, 2), suspended).thenTodo({ do: 'Stop' });
  given(...up, stopped()).when(report('starting', 1, 2)).when(suspend).thenTodo({ do: 'Stop' });
});
test('to do: remove a killed one, then give its slot back, then nothing', () => {
  given(...up, killed).thenTodo({ do: 'Remove', key: `${workloadId}.remove.once` });
  given(...up, killed, removed).thenTodo({ do: 'GiveSlotBack' });
  given(...up, killed, removed, slotGivenBack).thenTodo();
});

const generations = fc.integer({ min: 1, max: 4 });
const reports = fc.tuple(fc.constantFrom('starting' as const, 'running' as const, 'stopped' as const, 'error' as const), generations, fc.nat(3), fc.constantFrom(undefined, address)).map(([state, generation, incarnation, where]) => report(state, generation, incarnation, where));
const builds = fc.tuple(fc.constantFrom('building' as const, 'error' as const), generations).map(([state, generation]) => ({ ...report(state, generation, 0), ...(state === 'error' ? { failed: 'build' as const } : {}) }));
const fetches = fc.oneof(generations.map((generation) => recordFetched(generation)), generations.map(recordFetchFailed), fc.constantFrom('c1', 'c2').map((commit) => ({ type: 'UpdateWorkload', workloadId, git: { ...git, commit }, facts: { sourceStored: false } }) as const));
const commands = fc.oneof<fc.Arbitrary<Asked<WorkloadCommand>>[]>(
  fc.constantFrom(run, runGit), builds, fetches, fc.constant(cancel), fc.constantFrom('sha256:a', 'sha256:b').map((source) => update(source)), fc.constantFrom('sha256:a', 'sha256:b').map((source) => update(source)),
  fc.constantFrom(suspend, resume), fc.constantFrom(suspend, resume, restart), reports, reports, generations.map(apply), generations.map(apply),
);
const endings = fc.constantFrom<Asked<WorkloadCommand>>(kill, { ...kill, facts: { actor: customer } }, { ...kill, facts: { actor: stranger } }, { type: 'RecordRemoved', workloadId }, { type: 'RecordSlotGivenBack', workloadId });
const stories = [[run], [runGit], [run, apply(1), report('running', 1, 1, address)], [run, apply(1), report('running', 1, 1, address), update(), apply(2)]];
test('while it is to run and the runtime has been told, or it is suspended and has stopped, nothing is to do; else something is', () => {
  fc.assert(fc.property(timed<WorkloadCommand>(commands, stories), (all) => {
    const log: WorkloadEvent[] = [];
    for (const command of all) {
      const decision = workload.decide(command, fold(workload, log));
      if (!isRejection(decision)) log.push(...decision);
      const state = fold(workload, log);
      if (state.status === 'none') continue;
      const unfetched = state.source === undefined;
      const resting = state.desired === 'running' ? (unfetched ? state.state === 'error' : state.applied >= state.generation) : state.stopped;
      assert.equal(everything(state).length, resting ? 0 : 1);
      assert.ok(state.desired === 'running' || !state.old, 'nothing is made ready beside what does not run');
      assert.ok(!state.unneeded.includes(state.source ?? '') && !state.unneeded.includes(state.old?.source ?? ''), 'what is needed is not given back');
      if (state.desired === 'suspended' && (state.state === 'running' || state.state === 'starting')) assert.fail('runs while it is suspended');
    }
  }), { numRuns: 500 });
});

const all = fc.oneof({ weight: 9, arbitrary: commands }, { weight: 1, arbitrary: endings });
comesToRest(workload, all, everything, (item): Asked<WorkloadCommand> => {
  const { generation, incarnation, unneeded } = item.workload;
  switch (item.do) {
    case 'Fetch': return recordFetched(item.generation);
    case 'Apply': return { ...apply(generation), released: unneeded };
    case 'Stop': return report('stopped', generation, incarnation);
    case 'Remove': return { type: 'RecordRemoved', workloadId };
    case 'GiveSlotBack': return { type: 'RecordSlotGivenBack', workloadId };
  }
}, stories);
laws(workload, all, everything, {
  stories,
  returns: { Stop: 'an outcome may be recorded here that never was: a start of an older asking, told after its stop' },
});
