/** What the CLI writes: data on stdout, everything else on stderr, at the reader's pace. */
import { Failure } from './exit-codes.ts';
import { isVerbose } from './verbose.ts';

export type Column = { readonly title: string; readonly value: (row: any) => string };
const two = (n: number): string => String(n).padStart(2, '0');

/** Local time with its zone, for people. */
export const localTime = (instant: unknown): string => {
  const date = new Date(String(instant));
  if (Number.isNaN(date.getTime())) return String(instant ?? '');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
};

/** Times in a sentence of the server's, as people read them here. */
export const withLocalTimes = (text: string): string => text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, localTime);

const isInstant = (value: unknown): boolean => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value);
const isMoney = (value: object): value is { amount: number; currency: string } => 'amount' in value && 'currency' in value && Number.isInteger(value.amount);
const decimalsOf = (currency: string): number => {
  try {
    return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
};
export const money = ({ amount, currency }: { amount: number; currency: string }): string => {
  const decimals = decimalsOf(currency);
  return `${(amount / 10 ** decimals).toFixed(decimals)} ${currency}`;
};

/** Terminals obey control characters; what came from outside is shown without them. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const printable = (text: string): string => text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');

/** Any value in one line for people. */
export const shown = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (isInstant(value)) return localTime(value);
  if (Array.isArray(value)) return value.map(shown).join(', ');
  if (typeof value === 'object') return isMoney(value) ? money(value) : Object.entries(value).map(([key, item]) => `${key} ${shown(item)}`).join(', ');
  return printable(String(value)).replaceAll(/\s*\n\s*/g, ' ');
};

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export type Style = keyof typeof codes;
const styleOfState: Readonly<Record<string, Style>> = { running: 'green', full: 'green', error: 'red', suspended: 'red', limited: 'yellow', pending: 'yellow', starting: 'yellow', building: 'yellow', stopping: 'yellow' };

/** Columns of the terminal; piped, a line may be as long as it likes. */
const roomOf = (): number => (process.stdout.isTTY ? Number(process.env['COLUMNS']) || process.stdout.columns || Infinity : Infinity);
const columnMin = 10;
const gap = 2;
/** Widths that fit, the widest cut first and none below what can still be read; undefined where that is not possible. */
const fitted = (wanted: readonly number[], room: number): number[] | undefined => {
  const widths = [...wanted];
  for (let over = widths.reduce((sum, width) => sum + width + gap, -gap) - room; over > 0; ) {
    const widest = widths.indexOf(Math.max(...widths));
    const second = Math.max(columnMin, ...widths.filter((_, index) => index !== widest));
    const cut = Math.min(over, Math.max(1, (widths[widest] ?? 0) - second));
    if ((widths[widest] ?? 0) - cut < columnMin) return undefined;
    widths[widest] = (widths[widest] ?? 0) - cut;
    over -= cut;
  }
  return widths;
};
const wrapMin = 20;
export class Output {
  readonly json: boolean;
  /** May prompts be shown? */
  readonly input: boolean;
  readonly #colour: boolean;
  constructor(options: { readonly json?: boolean; readonly input?: boolean; readonly color?: boolean } = {}) {
    this.json = options.json ?? false;
    this.input = options.input ?? true;
    this.#colour = options.color !== false && process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';
  }

  style(text: string, style: Style | undefined): string {
    return this.#colour && style ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
  }
  state(text: string): string {
    return this.style(text, styleOfState[text]);
  }

