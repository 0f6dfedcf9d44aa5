/**
 * Keeps one workload running: a program of its own, started by `local.ts`, that outlives the server. It imports nothing
 * but node:, starts fast, and has its own clock and chance, because it must work while no server is there to lend them.
 * Its socket is lock and control channel in one: it dies with the process, so two can never run the same workload.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

export type Limits = Readonly<Record<'graceMs' | 'runningAfterMs' | 'healthyMs' | 'restartDelayMs' | 'restartDelayMaxMs' | 'logBytes' | 'logFiles', number>>;
/** What it gets on standard input, so that the environment is never on disk or in a process list. */
export type Order = {
  /** `end`: only end what a killed supervisor left behind. */
  readonly do: 'run' | 'end';
  readonly generation: number;
  /** The last process of this generation, started by an earlier supervisor; 0 when there was none. */
  readonly incarnation: number;
  readonly retries: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: Limits;
} & Readonly<Record<'workload' | 'namespace' | 'folder' | 'socket' | 'command' | 'path', string>>;
/** The workload's first process, told from a stranger with the same number by when it was started. */
export type Leader = { readonly pid: number; readonly started: string };
/** `state.json`, and what is pushed over the socket. */
export type State = {
  readonly generation: number;
  readonly state: 'starting' | 'running' | 'stopped' | 'error';
  readonly incarnation: number;
  readonly at: string;
  readonly address?: string;
  readonly reason?: string;
  /** Only when it ended for good. Without it and without a supervisor it was lost. */
  readonly ended?: 'itself' | 'told' | 'refused';
  readonly leader?: Leader;
};
export type FromSupervisor = { readonly state?: State; readonly log?: number };
export type ToSupervisor = { readonly key?: string; readonly stop?: true; readonly watch?: boolean };

const lineBytesMax = 64 * 1024;
const linux = process.platform === 'linux';
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** What `deed` answers; undefined when it fails. */
const attempt = <T>(deed: () => T): T | undefined => {
  try {
    return deed();
  } catch {
    return undefined;
  }
};

/** Cuts a byte stream into lines; one that is too long is cut into several, never inside a character. */
class LineCutter {
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

/** JSON lines in files named by the id of their first line; the oldest goes when there are too many. */
class LogFiles {
  readonly #folder: string;
  readonly #limits: Limits;
  #fd: number | undefined;
  #size = 0;
  #latestMs = 0;
  lastId = 0;

  constructor(folder: string, limits: Limits) {
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
  write(stream: 'stdout' | 'stderr' | 'system', texts: readonly string[]): void {
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

const boot = linux ? attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) : undefined;
type Stat = { readonly running: boolean; readonly group: number; readonly started: string };
/** What Linux says of a process; undefined when there is none. */
const statOf = (pid: number): Stat | undefined => attempt(() => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { running: fields[0] !== 'Z' && fields[0] !== 'X', group: Number(fields[2]), started: `${boot}.${fields[19]}` };
});
const startedOf = (pid: number): string | undefined =>
  linux ? statOf(pid)?.started : attempt(() => execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined);
const homeOf = (order: Order): string => join(order.folder, 'home');
/** The workload's own processes: of its leader's group, or carrying its environment. Never a stranger with a recycled number. */
const processesOf = (order: Order, leader: Leader | undefined): number[] => {
  const leads = leader !== undefined && startedOf(leader.pid) === leader.started;
  if (!linux) return leads ? [-leader.pid] : [];
  const marks = [`\0HOME=${homeOf(order)}\0`, `\0TOLLGATE_WORKLOAD=${order.workload}\0`];
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    if (pid === process.pid) return false;
    const stat = leads ? statOf(pid) : undefined;
    if (leads && stat?.group === leader.pid) return stat.running;
    const environment = attempt(() => `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}\0`);
    return environment !== undefined && marks.every((mark) => environment.includes(mark));
  });
};
const signal = (pid: number, name: NodeJS.Signals): void => void attempt(() => process.kill(pid, name));
/** Ends whatever is left of the workload: asks first, insists after the grace time. */
const endProcesses = async (order: Order, leader: Leader | undefined, graceMs: number): Promise<void> => {
  const insistAt = Date.now() + graceMs;
  for (let asked = false; Date.now() < insistAt + 10_000; asked = true) {
    const pids = processesOf(order, leader);
    if (pids.length === 0) return;
    const name = Date.now() >= insistAt ? 'SIGKILL' : 'SIGTERM';
    if (!asked || name === 'SIGKILL') for (const pid of pids) signal(pid, name);
    await sleep(25);
  }
};

