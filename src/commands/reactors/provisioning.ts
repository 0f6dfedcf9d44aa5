import { CommandRejected } from '../handle.ts';
import { reactor } from './reactor.ts';
import { namespace } from '../../domain/namespace/decide.ts';
import type { NamespaceLevel } from '../../domain/namespace/events.ts';
import type { Namespace } from '../../domain/namespace/state.ts';
import { todo as namespaceTodo, type NamespaceTodo } from '../../domain/namespace/todo.ts';
import { Refused } from '../../domain/ports/failures.ts';
import type { WorkloadSpec } from '../../domain/ports/runtime.ts';
import type { Vault } from '../../domain/ports/log.ts';
import { workload } from '../../domain/workload/decide.ts';
import type { ExistingWorkload, Workload } from '../../domain/workload/state.ts';
import { todo as workloadTodo, type WorkloadTodo } from '../../domain/workload/todo.ts';

/** What a namespace's level asks of each of its workloads. */
const askedOf: Readonly<Record<NamespaceLevel, string>> = { full: 'ResumeWorkload', limited: 'ResumeWorkload', suspended: 'SuspendWorkload', none: 'KillWorkload' };

/** Carries a namespace's level to its workloads, and gives back slots whose workload never came. */
export const namespaces = reactor<Namespace, NamespaceTodo>({
  name: 'namespaces', decider: namespace, todo: namespaceTodo, owner: (state) => (state.status === 'none' ? undefined : state.accountId),
  deeds: {
    TellWorkload: async ({ namespaceId, workloadId, level, generation }, { dispatch }) => {
      try {
        await dispatch(askedOf[level], { workloadId });
      } catch (error) {
        if (!(error instanceof CommandRejected)) throw error; // a slot whose workload never came has nobody to tell
      }
      return [{ type: 'RecordWorkloadTold', fields: { namespaceId, workloadId, generation } }];
    },
    CheckSlot: async ({ namespaceId, workloadId }, { lookup }) => {
      const found = await lookup(workload, workloadId);
      const gone = found.status === 'none' || found.removed;
      return [{ type: gone ? 'ReleaseWorkloadSlot' : 'ConfirmWorkloadSlot', fields: { namespaceId, workloadId } }];
    },
  },
});

const openEnvironment = async (environment: ExistingWorkload['environment'], vault: Vault): Promise<Record<string, string>> => {
  const opened: Record<string, string> = {};
  for (const { name, value } of environment) opened[name] = (await vault.open(value)) ?? '';
  return opened;
};

/** Makes the runtime do what each workload's state says should be. */
export const workloads = reactor<Workload, WorkloadTodo>({
  name: 'workloads', decider: workload, todo: workloadTodo, owner: (state) => (state.status === 'none' ? undefined : state.accountId),
  deeds: {
    Apply: async ({ workload: wanted }, { runtime, sources, vault }) => {
      const { workloadId, namespaceId, name, generation, source, command, retries } = wanted;
      const recorded = { type: 'RecordApplied', fields: { workloadId, generation } };
      const spec: WorkloadSpec = { workload: workloadId, namespace: namespaceId, name, generation, source, retries, environment: await openEnvironment(wanted.environment, vault), ...(command === undefined ? {} : { command }) };
      try {
        await sources.retain(source, workloadId);
        await runtime.apply(spec);
        if (wanted.previous !== undefined && wanted.previous !== source) await sources.release(wanted.previous, workloadId);
        return [recorded];
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return [{ type: 'ReportStatus', fields: { workloadId, generation, state: 'error', incarnation: wanted.incarnation, reason: error.message } }, recorded];
      }
    },
    Stop: async ({ workload: { workloadId, generation, incarnation } }, { runtime }) => {
      await runtime.stop(workloadId);
      return [{ type: 'ReportStatus', fields: { workloadId, generation, state: 'stopped', incarnation, reason: 'suspended until the open payment is made' } }];
    },
    Remove: async ({ workload: { workloadId, source } }, { runtime, sources }) => {
      await runtime.remove(workloadId);
      await sources.release(source, workloadId);
      return [{ type: 'RecordRemoved', fields: { workloadId } }];
    },
    GiveSlotBack: async ({ workload: { workloadId, namespaceId } }, { dispatch }) => {
      await dispatch('ReleaseWorkloadSlot', { namespaceId, workloadId });
      return [{ type: 'RecordSlotGivenBack', fields: { workloadId } }];
    },
  },
});