  /** One line of data. */
  async data(text: string): Promise<void> {
    if (!process.stdout.write(`${text}\n`)) await new Promise<void>((resolve) => void process.stdout.once('drain', resolve));
  }
  /** One JSON document; over several lines only where a person looks. */
  document(value: unknown): Promise<void> {
    return this.data(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined));
  }
  /** One line of a stream of JSON. */
  jsonLine(value: unknown): Promise<void> {
    return this.data(JSON.stringify(value));
  }
  /** Everything that is no data: progress, hints, prompts. */
  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }
  /** Whether a picture may be drawn over itself: on a terminal that understands it, for people. */
  get redraws(): boolean {
    return !this.json && process.stdout.isTTY && process.env['TERM'] !== 'dumb';
  }
  clear(): void {
    process.stdout.write('\u001b[H\u001b[2J');
  }
  /** Progress in place on a terminal; elsewhere lines would only pile up, so nothing. */
  progress(text: string): void {
    if (process.stderr.isTTY && process.env['TERM'] !== 'dumb') process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  }
  progressEnd(): void {
    if (process.stderr.isTTY && process.env['TERM'] !== 'dumb') process.stderr.write('\r\u001b[K');
  }
  /** The document as it is with --json, else what `forPeople` makes of it. */
  async result(value: unknown, forPeople: () => Promise<void> | void): Promise<void> {
    if (this.json) await this.document(value);
    else await forPeople();
  }

  /** Text over several lines on a terminal, those after the first indented; elsewhere as it is. */
  wrapped(text: string, indent: number): string {
    const room = roomOf() - indent;
    if (room < wrapMin) return text;
    const lines = text.split(' ').reduce<string[]>((all, word) => {
      const last = all.at(-1);
      return last === undefined || last.length + word.length + 1 > room ? [...all, word] : [...all.slice(0, -1), `${last} ${word}`];
    }, []);
    return lines.join(`\n${' '.repeat(indent)}`);
  }

  /** Columns, aligned. On a terminal the widest ones give way when a line is too long; where even that is not enough, each row is a block of its own. */
  async table(rows: readonly unknown[], columns: readonly Column[], titles = true): Promise<void> {
    const cells = [...(titles ? [columns.map(({ title }) => title.toUpperCase())] : []), ...rows.map((row) => columns.map(({ value }) => value(row)))];
    const widths = fitted(columns.map((_, index) => Math.max(0, ...cells.map((line) => (line[index] ?? '').length))), roomOf());
    if (!widths) return this.#blocks(rows, columns);
    for (const [number, line] of cells.entries()) {
      const text = line.map((cell, index) => this.#cell(cell, widths[index] ?? 0, index === line.length - 1)).join('  ').trimEnd();
      await this.data(titles && number === 0 ? this.style(text, 'bold') : text);
    }
  }
  #cell(cell: string, width: number, last: boolean): string {
    const cut = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
    return this.state(cut) + (last ? '' : ' '.repeat(width - cut.length));
  }
  /** Name and value, one a line. */
  async record(value: object): Promise<void> {
    const rows = Object.entries(value).filter(([, item]) => item !== undefined && item !== null && item !== '').map(([key, item]) => [words(key), shown(item)] as const);
    const width = Math.max(0, ...rows.map(([key]) => key.length)) + 2;
    for (const [key, text] of rows) await this.data(`${key.padEnd(width)}${this.state(this.wrapped(text, width))}`.trimEnd());
  }
  async #blocks(rows: readonly unknown[], columns: readonly Column[]): Promise<void> {
    for (const [number, row] of rows.entries()) {
      if (number > 0) await this.data('');
      await this.record(Object.fromEntries(columns.map(({ title, value }) => [title, value(row)])));
    }
  }
}

/** `paidThrough` reads `paid through`. */
export const words = (name: string): string => name.replaceAll(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
export const kebab = (name: string): string => name.replaceAll(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a}-${b.toLowerCase()}`);

/** A refusal: what and why in one line, the next step in another; the problem itself on stdout with --json. */
export const reportFailure = async (error: unknown, json: boolean): Promise<number> => {
  const failure = error instanceof Failure ? error : new Failure('ours', `unexpected: ${error instanceof Error ? error.message : String(error)}`, "Please report it, with the output of 'tollgate version'.");
  const { detail, nextStep, correlationId } = failure.problem;
  const oneLine = (text: string) => printable(text).replaceAll(/\s*\n\s*/g, ' ');
  process.stderr.write(`${oneLine(failure.message || detail)}\n`);
  if (nextStep !== '') process.stderr.write(`${oneLine(nextStep)}\n`);
  if ((failure.kind === 'ours' || isVerbose()) && correlationId !== undefined) process.stderr.write(`Correlation id: ${correlationId}\n`);
  if (!(error instanceof Failure) && process.env['TOLLGATE_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (json) await new Output().document(failure.problem);
  return failure.exitCode;
};
