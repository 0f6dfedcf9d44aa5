import { subjectOf, type NamespaceId } from '../domain/ids.ts';
import type { Recorded } from '../domain/ports/log.ts';
import type { Origin, WorkloadEvent } from '../domain/workload/events.ts';
import type { WorkloadState } from '../domain/workload/state.ts';
import { projection } from './projection.ts';

/** How far one asking is; `how` says how it is built and started, `limits` what it may use and how it is kept to it. */
type Progress = Origin & { generation: number; state: WorkloadState; incarnation: number; how?: string; limits?: string; reason?: string; failed?: 'build'; at: string };
type WorkloadView = Progress & {
  id: string; name: string; namespaceId: NamespaceId; command?: string; retries: number; envNames: string[]; address?: string;
  /** The new source, while it is made ready beside the one that runs. */
  update?: Progress;
  /** The last update, where it came to nothing: what runs is the one before it. */
  updateFailed?: Origin & { reason: string; failed?: 'build'; at: string };
};
const settled = <P extends Progress & { address?: string }>({ address: _, reason: __, failed: ___, ...progress }: P) => progress;
const originOf = ({ source, git }: Origin): Origin => ({ ...(source === undefined ? {} : { source }), ...(git === undefined ? {} : { git }) });

const termsOf = ({ how, limits }: { readonly how?: string; readonly limits?: string }): object => ({ ...(how === undefined ? {} : { how }), ...(limits === undefined ? {} : { limits }) });

type Reported = Extract<WorkloadEvent, { type: 'WorkloadBuildStarted' | 'WorkloadBuildFailed' | 'WorkloadStarting' | 'WorkloadStarted' | 'WorkloadStopped' | 'WorkloadFailed' }>;
const reported = <P extends Progress & { address?: string }>(progress: P, { type, data }: Reported, at: string): P => {
  const rest = settled(progress);
  const next = (): object => {
    switch (type) {
      case 'WorkloadBuildStarted': return { state: 'building', how: data.how };
      case 'WorkloadStarting': return { state: 'starting', incarnation: data.incarnation, ...(data.reason === '' ? {} : { reason: data.reason }), ...termsOf(data) };
      case 'WorkloadStarted': return { state: 'running', incarnation: data.incarnation, ...(data.address === undefined ? {} : { address: data.address }), ...termsOf(data) };
      case 'WorkloadStopped': return { state: 'stopped', reason: data.reason };
      case 'WorkloadBuildFailed': return { state: 'error', reason: data.reason, failed: 'build' };
      case 'WorkloadFailed': return { state: 'error', reason: data.reason };
    }
  };
  return { ...rest, ...next(), at } as P;
};
const onReport = (view: WorkloadView, event: Reported, at: string): WorkloadView => {
  const { update, ...running } = view;
  if (!update || event.data.generation !== update.generation) return reported(view, event, at);
  if (event.type !== 'WorkloadStarted') return { ...view, update: reported(update, event, at) };
  const { source: _, git: __, how: ___, limits: ____, updateFailed: _____, ...kept } = settled(running);
  return reported({ ...kept, ...settled(update) }, event, at); // it answers: from now on it is the one
};
const onUpdate = ({ update: _, updateFailed: __, ...view }: WorkloadView, data: Extract<WorkloadEvent, { type: 'WorkloadUpdated' }>['data'], at: string): WorkloadView => {
  const { generation, beside } = data;
  if (beside) return { ...view, update: { ...originOf(data), generation, state: 'pending', incarnation: 0, at } };
  const { source: ___, git: ____, how: _____, ...kept } = settled(view);
  return { ...kept, ...originOf(data), state: 'pending', generation, at };
};

/** What runs, where it answers, and why it is in its state. A removed workload has no document: its status is not found. */
export const workloads = projection<WorkloadView>({
  name: 'workloads', version: 2, summary: 'What customers run', indexes: ['namespaceId', 'name', 'state'], readableBy: 'workload.read', scope: { own: 'namespace', field: 'namespaceId' }, category: 'workload',
  columns: ['name', 'state', 'address', 'reason', 'at'],
  events: [
    'WorkloadRunRequested', 'WorkloadUpdated', 'WorkloadSourceFetched', 'WorkloadBuildStarted', 'WorkloadBuildFailed', 'WorkloadBuildCancelled', 'WorkloadUpdateFailed', 'WorkloadStarting', 'WorkloadStarted', 'WorkloadStopped', 'WorkloadFailed',
    'WorkloadSuspended', 'WorkloadResumed', 'WorkloadRestartRequested', 'WorkloadKillRequested', 'WorkloadRemoved',
  ],
  keys: (event) => [subjectOf(event.stream)],
  evolve: (view, event: Recorded<WorkloadEvent>) => {
    const recorded = event as Recorded<WorkloadEvent> & WorkloadEvent;
    const { type, data, meta: { at } } = recorded;
    if (type === 'WorkloadRunRequested') {
      const { workloadId, name, namespaceId, command, retries, environment, generation } = data;
      return { id: workloadId, name, namespaceId, state: 'pending', ...originOf(data), ...(command === undefined ? {} : { command }), retries, envNames: environment.map((entry) => entry.name), generation, incarnation: 0, at };
    }
    if (!view) return view;
    switch (type) {
      case 'WorkloadUpdated': return onUpdate(view, data, at);
      case 'WorkloadSourceFetched': return view.update ? { ...view, update: { ...view.update, source: data.source } } : { ...view, source: data.source };
      case 'WorkloadBuildStarted': case 'WorkloadBuildFailed': case 'WorkloadStarting': case 'WorkloadStarted': case 'WorkloadStopped': case 'WorkloadFailed': return onReport(view, recorded as Reported, at);
      case 'WorkloadBuildCancelled': return view.update ? view : { ...settled(view), state: view.state === 'stopped' ? 'stopped' : 'stopping', reason: 'its build was cancelled', at };
      case 'WorkloadUpdateFailed': {
        const { update, ...running } = view;
        return { ...running, generation: data.back, updateFailed: { ...(update ? originOf(update) : {}), reason: data.reason, ...(update?.failed ? { failed: update.failed } : {}), at } };
      }
      // One that has ended already has nothing to stop.
      case 'WorkloadSuspended': return { ...settled(view), state: view.state === 'stopped' ? 'stopped' : 'stopping', reason: 'suspended until the subscription is paid again', at };
      case 'WorkloadResumed': return { ...settled(view), state: 'pending', generation: data.generation, incarnation: 0, at };
      case 'WorkloadRestartRequested': return restarted(view, data.generation, data.reason, at);
      case 'WorkloadKillRequested': return { ...settled(view), state: 'stopping', at };
      case 'WorkloadRemoved': return undefined;
      default: return view;
    }
  },
});
const restarted = (view: WorkloadView, generation: number, reason: string, at: string): WorkloadView =>
  view.update
    ? { ...settled(view), state: 'starting', reason, at, update: { ...settled(view.update), state: 'pending', generation, incarnation: 0, at } }
    : { ...settled(view), state: 'pending', generation, incarnation: 0, reason, at };
