/** What a workload prints, as numbered lines in files that are rotated. */
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from './small.ts';

const lineBytesMax = 64 * 1024;

/** Cuts a byte stream into lines; one that is too long is cut into several, never inside a character. */
export class LineCutter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): string[] {
    let left = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const lines: string[] = [];
    for (;;) {
      const end = left.indexOf(10);
      if (end >= 0 && end <= lineBytesMax) {
        lines.push(left.toString('utf8', 0, end > 0 && left[end - 1] === 13 ? end - 1 : end));
        left = left.subarray(end + 1);
      } else if (left.length > lineBytesMax) {
        let cut = lineBytesMax;
        while (cut > lineBytesMax - 4 && ((left[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
        lines.push(left.toString('utf8', 0, cut));
        left = left.subarray(cut);
      } else break;
    }
    this.#rest = Buffer.from(left); // a copy, so that the chunk can be freed
    return lines;
  }
  end(): string[] {
    return this.#rest.length === 0 ? [] : [this.#rest.toString('utf8')];
  }
}

export type LogLimits = { readonly logBytes: number; readonly logFiles: number };
export type Stream = 'stdout' | 'stderr' | 'system';
/** JSON lines in files named by the id of their first line; the oldest goes when there are too many. */
export class LogFiles {
  readonly #folder: string;
  readonly #limits: LogLimits;
  #fd: number | undefined;
  #size = 0;
  #latestMs = 0;
  lastId = 0;

  constructor(folder: string, limits: LogLimits) {
    this.#folder = folder;
    this.#limits = limits;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const last = this.#names().at(-1);
    if (last === undefined) return;
    const bytes = readFileSync(join(folder, last));
    this.#size = bytes.lastIndexOf(10) + 1; // a kill may have cut the last line
    const lastLine = bytes.toString('utf8', 0, this.#size).trimEnd().split('\n').at(-1);
    this.lastId = attempt(() => (JSON.parse(lastLine ?? '') as { id: number }).id) ?? Number.parseInt(last, 10) - 1;
    this.#fd = openSync(join(folder, last), 'a', 0o600);
    ftruncateSync(this.#fd, this.#size);
  }
  write(stream: Stream, texts: readonly string[]): void {
    if (texts.length === 0) return;
    this.#latestMs = Math.max(this.#latestMs, Date.now());
    const at = new Date(this.#latestMs).toISOString();
    for (const text of texts) {
      const line = `${JSON.stringify({ id: (this.lastId += 1), at, stream, text })}\n`;
      // A full disk must not end the workload: its lines are lost, and the jump in the ids tells readers so.
      attempt(() => this.#append(Buffer.from(line)));
    }
  }
  #append(line: Buffer): void {
    if (this.#fd === undefined || this.#size + line.length > this.#limits.logBytes) this.#rotate();
    const fd = this.#fd as number;
    if (writeSync(fd, line) === line.length) this.#size += line.length;
    else ftruncateSync(fd, this.#size);
  }
  #rotate(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#fd = openSync(join(this.#folder, `${String(this.lastId).padStart(15, '0')}.jsonl`), 'a', 0o600);
    this.#size = 0;
    for (const name of this.#names().slice(0, -this.#limits.logFiles)) attempt(() => unlinkSync(join(this.#folder, name)));
  }
  #names(): string[] {
    return readdirSync(this.#folder).filter((name) => /^\d{15}\.jsonl$/.test(name)).toSorted();
  }
}
