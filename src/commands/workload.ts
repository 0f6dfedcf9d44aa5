import { line, type CatalogEntry } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { IsDigest, IsEnvironment, IsIdOf, IsLabel, IsText, IsWhole, Maybe } from './validation.ts';
import { account } from '../domain/account/decide.ts';
import type { NamespaceId, WorkloadId } from '../domain/ids.ts';
import {
  namespace, reject as rejectNamespace, type ChangeNamespaceLevel, type ConfirmWorkloadSlot, type CreateNamespace, type RecordWorkloadTold, type ReleaseWorkloadSlot, type TakeWorkloadSlot,
} from '../domain/namespace/decide.ts';
import { personal } from '../domain/personal.ts';
import {
  workload, type CancelBuild as CancelCommand, type KillWorkload as KillCommand, type RecordApplied, type RecordFetchFailed, type RecordRemoved, type RecordSourceFetched, type RecordSlotGivenBack, type ReportStatus, type RestartWorkload, type ResumeWorkload, type RunWorkload as RunCommand, type SuspendWorkload, type UpdateWorkload as UpdateCommand,
} from '../domain/workload/decide.ts';

const retriesDefault = 3;

export class RunWorkload extends CommandMessage {
  @Field('Name of the workload, also a DNS label', 'hello') @IsLabel() readonly name!: string;
  @Field('Digest of the uploaded source, as PUT /sources answers it') @IsDigest() readonly source!: string;
  @Field('Namespace to run in; by default the one of the Micro-Namespace header') @IsIdOf('ns') readonly namespaceId!: NamespaceId;
  @Field('Shell command line; found by itself when left out', 'node server.js') @Maybe() @IsText(1, 1000) readonly command?: string;
  @Field('Environment, name to value; values are sealed and never shown again', 'COLOUR=blue') @Maybe() @IsEnvironment() readonly env?: Readonly<Record<string, string>>;
  @Field(`How often it is started again after dying before it counts as failed (${retriesDefault})`) @Maybe() @IsWhole(0, 100) readonly retries?: number;
}
export class UpdateWorkload extends CommandMessage {
  @Field('Workload to update') @IsIdOf('wl') readonly workloadId!: WorkloadId;
  @Field('Digest of the new source') @IsDigest() readonly source!: string;
}
export class KillWorkload extends CommandMessage {
  @Field('Workload to stop and remove, source and build included') @IsIdOf('wl') readonly workloadId!: WorkloadId;
}
export class CancelBuild extends CommandMessage {
  @Field('Workload whose build or update is given up; what ran before runs on') @IsIdOf('wl') readonly workloadId!: WorkloadId;
}

const byNamespace = (c: { readonly namespaceId: string }) => c.namespaceId;
const byWorkload = (c: { readonly workloadId: string }) => c.workloadId;

export const workloadCommands: readonly CatalogEntry[] = [
  line<CreateNamespace>(namespace, 'CreateNamespace', { permission: 'namespace.create', id: byNamespace }),
  line<ChangeNamespaceLevel>(namespace, 'ChangeNamespaceLevel', { permission: 'namespace.change', id: byNamespace }),
  line<TakeWorkloadSlot>(namespace, 'TakeWorkloadSlot', { permission: 'workload.run', id: byNamespace }),
  line<ConfirmWorkloadSlot>(namespace, 'ConfirmWorkloadSlot', { permission: 'namespace.record', id: byNamespace }),
  line<ReleaseWorkloadSlot>(namespace, 'ReleaseWorkloadSlot', { permission: 'namespace.record', id: byNamespace }),
  line<RecordWorkloadTold>(namespace, 'RecordWorkloadTold', { permission: 'namespace.record', id: byNamespace }),
  line<RunCommand, RunWorkload>(workload, 'RunWorkload', {
    message: RunWorkload, permission: 'workload.run', id: byWorkload,
    fields: async (m, { derive, commandId, lookup }) => {
      const home = await lookup(namespace, m.namespaceId);
      const owner = home.status === 'none' ? undefined : await lookup(account, home.accountId);
      if (home.status === 'none' || owner?.status !== 'active') return rejectNamespace('NamespaceNotFound');
      const environment = Object.entries(m.env ?? {}).map(([name, value]) => ({ name, value: personal(owner.person, 'environment', value) }));
      return {
        workloadId: derive.id('wl', commandId), namespaceId: m.namespaceId, accountId: home.accountId, name: m.name, source: m.source, retries: m.retries ?? retriesDefault, environment,
        ...(m.command === undefined ? {} : { command: m.command }),
      };
    },
    requires: ({ namespaceId, workloadId, name }) => [{ type: 'TakeWorkloadSlot', fields: { namespaceId, workloadId, name } }],
    facts: async ({ source }, { sources }) => ({ sourceStored: source !== undefined && (await sources.has(source)) }),
    open: { audience: 'customer', noun: 'workload', verb: 'run', gate: 'run', summary: 'Run an uploaded source' },
  }),
  line<UpdateCommand, UpdateWorkload>(workload, 'UpdateWorkload', {
    message: UpdateWorkload, permission: 'workload.update', id: byWorkload,
    facts: async ({ source }, { sources }) => ({ sourceStored: source !== undefined && (await sources.has(source)) }),
    open: { audience: 'customer', noun: 'workload', verb: 'update', gate: 'run', summary: 'Replace a workload\'s source' },
  }),
  line<KillCommand, KillWorkload>(workload, 'KillWorkload', {
    message: KillWorkload, permission: 'workload.kill', id: byWorkload,
    open: { audience: 'customer', noun: 'workload', verb: 'kill', gate: 'billing', summary: 'Stop a workload and remove it' },
  }),
  line<CancelCommand, CancelBuild>(workload, 'CancelBuild', {
    message: CancelBuild, permission: 'workload.update', id: byWorkload,
    open: { audience: 'customer', noun: 'workload', verb: 'cancel', gate: 'billing', summary: 'Give up a build or an update; what ran before runs on' },
  }),
  line<SuspendWorkload>(workload, 'SuspendWorkload', { permission: 'workload.suspend', id: byWorkload }),
  line<ResumeWorkload>(workload, 'ResumeWorkload', { permission: 'workload.resume', id: byWorkload }),
  line<RestartWorkload>(workload, 'RestartWorkload', { permission: 'workload.restart', id: byWorkload }),
  line<RecordSourceFetched>(workload, 'RecordSourceFetched', { permission: 'workload.record', id: byWorkload }),
  line<RecordFetchFailed>(workload, 'RecordFetchFailed', { permission: 'workload.record', id: byWorkload }),
  line<RecordApplied>(workload, 'RecordApplied', { permission: 'workload.record', id: byWorkload }),
  line<ReportStatus>(workload, 'ReportStatus', { permission: 'workload.record', id: byWorkload }),
  line<RecordRemoved>(workload, 'RecordRemoved', { permission: 'workload.record', id: byWorkload }),
  line<RecordSlotGivenBack>(workload, 'RecordSlotGivenBack', { permission: 'workload.record', id: byWorkload }),
];
