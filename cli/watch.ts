/** `status --watch`: told by the server what has changed where it can (`GET /events`), else looking every second; on a terminal the picture is drawn anew, elsewhere each change is a line. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import { Failure } from './exit-codes.ts';
import { wholeList } from './here.ts';
import { onInterrupt } from './interrupt.ts';
import { localTime, shown, type Output } from './output.ts';
import { findWorkload, readWorkload, statusTable, type Workload } from './workload.ts';
import { reasonShown } from './workload-progress.ts';

const lookEveryMs = 1_000;
const againMs = 500;
/** How long a server may be away before the watch ends. */
const awayMaxMs = 300_000;
/** The server says something at least this often; a connection that is silent for longer is dead. */
const quietMaxMs = 60_000;

type Seen = { readonly items: readonly Workload[]; readonly position: string | undefined };

class Watch {
  readonly #client: Client;
  readonly #out: Output;
  readonly #id: string | undefined;
  #before = new Map<string, { readonly text: string; readonly name: string }>();
  #position: string | undefined;
  #drawn = false;

  constructor(client: Client, out: Output, id: string | undefined) {
    this.#client = client;
    this.#out = out;
    this.#id = id;
  }

  /** Ends when the one workload that is watched is gone. */
  async run(): Promise<void> {
    for (let told = true; !(await this.#patiently(() => this.#look())); ) {
      if (!told) await sleep(lookEveryMs);
      else {
        const end = await this.#follow();
        if (end === 'gone') return;
        told = end !== 'unknown';
        if (end === 'cut off') await sleep(againMs); // and look again: what came meanwhile is not missed
      }
    }
  }
  /** A server that is away for a moment does not end the watch. */
  async #patiently<T>(deed: () => Promise<T>): Promise<T> {
    for (let awaySinceMs: number | undefined; ; ) {
      try {
        const value = await deed();
        if (awaySinceMs !== undefined) this.#out.note('-- back again');
        return value;
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== 'unavailable' || Date.now() - (awaySinceMs ?? Date.now()) > awayMaxMs) throw error;
        if (awaySinceMs === undefined) this.#out.note('-- connection lost, trying again');
        awaySinceMs ??= Date.now();
        await sleep(againMs);
      }
    }
  }

  /** Reads, and shows what is new; true when what was watched is gone. */
  async #look(): Promise<boolean> {
    const { items, position } = await this.#read();
    this.#position = position ?? this.#position;
    const now = new Map(items.map((item) => [item.id, { text: JSON.stringify(item), name: item.name }]));
    const changed = items.filter(({ id }) => this.#before.get(id)?.text !== now.get(id)?.text);
    const gone = [...this.#before].filter(([id]) => !now.has(id));
    this.#before = now;
    if (this.#out.redraws) await this.#draw(items, changed.length + gone.length > 0);
    else {
      for (const item of changed) await this.#line(item);
      for (const [, { name }] of gone) this.#out.note(`${name} is removed.`);
    }
    return this.#id !== undefined && items.length === 0;
  }
  async #read(): Promise<Seen> {
    if (this.#id === undefined) {
      const { items, position } = await wholeList(this.#client, '/workloads', {});
      return { items, position };
    }
    const one = await readWorkload(this.#client, this.#id);
    return { items: one ? [one] : [], position: undefined };
  }
  async #draw(items: readonly Workload[], anything: boolean): Promise<void> {
    if (this.#drawn && !anything) return;
    this.#drawn = true;
    this.#out.clear();
    if (items.length === 0) await this.#out.data('Nothing runs here.');
    else await statusTable(this.#client, this.#out, items);
    this.#out.note(`${localTime(new Date().toISOString())}, until Ctrl-C`);
  }
  #line(item: Workload): Promise<void> {
    const out = this.#out;
    return out.json ? out.jsonLine(item) : out.data([localTime(item.at), item.name, out.state(item.state), item.address, shown(reasonShown(item))].filter(Boolean).join('  '));
  }

  /** Looks again at each change that is told of, until what is watched is gone, or the stream is. `unknown`: a server from before it could tell. */
  async #follow(): Promise<'gone' | 'cut off' | 'unknown'> {
    const silent = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    try {
      for await (const { event, data } of this.#client.events({ path: '/events', query: { models: 'workloads', after: this.#position }, signal: silent.signal, onLine: () => {
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), quietMaxMs);
      } })) {
        const { id, position } = data as { id?: string; position?: string };
        if (position !== undefined && event !== 'change') this.#position = position;
        const isNews = event === 'reset' || (event === 'ready' && this.#id !== undefined) || (event === 'change' && (this.#id === undefined || id === this.#id) && BigInt(position ?? 0) > BigInt(this.#position ?? 0));
        if (event === 'change' && position !== undefined) this.#position = position;
        if (isNews && (await this.#look())) return 'gone';
      }
      return 'cut off';
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (isUnknownCall(error)) return 'unknown';
      if (error.kind !== 'unavailable') throw error;
      return 'cut off';
    } finally {
      clearTimeout(timer);
    }
  }
}
const isUnknownCall = ({ problem: { status, code } }: Failure): boolean => (status === 404 && code === 'NotFound') || status === 405;

export const watch = async (client: Client, name: string | undefined, out: Output): Promise<void> => {
  onInterrupt('');
  const id = name === undefined ? undefined : (await findWorkload(client, name)).id;
  await new Watch(client, out, id).run();
};
