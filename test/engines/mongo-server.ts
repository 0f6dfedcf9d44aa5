/** The MongoDB stand-in as a process of a test's own, and its faults. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { MongoClient } from 'mongodb';
import { mongoUrl } from '../contracts/mongodb.ts';
import { Mongo, type MongoOptions } from '../../src/adapters/mongodb/connect.ts';

type StartedServer = { readonly child: ChildProcess; readonly port: number; readonly url: string };
type StartOptions = { readonly folder: string; readonly port?: number; readonly replicaSet?: string; readonly version?: string; readonly wire?: number };
type Engine = { missing(): string | undefined; start(options: StartOptions): Promise<StartedServer> };

const above = (folder: string): string => (existsSync(join(folder, 'package-lock.json')) ? folder : above(dirname(folder)));
const engine = (await import(pathToFileURL(join(above(import.meta.dirname), 'scripts/engines/mongo.mjs')).href)) as Engine;

/** Runs `list` where the stand-in can be had; else says loudly that it did not. */
export const withStandIn = (list: () => void): void => {
  const why = engine.missing();
  if (why === undefined) list();
  else test(`mongodb: NOT RUN: ${why}`, { skip: true }, () => undefined);
};

export interface Fault {
  readonly times: number;
  readonly commands: readonly string[];
  readonly namespace?: string;
  /** Carried out, and the answer lost; else not carried out. */
  readonly after?: boolean;
  readonly close?: boolean;
  readonly code?: number;
  readonly labels?: readonly string[];
}

/** Keeps its port and its data when it is stopped and started again. */
export class StandIn {
  readonly #options: Omit<StartOptions, 'folder' | 'port'>;
  readonly #folder: string;
  #started: StartedServer | undefined;
  #databases = 0;
  readonly #open: Mongo[] = [];
  #port = 0;

  static async start(options: Omit<StartOptions, 'folder' | 'port'> = {}): Promise<StandIn> {
    const server = new StandIn(await mkdtemp(join(tmpdir(), 'tollgate-mongo-')), options);
    await server.start();
    return server;
  }
  private constructor(folder: string, options: Omit<StartOptions, 'folder' | 'port'>) {
    this.#folder = folder;
    this.#options = options;
  }
  get url(): string {
    if (!this.#started) throw new Error('not started');
    return this.#started.url;
  }
  async start(): Promise<void> {
    this.#started = await engine.start({ ...this.#options, folder: this.#folder, port: this.#port });
    this.#port = this.#started.port;
  }
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#started?.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }
  signal(signal: NodeJS.Signals): void {
    this.#started?.child.kill(signal);
  }
  /** A name that no other database's begins with. */
  freshName(): string {
    return `d${(this.#databases += 1)}_x`;
  }
  /** Connected to a database of this name, or to a fresh one. */
  async mongo(name = this.freshName(), options: Partial<MongoOptions> = {}): Promise<Mongo> {
    const mongo = await Mongo.connect({ url: mongoUrl(this.url, name), ...options });
    this.#open.push(mongo);
    return mongo;
  }
  async command(command: Readonly<Record<string, unknown>>): Promise<void> {
    const client = await MongoClient.connect(this.url);
    await client.db('admin').command(command);
    await client.close();
  }
  fault({ times, commands, code, labels, close, ...data }: Fault): Promise<void> {
    return this.command({ configureFailPoint: 'failCommand', mode: { times }, data: { failCommands: commands, ...(code === undefined ? {} : { errorCode: code }), errorLabels: labels ?? [], closeConnection: close ?? false, ...data } });
  }
  noFault(): Promise<void> {
    return this.command({ configureFailPoint: 'failCommand', mode: 'off' });
  }
  async stop(): Promise<void> {
    for (const mongo of this.#open) await mongo.close();
    this.signal('SIGCONT');
    await this.end('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}