const listen = (server: Server, path: string | number): Promise<boolean> => new Promise((resolve, reject) => {
  server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
  server.listen(typeof path === 'string' ? { path } : { port: path, host: '127.0.0.1' }, () => resolve(true));
});
const answers = (path: string | number, host = '127.0.0.1'): Promise<boolean> => new Promise((resolve) => {
  const socket = connect(typeof path === 'string' ? { path, timeout: 1_000 } : { port: path, host, timeout: 1_000 });
  const end = (answer: boolean): void => void resolve((socket.destroy(), answer));
  socket.once('connect', () => end(true)).once('error', () => end(false)).once('timeout', () => end(false));
});
/** Whether the socket is ours now. Where it is a file, one left by a killed supervisor answers nobody. */
const lock = async (server: Server, path: string): Promise<boolean> => {
  if (!path.startsWith('\0') && existsSync(path) && !(await answers(path))) rmSync(path, { force: true });
  return listen(server, path);
};
/** A free port; on Linux no other supervisor picks the same one while `release` has not been called. */
const takePort = async (): Promise<{ readonly port: number; readonly release: () => void }> => {
  for (;;) {
    const probe = createServer();
    await listen(probe, 0);
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    if (!linux) return { port, release: () => undefined };
    const reservation = createServer();
    if (await listen(reservation, `\0tollgate-port-${port}`)) return { port, release: () => void reservation.close() };
  }
};

type End = { readonly code: number | null; readonly text: string; readonly lastedMs: number };
const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

class Supervisor {
  readonly #order: Order;
  readonly #log: LogFiles;
  readonly #key = randomBytes(24).toString('base64url');
  readonly #server: Server;
  /** Those that showed the key, and whether they want to hear of log lines. */
  readonly #clients = new Map<Socket, boolean>();
  #state: State;
  #child: ChildProcess | undefined;
  #leader: Leader | undefined;
  #stopping: 'told' | 'signal' | undefined;
  #insistAtMs = 0;
  #wake: () => void = () => undefined;
  #logTold: NodeJS.Timeout | undefined;

