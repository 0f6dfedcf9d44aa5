/** `logs`: a workload's lines; with -f on and on, across lost connections, without a line twice or one unnoticed missing. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { Call } from './command.ts';
import { Failure } from './exit-codes.ts';
import { clientFor } from './here.ts';
import type { Output } from './output.ts';
import { findWorkload, readWorkload, type Workload } from './workload.ts';

type Line = { readonly id: number; readonly at: string; readonly stream: 'stdout' | 'stderr' | 'system'; readonly text: string };
const awayMaxMs = 300_000;
const againMs = 500;
const tailDefault = 15;

export const logs = async (call: Call): Promise<void> => {
  const { args: [name], options, out } = call;
  const client = clientFor('either', call);
  const { id } = await findWorkload(client, name);
  const { since, lines, build } = options as { since?: string; lines?: number; build?: boolean };
  const tail = lines ?? (since === undefined ? tailDefault : undefined);
  const follower = new Follower(client, id, out, build === true);
  if (options['follow']) await follower.follow({ tail, since });
  else await follower.once({ tail, since });
};

const building = ({ state, update }: Workload): boolean => [state, update?.state].some((one) => one === 'pending' || one === 'building');

class Follower {
  readonly #client: Client;
  readonly #id: string;
  readonly #out: Output;
  readonly #build: boolean;
  #last: number | undefined;
  constructor(client: Client, id: string, out: Output, build: boolean) {
    this.#build = build;
    this.#client = client;
    this.#id = id;
    this.#out = out;
  }

  async once(query: { tail?: number | undefined; since?: string | undefined; after?: number; follow?: boolean }): Promise<void> {
    for await (const line of this.#client.lines<Line>({ path: `/workloads/${this.#id}/logs`, query: this.#build ? { ...query, log: 'build' } : query })) {
      if (this.#last !== undefined && line.id > this.#last + 1) this.#out.note(`-- ${line.id - this.#last - 1} lines are missing here`);
      this.#last = line.id;
      await (this.#out.json ? this.#out.jsonLine(line) : this.#out.data(line.stream === 'system' ? this.#out.style(`-- ${line.text}`, 'dim') : line.text));
    }
  }

  async follow(first: { tail: number | undefined; since: string | undefined }): Promise<void> {
    for (let awayMs = 0; ;) {
      const before = this.#last;
      try {
        await this.once(this.#last === undefined ? { ...first, follow: true } : { after: this.#last, follow: true });
        if (await this.#ended()) return;
        awayMs = 0; // the server let go of us, not the workload: on from the last line
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== 'unavailable' || awayMs >= awayMaxMs) throw error;
        if (this.#last !== before) awayMs = 0;
        if (awayMs === 0) this.#out.note('-- connection lost, trying again');
        awayMs += againMs;
      }
      await sleep(againMs);
    }
  }
  /** The build is over: well, or it is what this call fails with. */
  #built({ name, reason, failed, updateFailed }: Workload): true {
    const why = updateFailed?.failed === 'build' ? updateFailed.reason : failed === 'build' ? (reason ?? '') : undefined;
    if (why !== undefined) throw new Failure('ours', `the build of '${name}' has failed: ${why}`, `See 'tollgate status ${name}'.`, { code: 'BuildFailed' });
    return true;
  }
  /** Has the workload ended for good? In error is a failure of this call, too. */
  async #ended(): Promise<boolean> {
    const workload = await readWorkload(this.#client, this.#id);
    if (!workload) {
      this.#out.note('-- the workload has been removed');
      return true;
    }
    if (this.#build) return !building(workload) && this.#built(workload);
    if (workload.state === 'error') throw new Failure('ours', `'${workload.name}' has failed: ${workload.reason ?? 'no reason is known'}`, `See 'tollgate status ${workload.name}'.`, { code: 'WorkloadFailed' });
    if (workload.state === 'stopped') this.#out.note(`-- the workload has stopped${workload.reason ? ` (${workload.reason})` : ''}`);
    return workload.state === 'stopped';
  }
}
