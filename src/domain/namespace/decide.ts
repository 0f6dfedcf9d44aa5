import { isMember, mayTouch } from '../access.ts';
import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { AccountId, NamespaceId, SubscriptionId, WorkloadId } from '../ids.ts';
import { minute, plus } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { PlanLimits } from '../plan/events.ts';
import { gateVerdict } from '../service-level.ts';
import type { NamespaceEvent, NamespaceLevel } from './events.ts';
import { evolve, initial, type ExistingNamespace, type Namespace } from './state.ts';

/** A slot whose workload has not appeared by then is given back. */
const slotCheckMs = 5 * minute;
const gitCredentialsMax = 20;

export type CreateNamespace = Command<'CreateNamespace', { namespaceId: NamespaceId; name: string; accountId: AccountId; subscriptionId: SubscriptionId; limits: PlanLimits }>;
export type ChangeNamespaceLevel = Command<'ChangeNamespaceLevel', { namespaceId: NamespaceId; level: NamespaceLevel }>;
export type TakeWorkloadSlot = Command<'TakeWorkloadSlot', { namespaceId: NamespaceId; workloadId: WorkloadId; name: string }>;
export type ConfirmWorkloadSlot = Command<'ConfirmWorkloadSlot', { namespaceId: NamespaceId; workloadId: WorkloadId }>;
export type ReleaseWorkloadSlot = Command<'ReleaseWorkloadSlot', { namespaceId: NamespaceId; workloadId: WorkloadId }>;
export type RecordWorkloadTold = Command<'RecordWorkloadTold', { namespaceId: NamespaceId; workloadId: WorkloadId; generation: number }>;
export type SetGitCredential = Command<'SetGitCredential', { namespaceId: NamespaceId; host: string; username?: Personal; token: Personal }>;
export type RemoveGitCredential = Command<'RemoveGitCredential', { namespaceId: NamespaceId; host: string }>;
export type NamespaceCommand = CreateNamespace | ChangeNamespaceLevel | TakeWorkloadSlot | ConfirmWorkloadSlot | ReleaseWorkloadSlot | RecordWorkloadTold | SetGitCredential | RemoveGitCredential;

export const reject = rejections({
  NamespaceNotFound: ['not-found', 'There is no such namespace.', "See 'tollgate namespace list'."],
  WorkloadLimitReached: ['exhausted', 'The plan allows {limit} workloads, and {limit} are there.', "Remove one with 'tollgate kill NAME', or choose a bigger plan."],
  GitCredentialLimitReached: ['exhausted', 'A namespace keeps credentials for {limit} hosts, and {limit} are there.', "Remove one with 'tollgate git credential remove HOST'."],
  GitCredentialNotFound: ['not-found', "There is no credential for '{host}'.", "See 'tollgate git credential list'."],
  WorkloadNameTaken: ['conflict', "There is a workload named '{name}' already.", "Choose another --name, or replace it: 'tollgate update {name}'."],
  ServiceLimited: ['limited', 'Refused: {reason}.', '{nextStep}'],
});

const create = (command: CreateNamespace, state: Namespace): Decision<NamespaceEvent> => {
  if (state.status !== 'none') return [];
  const { namespaceId, name, accountId, subscriptionId, limits, facts } = command;
  return [{ type: 'NamespaceCreated', data: { namespaceId, name, accountId, subscriptionId, limits, at: facts.now } }];
};

const takeSlot = ({ namespaceId, workloadId, name, facts }: TakeWorkloadSlot, state: ExistingNamespace): Decision<NamespaceEvent> => {
  if (!mayTouch(facts.actor, namespaceId)) return reject('NamespaceNotFound');
  if (state.slots.some((slot) => slot.workloadId === workloadId)) return [];
  const { allow, reason, nextStep } = gateVerdict(state.level === 'none' ? 'suspended' : state.level, 'run');
  if (!allow) return reject('ServiceLimited', { reason, nextStep });
  if (state.slots.some((slot) => slot.name === name)) return reject('WorkloadNameTaken', { name });
  if (state.slots.length >= state.limits.workloads) return reject('WorkloadLimitReached', { limit: state.limits.workloads });
  return [{ type: 'WorkloadSlotTaken', data: { namespaceId, workloadId, name, checkAt: plus(facts.now, slotCheckMs) } }];
};

const setCredential = ({ host, username, token, facts }: SetGitCredential, { namespaceId, gitCredentials = [] }: ExistingNamespace): Decision<NamespaceEvent> => {
  if (!isMember(facts.actor, namespaceId)) return reject('NamespaceNotFound');
  if (gitCredentials.length >= gitCredentialsMax && !gitCredentials.some((held) => held.host === host)) return reject('GitCredentialLimitReached', { limit: gitCredentialsMax });
  return [{ type: 'GitCredentialSet', data: { namespaceId, host, ...(username === undefined ? {} : { username }), token, at: facts.now } }];
};
const removeCredential = ({ host, facts }: RemoveGitCredential, { namespaceId, gitCredentials = [] }: ExistingNamespace): Decision<NamespaceEvent> => {
  if (!isMember(facts.actor, namespaceId)) return reject('NamespaceNotFound');
  if (!gitCredentials.some((held) => held.host === host)) return reject('GitCredentialNotFound', { host });
  return [{ type: 'GitCredentialRemoved', data: { namespaceId, host, at: facts.now } }];
};

const ofExisting = (command: Exclude<NamespaceCommand, CreateNamespace>, state: ExistingNamespace): Decision<NamespaceEvent> => {
  const { namespaceId } = state;
  switch (command.type) {
    case 'ChangeNamespaceLevel': return state.level === command.level ? [] : [{ type: 'NamespaceLevelChanged', data: { namespaceId, level: command.level, generation: state.generation + 1 } }];
    case 'TakeWorkloadSlot': return takeSlot(command, state);
    case 'ConfirmWorkloadSlot': return state.slots.some((slot) => slot.workloadId === command.workloadId && !slot.confirmed) ? [{ type: 'WorkloadSlotConfirmed', data: { namespaceId, workloadId: command.workloadId } }] : [];
    case 'ReleaseWorkloadSlot': return state.slots.some((slot) => slot.workloadId === command.workloadId) ? [{ type: 'WorkloadSlotReleased', data: { namespaceId, workloadId: command.workloadId } }] : [];
    case 'SetGitCredential': return setCredential(command, state);
    case 'RemoveGitCredential': return removeCredential(command, state);
    case 'RecordWorkloadTold': return state.slots.some((slot) => slot.workloadId === command.workloadId && slot.told < command.generation) ? [{ type: 'WorkloadTold', data: { namespaceId, workloadId: command.workloadId, generation: command.generation } }] : [];
  }
};
const decide = (command: NamespaceCommand, state: Namespace): Decision<NamespaceEvent> => {
  if (command.type === 'CreateNamespace') return create(command, state);
  return state.status === 'none' ? reject('NamespaceNotFound') : ofExisting(command, state);
};
export const namespace: Decider<NamespaceCommand, Namespace, NamespaceEvent> = { category: 'namespace', initial, decide, evolve };
