import { subjectOf, type NamespaceId } from '../domain/ids.ts';
import type { Recorded } from '../domain/ports/log.ts';
import type { WorkloadEvent } from '../domain/workload/events.ts';
import type { WorkloadState } from '../domain/workload/state.ts';
import { projection } from './projection.ts';

type WorkloadView = {
  id: string; name: string; namespaceId: NamespaceId; state: WorkloadState; source: string; command?: string; retries: number; envNames: string[];
  generation: number; incarnation: number; address?: string; reason?: string; at: string;
};
const settled = ({ address: _, reason: __, ...view }: WorkloadView) => view;

/** What runs, where it answers, and why it is in its state. A removed workload has no document: its status is not found. */
export const workloads = projection<WorkloadView>({
  name: 'workloads', version: 1, summary: 'What customers run', indexes: ['namespaceId', 'name', 'state'], readableBy: 'workload.read', scope: { own: 'namespace', field: 'namespaceId' }, category: 'workload',
  columns: ['name', 'state', 'address', 'reason', 'at'],
  events: ['WorkloadRunRequested', 'WorkloadUpdated', 'WorkloadStarting', 'WorkloadStarted', 'WorkloadStopped', 'WorkloadFailed', 'WorkloadSuspended', 'WorkloadResumed', 'WorkloadRestartRequested', 'WorkloadKillRequested', 'WorkloadRemoved'],
  keys: (event) => [subjectOf(event.stream)],
  evolve: (view, event: Recorded<WorkloadEvent>) => {
    const { type, data, meta } = event as Recorded<WorkloadEvent> & WorkloadEvent;
    const { at } = meta;
    if (type === 'WorkloadRunRequested') {
      const { workloadId, name, namespaceId, source, command, retries, environment, generation } = data;
      return { id: workloadId, name, namespaceId, state: 'pending', source, ...(command === undefined ? {} : { command }), retries, envNames: environment.map((entry) => entry.name), generation, incarnation: 0, at };
    }
    if (!view) return view;
    switch (type) {
      case 'WorkloadUpdated': return { ...settled(view), state: 'pending', source: data.source, generation: data.generation, at };
      case 'WorkloadStarting': return { ...settled(view), state: 'starting', incarnation: data.incarnation, ...(data.reason === '' ? {} : { reason: data.reason }), at };
      case 'WorkloadStarted': return { ...settled(view), state: 'running', incarnation: data.incarnation, ...(data.address === undefined ? {} : { address: data.address }), at };
      case 'WorkloadStopped': return { ...settled(view), state: 'stopped', reason: data.reason, at };
      case 'WorkloadFailed': return { ...settled(view), state: 'error', reason: data.reason, at };
      case 'WorkloadSuspended': return { ...settled(view), state: 'stopping', reason: 'suspended until the open payment is made', at };
      case 'WorkloadResumed': return { ...settled(view), state: 'pending', generation: data.generation, incarnation: 0, at };
      case 'WorkloadRestartRequested': return { ...settled(view), state: 'pending', generation: data.generation, incarnation: 0, reason: data.reason, at };
      case 'WorkloadKillRequested': return { ...settled(view), state: 'stopping', at };
      case 'WorkloadRemoved': return undefined;
      default: return view;
    }
  },
});