  /** `server` holds the lock: only now may files be touched. */
  constructor(order: Order, server: Server) {
    this.#order = order;
    const { generation, incarnation, folder, limits } = order;
    this.#state = { generation, incarnation, state: 'starting', at: new Date().toISOString() };
    this.#log = new LogFiles(join(folder, 'logs'), limits);
    writeFileSync(join(folder, 'control.key'), this.#key, { mode: 0o600 });
    this.#server = server.on('connection', (socket) => this.#serve(socket)).on('error', () => undefined);
  }
  async run(): Promise<void> {
    const before = attempt(() => JSON.parse(readFileSync(join(this.#order.folder, 'state.json'), 'utf8')) as State);
    await endProcesses(this.#order, before?.leader, this.#order.limits.graceMs);
    if (this.#order.do === 'end') return this.#finish({ ...(before ?? this.#state), state: 'stopped', reason: 'stopped', ended: 'told' });
    const { retries, limits } = this.#order;
    this.#become({ state: 'starting', incarnation: this.#order.incarnation + 1 });
    for (let failures = 0; ; ) {
      const { code, text, lastedMs } = await this.#runOnce();
      if (this.#stopping) return this.#finishStopped();
      if (code === 0) return this.#finish({ ...this.#state, state: 'stopped', reason: 'finished', ended: 'itself' });
      if (lastedMs >= limits.healthyMs) failures = 0;
      if (failures >= retries) return this.#finish({ ...this.#state, state: 'error', reason: retries === 0 ? `${text}, not restarted` : `${text}, gave up after ${retries} restart${retries === 1 ? '' : 's'}`, ended: 'itself' });
      const delayMs = Math.min(limits.restartDelayMaxMs, limits.restartDelayMs * 2 ** failures);
      failures += 1;
      const next = `restarting in ${seconds(delayMs)} (${failures} of ${retries})`;
      this.#say(next);
      this.#become({ state: 'starting', incarnation: this.#state.incarnation + 1, reason: `${text}, ${next}` });
      await Promise.race([sleep(delayMs), new Promise<void>((resolve) => (this.#wake = resolve))]);
      if (this.#stopping) return this.#finishStopped();
    }
  }
  /** Asks the workload to end; by a signal it does not count as told, so that it is run again after the machine restarted. */
  stop(by: 'told' | 'signal'): void {
    if (this.#stopping) return;
    this.#stopping = by;
    this.#insistAtMs = Date.now() + this.#order.limits.graceMs;
    this.#wake();
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    this.#say('stopping: SIGTERM sent');
    const [group, { graceMs }] = [-child.pid, this.#order.limits];
    signal(group, 'SIGTERM');
    const insist = setTimeout(() => {
      this.#say(`still running after ${seconds(graceMs)}: killed`);
      signal(group, 'SIGKILL');
    }, graceMs);
    child.once('exit', () => clearTimeout(insist));
  }
  /** The supervisor itself is broken: better nothing than a workload that nobody watches. */
  fail(error: unknown): void {
    this.#say(`supervisor failed: ${error instanceof Error ? error.message : String(error)}`);
    if (this.#child?.pid !== undefined) signal(-this.#child.pid, 'SIGKILL');
    process.exit(1);
  }

  async #runOnce(): Promise<End> {
    const order = this.#order;
    const startedMs = Date.now();
    const { port, release } = await takePort();
    if (this.#stopping) return { code: null, text: 'stopped', lastedMs: 0 };
    const own = { HOME: homeOf(order), PORT: String(port), TOLLGATE_WORKLOAD: order.workload, TOLLGATE_NAMESPACE: order.namespace };
    const child = spawn('/bin/sh', ['-c', order.command], { cwd: join(order.folder, 'app'), env: { PATH: order.path, LANG: 'C.UTF-8', ...order.environment, ...own }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const closed = new Promise((resolve) => child.once('close', resolve));
    const exited = new Promise<Omit<End, 'lastedMs'>>((resolve) => {
      child.once('error', (error) => resolve({ code: null, text: `could not be started: ${error.message}` }));
      child.once('exit', (code, name) => resolve({ code, text: name === null ? `exited with code ${code}` : `ended by ${name}` }));
    });
    this.#say(`started (generation ${order.generation}, process ${this.#state.incarnation}, PORT ${port})`);
    const flushes = [this.#read(child, 'stdout'), this.#read(child, 'stderr')];
    const started = child.pid === undefined ? undefined : startedOf(child.pid);
    this.#leader = started === undefined ? undefined : { pid: child.pid as number, started };
    this.#store();
    const run = { over: false };
    const alive = setTimeout(() => !this.#stopping && this.#state.state === 'starting' && this.#become({ state: 'running', incarnation: this.#state.incarnation }), order.limits.runningAfterMs);
    void this.#awaitAddress(port, run);
    const end = await exited;
    run.over = true;
    clearTimeout(alive);
    if (!linux && child.pid !== undefined) signal(-child.pid, 'SIGKILL');
    await endProcesses(order, undefined, this.#stopping ? this.#insistAtMs - Date.now() : order.limits.graceMs);
    await Promise.race([closed, sleep(500)]);
    for (const flush of flushes) flush();
    release();
    this.#child = this.#leader = undefined;
    this.#say(end.text);
    return { ...end, lastedMs: Date.now() - startedMs };
  }
  /** Reads what it prints, line by line. Returns how to have the last, unended one. */
  #read(child: ChildProcess, stream: 'stdout' | 'stderr'): () => void {
    const lines = new LineCutter();
    child[stream]?.on('data', (chunk: Buffer) => this.#write(stream, lines.push(chunk))).on('error', () => undefined);
    return () => {
      this.#write(stream, lines.end());
      child[stream]?.destroy();
    };
  }
  /** It has an address once something answers on its port; one that never listens runs without. */
  async #awaitAddress(port: number, run: { readonly over: boolean }): Promise<void> {
    const fastUntil = Date.now() + 10_000;
    while (!run.over) {
      for (const [host, url] of [['127.0.0.1', `http://127.0.0.1:${port}`], ['::1', `http://[::1]:${port}`]] as const) {
        if (!(await answers(port, host)) || run.over || this.#stopping) continue;
        return this.#become({ state: 'running', incarnation: this.#state.incarnation, address: url });
      }
      await sleep(Date.now() < fastUntil ? 20 : 1_000);
    }
  }
  #write(stream: 'stdout' | 'stderr' | 'system', texts: readonly string[]): void {
    this.#log.write(stream, texts);
    if (texts.length === 0 || this.#logTold !== undefined) return;
    this.#logTold = setTimeout(() => {
      this.#logTold = undefined;
      for (const [client, watches] of this.#clients) if (watches) send(client, { log: this.#log.lastId });
    }, 50);
  }
  #say(text: string): void {
    this.#write('system', [text]);
  }
  #become(next: Pick<State, 'state' | 'incarnation' | 'address' | 'reason' | 'ended'>): void {
    this.#state = { generation: this.#order.generation, ...next, at: new Date().toISOString() };
    this.#store();
    for (const client of this.#clients.keys()) send(client, { state: this.#state });
  }
  #finishStopped(): void {
    const { incarnation } = this.#state;
    if (this.#stopping === 'told') this.#finish({ state: 'stopped', incarnation, reason: 'stopped', ended: 'told' });
    else this.#finish({ state: 'error', incarnation, reason: 'stopped unexpectedly' });
  }
  /** Ended for good: first the lock is given back, then those who listen are told, so that they can start another at once. */
  #finish({ state, incarnation, reason, ended }: Pick<State, 'state' | 'incarnation' | 'reason' | 'ended'>): void {
    if (reason !== undefined) this.#say(reason);
    this.#become({ state, incarnation, ...(reason === undefined ? {} : { reason }), ...(ended === undefined ? {} : { ended }) });
    this.#server.close();
    setImmediate(() => {
      const told = [...this.#clients.keys()].map((client) => new Promise<void>((done) => client.end(done)));
      void Promise.race([Promise.all(told), sleep(200)]).then(() => process.exit(0));
    });
  }
  #store(): void {
    const path = join(this.#order.folder, 'state.json');
    const stored: State = { ...this.#state, ...(this.#leader === undefined ? {} : { leader: this.#leader }) };
    attempt(() => {
      writeFileSync(`${path}.new`, JSON.stringify(stored), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    });
  }
  #serve(socket: Socket): void {
    readMessages<ToSupervisor>(socket, (message) => {
      if (message.key === this.#key) {
        this.#clients.set(socket, false);
        send(socket, { state: this.#state });
      } else if (!this.#clients.has(socket)) socket.destroy();
      else if (message.stop) this.stop('told');
      else if (message.watch !== undefined) this.#clients.set(socket, message.watch);
    });
    socket.on('error', () => undefined).on('close', () => this.#clients.delete(socket));
  }
}

const send = (socket: Socket, message: FromSupervisor): void => void socket.write(`${JSON.stringify(message)}\n`);
const readMessages = <M extends object>(socket: Socket, take: (message: M) => void): void => {
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > 10_000) socket.destroy();
    for (const line of lines) {
      const message = attempt(() => JSON.parse(line) as unknown);
      if (typeof message === 'object' && message !== null) take(message as M);
      else socket.destroy();
    }
  });
};

const main = async (): Promise<void> => {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
  const order = JSON.parse(text) as Order;
  const server = createServer();
  if (!(await lock(server, order.socket))) return void process.stdout.write('busy\n');
  const supervisor = new Supervisor(order, server);
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => supervisor.stop('signal'));
  process.on('SIGHUP', () => undefined);
  process.on('uncaughtException', (error) => supervisor.fail(error));
  process.on('unhandledRejection', (error) => supervisor.fail(error));
  process.stdout.on('error', () => undefined).write('ready\n');
  await supervisor.run();
};
await main();
