import { CommandRejected } from '../handle.ts';
import { reactor } from './reactor.ts';
import { namespace } from '../../domain/namespace/decide.ts';
import type { NamespaceLevel } from '../../domain/namespace/events.ts';
import type { Namespace } from '../../domain/namespace/state.ts';
import { todo as namespaceTodo, type NamespaceTodo } from '../../domain/namespace/todo.ts';
import { Refused } from '../../domain/ports/failures.ts';
import { processesDefault } from '../../domain/plan/events.ts';
import type { RunSpec, WorkloadLimits, WorkloadSpec } from '../../domain/ports/runtime.ts';
import type { Vault } from '../../domain/ports/log.ts';
import { workload } from '../../domain/workload/decide.ts';
import type { Asking, ExistingWorkload, Workload } from '../../domain/workload/state.ts';
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

const runOf = ({ generation, release, source }: Asking): RunSpec | undefined => (source === undefined ? undefined : { generation, release, source });
/** What the namespace's plan allows each of its workloads. */
const limitsOf = (home: Namespace): WorkloadLimits | undefined => {
  if (home.status === 'none') return undefined;
  const { cpuMillis, memoryMiB, diskMiB, processes = processesDefault } = home.limits;
  return { cpuMillis, memoryMiB, diskMiB, processes };
};
const specOf = async (wanted: ExistingWorkload, vault: Vault, home: Namespace): Promise<WorkloadSpec> => {
  const { workloadId, namespaceId, name, command, retries, source = '', generation, release } = wanted;
  const alive = wanted.old && wanted.old.state !== 'error' && wanted.old.state !== 'stopped' ? wanted.old : undefined; // one that is over is not started again
  const [limits, old] = [limitsOf(home), alive && runOf(alive)];
  const environment = await openEnvironment(wanted.environment, vault);
  return { workload: workloadId, namespace: namespaceId, name, generation, release, source, retries, environment, ...(command === undefined ? {} : { command }), ...(limits ? { limits } : {}), ...(old ? { old } : {}) };
};

/** Makes the runtime do what each workload's state says should be. */
export const workloads = reactor<Workload, WorkloadTodo>({
  name: 'workloads', decider: workload, todo: workloadTodo, owner: (state) => (state.status === 'none' ? undefined : state.accountId),
  deeds: {
    Apply: async ({ workload: wanted }, { runtime, sources, vault, lookup }) => {
      const { workloadId, generation, source, old } = wanted;
      const released = wanted.unneeded;
      const recorded = { type: 'RecordApplied', fields: { workloadId, generation, released } };
      try {
        for (const needed of new Set([source, old?.source])) if (needed !== undefined) await sources.retain(needed, workloadId);
        await runtime.apply(await specOf(wanted, vault, await lookup(namespace, wanted.namespaceId)));
        for (const unneeded of released) await sources.release(unneeded, workloadId);
        return [recorded];
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return [{ type: 'ReportStatus', fields: { workloadId, generation, state: 'error', incarnation: wanted.incarnation, reason: error.message } }, { ...recorded, fields: { workloadId, generation } }];
      }
    },
    Stop: async ({ workload: { workloadId, generation, incarnation } }, { runtime }) => {
      await runtime.stop(workloadId);
      return [{ type: 'ReportStatus', fields: { workloadId, generation, state: 'stopped', incarnation } }];
    },
    Remove: async ({ workload: { workloadId, source, old, unneeded } }, { runtime, sources }) => {
      await runtime.remove(workloadId);
      for (const held of new Set([source, old?.source, ...unneeded])) if (held !== undefined) await sources.release(held, workloadId);
      return [{ type: 'RecordRemoved', fields: { workloadId } }];
    },
    GiveSlotBack: async ({ workload: { workloadId, namespaceId } }, { dispatch }) => {
      await dispatch('ReleaseWorkloadSlot', { namespaceId, workloadId });
      return [{ type: 'RecordSlotGivenBack', fields: { workloadId } }];
    },
  },
});
