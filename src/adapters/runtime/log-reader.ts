/** Reads the log files that a supervisor writes, across rotation; where lines are missing it says so. */
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instant } from '../../domain/instant.ts';
import type { LogLine } from '../../domain/ports/runtime.ts';

type Segment = { readonly name: string; readonly firstId: number };
const parse = (text: string): LogLine | undefined => {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined; // cut by a kill
  }
};
/** Stands for the lines from `lostFrom` up to the one before `next`; its id is the last of theirs, so that a follower resumes behind them. */
export const gap = (lostFrom: number, next: LogLine): LogLine => {
  const count = next.id - lostFrom;
  return { id: next.id - 1, at: next.at, stream: 'system', text: `${count} line${count === 1 ? ' is' : 's are'} missing here: rotated away or not written` };
};

export class LogReader {
  readonly #folder: string;
  readonly #since: Instant | undefined;
  #lastId: number;
  #current: Segment | undefined;
  #offset = 0;

  constructor(folder: string, { after = 0, since }: { readonly after?: number; readonly since?: Instant }) {
    this.#folder = folder;
    this.#lastId = after;
    this.#since = since;
  }
  /** The last `count` of the lines that are there; `more` goes on behind them. */
  async tail(count: number): Promise<readonly LogLine[]> {
    const found: LogLine[] = [];
    const segments = await this.#segments();
    let before: number | undefined; // the last line that is not wanted
    for (const segment of segments.toReversed()) {
      const bytes = await readFile(join(this.#folder, segment.name)).catch(() => undefined);
      if (bytes === undefined) break;
      const end = bytes.lastIndexOf(10) + 1;
      if (!this.#current) [this.#current, this.#offset] = [segment, end];
      const texts = bytes.toString('utf8', 0, end).split('\n');
      while (texts.length > 0 && found.length < count && before === undefined) {
        const line = parse(texts.pop() ?? '');
        if (!line) continue;
        if (this.#wants(line)) found.push(line);
        else before = line.id;
      }
      if (before !== undefined || found.length >= count) break;
    }
    const lines = found.toReversed();
    const from = Math.max(this.#lastId, before ?? 0);
    const last = lines.at(-1) ?? (await this.#newest());
    this.#lastId = Math.max(from, last?.id ?? 0);
    return withGaps(lines.length < count ? from : (lines[0]?.id ?? 1) - 1, lines);
  }
  /** The lines behind those already read. */
  async *more(): AsyncGenerator<LogLine> {
    for (;;) {
      const segments = await this.#segments();
      const current = this.#choose(segments);
      if (!current) return;
      yield* this.#rest(current);
      const next = segments.find(({ firstId }) => firstId > current.firstId);
      if (!next) return;
      [this.#current, this.#offset] = [next, 0];
    }
  }

  /** The segment that is being read; if that is gone, the one that may hold the next line. */
  #choose(segments: readonly Segment[]): Segment | undefined {
    const { firstId = -1 } = this.#current ?? {};
    if (segments.some((segment) => segment.firstId === firstId)) return this.#current;
    const chosen = segments.findLast((segment) => segment.firstId <= this.#lastId + 1) ?? segments[0];
    [this.#current, this.#offset] = [chosen, 0];
    return chosen;
  }
  async *#rest({ name }: Segment): AsyncGenerator<LogLine> {
    const bytes = await this.#lines(name);
    this.#offset += bytes.length;
    for (const text of bytes.toString('utf8').split('\n')) yield* this.#next(parse(text));
  }
  /**
   * Whole lines from where reading stands to the end: all at once (a file is small, for it is rotated), so that none is lost
   * when the file is rotated away meanwhile, and no file stays open while a reader takes its time or never comes back.
   */
  async #lines(name: string): Promise<Buffer> {
    const file = await open(join(this.#folder, name), 'r').catch(() => undefined);
    if (!file) return Buffer.alloc(0); // rotated away just now: the jump in the ids will tell
    try {
      const { size } = await file.stat();
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.max(0, size - this.#offset)), 0, Math.max(0, size - this.#offset), this.#offset);
      return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(10) + 1);
    } finally {
      await file.close();
    }
  }
  *#next(line: LogLine | undefined): Generator<LogLine> {
    if (!line || line.id <= this.#lastId) return;
    const expected = this.#lastId + 1;
    this.#lastId = line.id;
    if (this.#since !== undefined && line.at < this.#since) return;
    if (line.id > expected) yield gap(expected, line);
    yield line;
  }
  #wants(line: LogLine): boolean {
    return line.id > this.#lastId && (this.#since === undefined || line.at >= this.#since);
  }
  /** The last line there is, wanted or not. */
  async #newest(): Promise<LogLine | undefined> {
    if (!this.#current) return undefined;
    const text = await readFile(join(this.#folder, this.#current.name), 'utf8').catch(() => '');
    return parse(text.slice(0, Math.max(0, text.lastIndexOf('\n'))).split('\n').at(-1) ?? '');
  }
  async #segments(): Promise<readonly Segment[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names.filter((name) => /^\d{15}\.jsonl$/.test(name)).toSorted().map((name) => ({ name, firstId: Number.parseInt(name, 10) }));
  }
}

/** Lines that follow the one with the id `after`, with a mark wherever ids jump. */
const withGaps = (after: number, lines: readonly LogLine[]): readonly LogLine[] => lines.flatMap((line, index) => {
  const expected = (lines[index - 1]?.id ?? after) + 1;
  return line.id > expected ? [gap(expected, line), line] : [line];
});
