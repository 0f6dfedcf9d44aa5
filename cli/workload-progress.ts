/** How far a workload is: waiting for it step by step, and showing where it stands. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from './exit-codes.ts';
import type { Output } from './output.ts';
import { codeShown, type Code } from './source.ts';

type State = 'pending' | 'building' | 'starting' | 'running' | 'stopping' | 'stopped' | 'error';
/** What a read model of workloads says of progress. */
export type Progress = Code & {
  readonly state: State;
  readonly reason?: string;
  readonly how?: string;
  readonly limits?: string;
  readonly failed?: 'build';
  readonly generation: number;
};
export type Progressing = Progress & {
  /** The new code, while it is made ready beside what runs. */
  readonly update?: Progress;
  /** Why the last update came to nothing. */
  readonly updateFailed?: { readonly reason: string; readonly at: string; readonly failed?: 'build' };
};
const lookEveryMs = 300;
/** Steps that were quicker are not worth a number. */
const tellFromMs = 1_000;
const settled = new Set<State>(['running', 'error', 'stopped']);

const stepOf = ({ update, ...running }: Progressing): string => {
  const step: Progress = update ?? running;
  // Fetching is a step of its own, though the workload is only pending.
  if (step.git && step.source === undefined && step.state === 'pending') return `${update ? 'update ' : ''}fetching ${codeShown(step.git)}`;
  const more = step.state === 'error' ? undefined : (step.reason ?? (step.state === 'building' ? step.how : undefined)); // why it failed is told at the end
  return `${update ? 'update ' : ''}${step.state}${more === undefined ? '' : ` (${more})`}`;
};

/** Until nothing is under way any more: it runs, or has failed, or the update has. Each step is told, with the time that the one before it took. */
export const untilSettled = async <W extends Progressing & { readonly name: string }>(workload: W, look: () => Promise<W | undefined>, timeoutMs: number, out: Output): Promise<W> => {
  const { name } = workload;
  const beganMs = Date.now();
  let [before, sinceMs] = ['', beganMs];
  for (let seen: W | undefined = workload; ; seen = await look()) {
    if (!seen) throw new Failure('notFound', `the workload '${name}' has been removed`, "See 'tollgate status'.", { code: 'WorkloadNotFound' });
    const step = stepOf(seen);
    if (step !== before) {
      const tookMs = Date.now() - sinceMs;
      out.note(`${name}: ${step}${before !== '' && tookMs >= tellFromMs ? `, after ${(tookMs / 1_000).toFixed(1)} s` : ''}`);
      [before, sinceMs] = [step, Date.now()];
    }
    if (!seen.update && settled.has(seen.state)) return seen;
    if (Date.now() - beganMs >= timeoutMs) throw new Failure('gaveUp', `gave up waiting for '${name}' to run: it is ${step}`, `See 'tollgate status ${name} --watch'.`, { code: 'GaveUpWaiting' });
    await sleep(lookEveryMs);
  }
};

const logsOf = (name: string, failed: 'build' | undefined): string => `See 'tollgate logs ${name}${failed === 'build' ? ' --build' : ''}'.`;
/** A failure of the call where what was asked for has failed. `asked`: an update was, so that one that failed is this one. */
export const failIfFailed = ({ name, state, reason, failed, updateFailed }: Progressing & { readonly name: string }, asked: boolean): void => {
  if (asked && updateFailed) throw new Failure('ours', `the update of '${name}' has failed, and what ran before runs on: ${updateFailed.reason}`, logsOf(name, updateFailed.failed), { code: 'UpdateFailed' });
  if (state === 'error') throw new Failure('ours', `'${name}' has failed: ${reason ?? 'no reason is known'}`, logsOf(name, failed), { code: 'WorkloadFailed' });
};

/** Where an update stands, or how the last one failed. */
export const updateRows = ({ update, updateFailed }: Progressing): Readonly<Record<string, string | undefined>> => ({
  update: update && [update.state, update.reason ?? update.how].filter((text) => text !== undefined).join(': '),
  'last update': updateFailed && `failed: ${updateFailed.reason}`,
});
/** Beside name, state and address: all there is to know of its progress. */
export const progressRows = (item: Progressing): Readonly<Record<string, string | undefined>> => ({ how: item.how, limits: item.limits, ...updateRows(item) });
/** One line for the list. */
export const reasonShown = ({ reason, update, updateFailed }: Progressing): string =>
  [reason, update && `update ${update.state}`, updateFailed && `last update failed: ${updateFailed.reason}`].filter((text) => text !== undefined).join('; ');
