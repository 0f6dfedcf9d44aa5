import { line, type CatalogEntry, type Gathering } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { lookUp } from './git.ts';
import { IsDigest, IsEnvironment, IsGitRef, IsGitUrl, IsIdOf, IsLabel, IsText, IsWhole, Maybe } from './validation.ts';
import { mayTouch } from '../domain/access.ts';
import { account } from '../domain/account/decide.ts';
import { isRejection, type Rejection } from '../domain/decider.ts';
import type { NamespaceId, WorkloadId } from '../domain/ids.ts';
import {
  namespace, reject as rejectNamespace, type ChangeNamespaceLevel, type ConfirmWorkloadSlot, type CreateNamespace, type RecordWorkloadTold, type ReleaseWorkloadSlot, type TakeWorkloadSlot,
} from '../domain/namespace/decide.ts';
import { personal } from '../domain/personal.ts';
import type { Origin } from '../domain/workload/events.ts';
import { rejectGit } from '../domain/workload/git.ts';
import {
  workload, reject as rejectWorkload, type CancelBuild as CancelCommand, type KillWorkload as KillCommand, type RecordApplied, type RecordFetchFailed, type RecordRemoved, type RecordSourceFetched, type RecordSlotGivenBack, type ReportStatus, type RestartWorkload, type ResumeWorkload, type RunWorkload as RunCommand, type SuspendWorkload, type UpdateWorkload as UpdateCommand,
} from '../domain/workload/decide.ts';

const retriesDefault = 3;

export class RunWorkload extends CommandMessage {
  @Field('Name of the workload, also a DNS label', 'hello') @IsLabel() readonly name!: string;
  @Field('Digest of the uploaded source, as PUT /sources answers it; or git') @Maybe() @IsDigest() readonly source?: string;
  @Field('Repository to run instead of an uploaded source', 'https://github.com/owner/repository') @Maybe() @IsGitUrl() readonly git?: string;
  @Field('Branch, tag or whole commit hash in the repository; its default branch when left out', 'main') @Maybe() @IsGitRef() readonly ref?: string;
  @Field('Namespace to run in; by default the one of the Micro-Namespace header') @IsIdOf('ns') readonly namespaceId!: NamespaceId;
  @Field('Shell command line; found by itself when left out', 'node server.js') @Maybe() @IsText(1, 1000) readonly command?: string;
  @Field('Environment, name to value; values are sealed and never shown again', 'COLOUR=blue') @Maybe() @IsEnvironment() readonly env?: Readonly<Record<string, string>>;
  @Field(`How often it is started again after dying before it counts as failed (${retriesDefault})`) @Maybe() @IsWhole(0, 100) readonly retries?: number;
}
export class UpdateWorkload extends CommandMessage {
  @Field('Workload to update') @IsIdOf('wl') readonly workloadId!: WorkloadId;
  @Field('Digest of the new source; or git') @Maybe() @IsDigest() readonly source?: string;
  @Field('Repository to run instead; when source is left out, too, the one that it runs from', 'https://github.com/owner/repository') @Maybe() @IsGitUrl() readonly git?: string;
  @Field('Branch, tag or whole commit hash to look up now; the one it follows when git is left out', 'main') @Maybe() @IsGitRef() readonly ref?: string;
}
export class KillWorkload extends CommandMessage {
  @Field('Workload to stop and remove, source and build included') @IsIdOf('wl') readonly workloadId!: WorkloadId;
}
export class CancelBuild extends CommandMessage {
  @Field('Workload whose build or update is given up; what ran before runs on') @IsIdOf('wl') readonly workloadId!: WorkloadId;
}

/** What to run: an uploaded source as it is, or the commit that a repository's ref is now. A repeat asks no host again. */
const codeOf = async (m: RunWorkload, gathering: Gathering): Promise<Origin | Rejection> => {
  const { source, git, ref = '', namespaceId } = m;
  if ((source === undefined) === (git === undefined) || (source !== undefined && ref !== '')) return rejectGit('SourceOrGit');
  if (git === undefined) return source === undefined ? {} : { source };
  const before = await gathering.lookup(workload, gathering.derive.id('wl', gathering.commandId));
  if (before.status === 'existing' && before.git) return { git: before.git };
  const found = await lookUp(namespaceId, git, ref, gathering);
  return isRejection(found) ? found : { git: found };
};
const newCodeOf = async ({ workloadId, source, git, ref }: UpdateWorkload, gathering: Gathering): Promise<Origin | Rejection> => {
  if (source !== undefined) return git === undefined && ref === undefined ? { source } : rejectGit('SourceOrGit');
  const state = await gathering.lookup(workload, workloadId);
  if (state.status === 'none' || state.removed || !mayTouch(gathering.context.actor, state.namespaceId)) return rejectWorkload('WorkloadNotFound');
  const url = git ?? state.git?.url;
  if (url === undefined) return rejectGit('NoRepository');
  const found = await lookUp(state.namespaceId, url, ref ?? (git === undefined ? (state.git?.ref ?? '') : ''), gathering);
  return isRejection(found) ? found : { git: found };
};

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
    fields: async (m, gathering) => {
      const { derive, commandId, lookup, context } = gathering;
      const home = await lookup(namespace, m.namespaceId);
      const owner = home.status === 'none' ? undefined : await lookup(account, home.accountId);
      if (home.status === 'none' || owner?.status !== 'active' || !mayTouch(context.actor, m.namespaceId)) return rejectNamespace('NamespaceNotFound');
      const code = await codeOf(m, gathering);
      if (isRejection(code)) return code;
      const environment = Object.entries(m.env ?? {}).map(([name, value]) => ({ name, value: personal(owner.person, 'environment', value) }));
      return {
        workloadId: derive.id('wl', commandId), namespaceId: m.namespaceId, accountId: home.accountId, name: m.name, ...code, retries: m.retries ?? retriesDefault, environment,
        ...(m.command === undefined ? {} : { command: m.command }),
      };
    },
    requires: ({ namespaceId, workloadId, name }) => [{ type: 'TakeWorkloadSlot', fields: { namespaceId, workloadId, name } }],
    facts: async ({ source }, { sources }) => ({ sourceStored: source !== undefined && (await sources.has(source)) }),
    open: { audience: 'customer', noun: 'workload', verb: 'run', gate: 'run', summary: 'Run an uploaded source, or code from git' },
  }),
  line<UpdateCommand, UpdateWorkload>(workload, 'UpdateWorkload', {
    message: UpdateWorkload, permission: 'workload.update', id: byWorkload,
    fields: async (m, gathering) => {
      const code = await newCodeOf(m, gathering);
      return isRejection(code) ? code : { workloadId: m.workloadId, ...code };
    },
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
