/** A namespace: its level, and the slots of its workloads. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fold, isRejection, type Actor } from '../../src/domain/decider.ts';
import type { WorkloadId } from '../../src/domain/ids.ts';
import { personal } from '../../src/domain/personal.ts';
import { minute, plus } from '../../src/domain/instant.ts';
import { namespace, type NamespaceCommand } from '../../src/domain/namespace/decide.ts';
import type { NamespaceEvent, NamespaceLevel } from '../../src/domain/namespace/events.ts';
import type { ExistingNamespace } from '../../src/domain/namespace/state.ts';
import { todo } from '../../src/domain/namespace/todo.ts';
import { now, specify, type Asked } from '../given.ts';
import { comesToRest, laws, timed } from './laws.ts';
import { accountId, customer, namespaceId, operator, otherWorkloadId, person, stranger, subscriptionId, terms, workloadId } from './samples.ts';

const given = specify(namespace, todo);
const create = { type: 'CreateNamespace', namespaceId, name: 'calm-red-fox', accountId, subscriptionId, limits: terms.limits } as const;
const created: NamespaceEvent = { type: 'NamespaceCreated', data: { namespaceId, name: 'calm-red-fox', accountId, subscriptionId, limits: terms.limits, at: now } };
const change = (level: NamespaceLevel) => ({ type: 'ChangeNamespaceLevel', namespaceId, level }) as const;
const changed = (level: NamespaceLevel, generation: number): NamespaceEvent => ({ type: 'NamespaceLevelChanged', data: { namespaceId, level, generation } });
const take = (workload: WorkloadId = workloadId, name = 'hello') => ({ type: 'TakeWorkloadSlot', namespaceId, workloadId: workload, name, facts: { actor: customer } }) as const;
const checkAt = plus(now, 5 * minute);
const taken = (workload: WorkloadId = workloadId, name = 'hello'): NamespaceEvent => ({ type: 'WorkloadSlotTaken', data: { namespaceId, workloadId: workload, name, checkAt } });
const confirm = { type: 'ConfirmWorkloadSlot', namespaceId, workloadId } as const;
const confirmed: NamespaceEvent = { type: 'WorkloadSlotConfirmed', data: { namespaceId, workloadId } };
const release = { type: 'ReleaseWorkloadSlot', namespaceId, workloadId } as const;
const released: NamespaceEvent = { type: 'WorkloadSlotReleased', data: { namespaceId, workloadId } };
const told = (generation: number) => ({ type: 'RecordWorkloadTold', namespaceId, workloadId, generation }) as const;
const thirdWorkloadId: WorkloadId = 'wl_33333333333333333333';

test('a namespace is created', () => void given().when(create).then(created));
test('creating it twice changes nothing', () => void given(created).when(create).thenNothing());
test('nothing is asked of a namespace that is not there', () => {
  for (const command of [change('limited'), take(), confirm, release, told(1)]) given().when(command).thenRejected('NamespaceNotFound');
});
test('its level changes', () => void given(created).when(change('limited')).then(changed('limited', 1)));
test('the same level twice changes nothing', () => void given(created, changed('limited', 1)).when(change('limited')).thenNothing());
test('each change counts', () => void given(created, changed('limited', 1)).when(change('full')).then(changed('full', 2)));

test('a slot is taken', () => void given(created).when(take()).then(taken()));
test('taking it twice changes nothing', () => void given(created, taken()).when(take()).thenNothing());
test('a stranger takes no slot, and does not learn that the namespace exists (defect 9)', () => void given(created).when({ ...take(), facts: { actor: stranger } }).thenRejected('NamespaceNotFound'));
test('a name is taken once', () => void given(created, taken()).when(take(otherWorkloadId)).thenRejected('WorkloadNameTaken'));
test('the last slot can be taken, one more cannot', () => {
  given(created, taken()).when(take(otherWorkloadId, 'other')).then(taken(otherWorkloadId, 'other'));
  given(created, taken(), taken(otherWorkloadId, 'other')).when(take(thirdWorkloadId, 'third')).thenRejected('WorkloadLimitReached');
});
test('whoever has a slot keeps it when the namespace is full', () => void given(created, taken(), taken(otherWorkloadId, 'other')).when(take()).thenNothing());
test('a slot given back, and its name, are free again', () => void given(created, taken(), taken(otherWorkloadId, 'other'), released).when(take(thirdWorkloadId)).then(taken(thirdWorkloadId)));
test('limited, suspended, ended: no slot, and the refusal says what restores it', () => {
  for (const level of ['limited', 'suspended', 'none'] as const) {
    const refusal = given(created, changed(level, 1)).when(take()).thenRejected('ServiceLimited');
    assert.doesNotMatch(`${refusal.detail} ${refusal.nextStep}`, /[{}]/);
  }
});
test('a slot is confirmed, once', () => void given(created, taken()).when(confirm).then(confirmed).when(confirm).thenNothing());
test('a slot that is not there is not confirmed, released or told', () => {
  for (const command of [confirm, release, told(1)]) given(created).when(command).thenNothing();
});
test('a slot is released, once', () => void given(created, taken(), confirmed).when(release).then(released).when(release).thenNothing());
test('a workload was told of a level change, once, and an older one says nothing of a newer', () => {
  given(created, taken(), changed('suspended', 1)).when(told(1)).then({ type: 'WorkloadTold', data: { namespaceId, workloadId, generation: 1 } }).when(told(1)).thenNothing();
  given(created, taken(), changed('suspended', 1), changed('full', 2)).when(told(1)).thenTodo({ do: 'TellWorkload', generation: 2 }, { do: 'CheckSlot' });
});

test('to do: a slot whose workload has not appeared is looked at after five minutes; a confirmed one is not', () => {
  given(created, taken()).thenTodo({ do: 'CheckSlot', key: `${workloadId}.slot.${checkAt}`, notBefore: checkAt });
  given(created, taken(), confirmed).thenTodo();
  given(created, taken(), released).thenTodo();
});
test('to do: every workload is told of a change, newest level only; a workload that came later is not', () => {
  given(created, taken(), confirmed, changed('suspended', 1)).thenTodo({ do: 'TellWorkload', key: `${workloadId}.level.1`, level: 'suspended', generation: 1 });
  given(created, taken(), confirmed, changed('suspended', 1), changed('full', 2)).thenTodo({ do: 'TellWorkload', key: `${workloadId}.level.2`, level: 'full', generation: 2 });
  given(created, changed('limited', 1), changed('full', 2), taken(), confirmed).thenTodo();
});

const workloads = fc.constantFrom<WorkloadId>(workloadId, otherWorkloadId, thirdWorkloadId, 'wl_44444444444444444444');
const commands = fc.oneof<fc.Arbitrary<Asked<NamespaceCommand>>[]>(
  fc.constantFrom<NamespaceLevel>('full', 'full', 'limited', 'suspended', 'none').map(change),
  fc.tuple(workloads, fc.constantFrom('a', 'b', 'c', 'd')).map(([workload, name]) => take(workload, name)),
  fc.tuple(workloads, fc.constantFrom('a', 'b', 'c', 'd')).map(([workload, name]) => take(workload, name)),
  workloads.map((workload) => ({ ...confirm, workloadId: workload })),
  workloads.map((workload) => ({ ...release, workloadId: workload })),
  fc.tuple(workloads, fc.integer({ min: 1, max: 3 })).map(([workload, generation]) => ({ ...told(generation), workloadId: workload })),
);
test('whatever is taken, released and confirmed: never more slots than the plan allows, never two of one name', () => {
  let full = 0;
  fc.assert(fc.property(timed<NamespaceCommand>(commands), (asked) => {
    const log: NamespaceEvent[] = [created];
    for (const command of asked) {
      const decision = namespace.decide(command, fold(namespace, log));
      if (!isRejection(decision)) log.push(...decision);
      const { slots, limits } = fold(namespace, log) as ExistingNamespace;
      assert.ok(slots.length <= limits.workloads);
      assert.equal(new Set(slots.map(({ name }) => name)).size, slots.length);
      if (slots.length === limits.workloads) full += 1;
    }
  }), { numRuns: 500 });
  assert.ok(full > 100, 'the limit was reached');
});

const token = (text: string) => personal(person, 'gitToken', text);
const set = (host: string, text = 'one', actor: Actor = customer) => ({ type: 'SetGitCredential', namespaceId, host, token: token(text), facts: { actor } }) as const;
const wasSet = (host: string, text = 'one'): NamespaceEvent => ({ type: 'GitCredentialSet', data: { namespaceId, host, token: token(text), at: now } });
const drop = (host: string, actor: Actor = customer) => ({ type: 'RemoveGitCredential', namespaceId, host, facts: { actor } }) as const;
const dropped = (host: string): NamespaceEvent => ({ type: 'GitCredentialRemoved', data: { namespaceId, host, at: now } });
test('a credential is kept for a host; another one replaces it', () => {
  given(created).when(set('github.com')).then(wasSet('github.com'));
  given(created, wasSet('github.com'), wasSet('gitlab.com')).when(set('github.com', 'two')).then(wasSet('github.com', 'two'));
  const { gitCredentials } = fold(namespace, [created, wasSet('github.com'), wasSet('gitlab.com'), wasSet('github.com', 'two')]) as ExistingNamespace;
  assert.deepEqual(gitCredentials, [{ host: 'gitlab.com', token: token('one') }, { host: 'github.com', token: token('two') }]);
  given(created, wasSet('github.com')).when(drop('github.com')).then(dropped('github.com'));
  given(created, wasSet('github.com'), dropped('github.com')).when(drop('github.com')).thenRejected('GitCredentialNotFound');
});
test('credentials are for members only: not for strangers, and not for staff', () => {
  for (const actor of [stranger, operator]) {
    given(created).when(set('github.com', 'x', actor)).thenRejected('NamespaceNotFound');
    given(created, wasSet('github.com')).when(drop('github.com', actor)).thenRejected('NamespaceNotFound');
  }
});
test('a namespace keeps credentials for twenty hosts; replacing one is no more', () => {
  const full = Array.from({ length: 20 }, (_, i) => wasSet(`h${i}.test`));
  given(created, ...full).when(set('one-more.test')).thenRejected('GitCredentialLimitReached');
  given(created, ...full).when(set('h7.test', 'two')).then(wasSet('h7.test', 'two'));
});

comesToRest(namespace, fc.oneof(fc.constant(create), commands, commands), todo, (item): Asked<NamespaceCommand> => {
  switch (item.do) {
    case 'TellWorkload': return { ...told(item.generation), workloadId: item.workloadId };
    case 'CheckSlot': return { ...confirm, workloadId: item.workloadId };
  }
}, [[create]]);
laws(namespace, fc.oneof(fc.constant(create), commands, commands), todo, {
  stories: [[create], [create, take()]],
  returns: { CheckSlot: 'a slot may be given back and taken again here by the same workload at the same instant; workload ids are never given twice' },
});
