/** A workload: asked for, applied, reported, suspended and resumed, removed. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fold, isRejection } from '../../src/domain/decider.ts';
import { workload, type ReportStatus, type WorkloadCommand } from '../../src/domain/workload/decide.ts';
import type { WorkloadEvent } from '../../src/domain/workload/events.ts';
import type { ExistingWorkload } from '../../src/domain/workload/state.ts';
import { todo } from '../../src/domain/workload/todo.ts';
import { now, specify, type Asked } from '../given.ts';
import { comesToRest, laws, timed } from './laws.ts';
import { accountId, customer, namespaceId, operator, stranger, workloadId } from './samples.ts';

const given = specify(workload, todo);
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

test('a workload is asked for', () => void given().when(run).then(asked));
test('with its command and environment where there are any', () => {
  const environment = [{ name: 'KEY', value: { $clear: ['per_1', 'environment', 'x'] as const } }];
  given().when({ ...run, command: 'node .', environment }).then({ type: 'WorkloadRunRequested', data: { ...named, command: 'node .', environment, generation: 1, at: now } });
});
test('asking for it twice changes nothing', () => void given(asked).when(run).thenNothing());
test('a source that was not uploaded cannot be run', () => void given().when({ ...run, facts: { sourceStored: false } }).thenRejected('SourceUnknown'));

test('it is updated', () => void given(...up).when(update()).then(updated(2)));
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
  for (const command of [update(), kill, suspend, resume, restart, apply(1), report('running')]) given().when(command).thenRejected('WorkloadNotFound');
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
  given(asked, applied(1)).when(report('starting')).thenTypes('WorkloadStarting').when(report('starting')).thenNothing();
  given(asked, applied(1)).when(report('running', 1, 1, address)).then(running()).when(report('running', 1, 1, address)).thenNothing();
  given(...up).when(report('stopped')).then(stopped()).when(report('stopped')).thenNothing();
  given(...up).when(report('error', 1, 3)).then(failed()).when(report('error', 1, 3)).thenNothing();
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
test('to do: one that was never started needs no stop, unless its start was under way after all', () => {
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
const commands = fc.oneof<fc.Arbitrary<Asked<WorkloadCommand>>[]>(
  fc.constant(run), fc.constantFrom('sha256:a', 'sha256:b').map((source) => update(source)),
  fc.constantFrom(suspend, resume), fc.constantFrom(suspend, resume, restart), reports, reports, generations.map(apply), generations.map(apply),
);
const endings = fc.constantFrom<Asked<WorkloadCommand>>(kill, { ...kill, facts: { actor: customer } }, { ...kill, facts: { actor: stranger } }, { type: 'RecordRemoved', workloadId }, { type: 'RecordSlotGivenBack', workloadId });
test('while it is to run and the runtime has been told, or it is suspended and has stopped, nothing is to do; else something is', () => {
  fc.assert(fc.property(timed<WorkloadCommand>(commands, [[run]]), (all) => {
    const log: WorkloadEvent[] = [];
    for (const command of all) {
      const decision = workload.decide(command, fold(workload, log));
      if (!isRejection(decision)) log.push(...decision);
      const state = fold(workload, log);
      if (state.status === 'none') continue;
      const resting = state.desired === 'running' ? state.applied >= state.generation : state.stopped;
      assert.equal(todo(state).length, resting ? 0 : 1);
      if (state.desired === 'suspended' && (state.state === 'running' || state.state === 'starting')) assert.fail('runs while it is suspended');
    }
  }), { numRuns: 500 });
});

const all = fc.oneof({ weight: 9, arbitrary: commands }, { weight: 1, arbitrary: endings });
comesToRest(workload, all, todo, (item): Asked<WorkloadCommand> => {
  const { generation, incarnation } = item.workload;
  switch (item.do) {
    case 'Apply': return apply(generation);
    case 'Stop': return report('stopped', generation, incarnation);
    case 'Remove': return { type: 'RecordRemoved', workloadId };
    case 'GiveSlotBack': return { type: 'RecordSlotGivenBack', workloadId };
  }
}, [[run]]);
laws(workload, all, todo, {
  stories: [[run], [run, apply(1), report('running', 1, 1, address)]],
  returns: { Stop: 'an outcome may be recorded here that never was: a start of an older asking, told after its stop' },
});
