/** One node: EventStoreDB's gRPC services over real sockets, on an engine that several nodes may share. */
import {
  Server, ServerCredentials, type sendUnaryData, type ServerDuplexStream, type ServerReadableStream, type ServerUnaryCall, type ServerWritableStream,
} from '@grpc/grpc-js';
import type { AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, ReadResp, TombstoneReq, TombstoneResp } from '@eventstore/db-client/generated/streams_pb.js';
import { Batches } from './batches.ts';
import type { Engine, Entry } from './engine.ts';
import { Faults, type Fault, type Method } from './faults.ts';
import { entryOf, expectedOf, failures, features, gossip, nameIn, pause, definitions, shared, streams, type Failure } from './messages.ts';
import { Reading, type Sink } from './reading.ts';

export type NodeOptions = {
  readonly port?: number;
  readonly tls?: { readonly key: Buffer; readonly certificate: Buffer };
  /** Who may call; everybody without. */
  readonly users?: Readonly<Record<string, string>>;
  /** Older servers know no batches. */
  readonly batchAppend?: boolean;
};
type AnyCall = { readonly metadata: { get(key: string): (string | Buffer)[] } };

const leaderState = 8;
const followerState = 6;
const loopback = '127.0.0.1';

export class Node {
  readonly engine: Engine;
  readonly faults = new Faults();
  /** Calls that have come in. */
  readonly calls: Record<Method, number> = { read: 0, append: 0, delete: 0, tombstone: 0, gossip: 0, features: 0 };
  readonly #options: NodeOptions;
  #server: Server | undefined;
  port = 0;
  /** The cluster as gossip tells it; alone and leading without. */
  members: readonly Node[] = [this];
  leads = true;
  alive = true;

  constructor(engine: Engine, options: NodeOptions = {}) {
    this.engine = engine;
    this.#options = options;
    this.port = options.port ?? 0;
  }

  async start(): Promise<this> {
    const server = new Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 });
    server.addService(definitions.StreamsService, { read: this.#read, append: this.#append, batchAppend: this.#batchAppend, delete: this.#delete, tombstone: this.#tombstone } as never);
    server.addService(definitions.GossipService as never, { read: this.#gossip } as never);
    server.addService(definitions.ServerFeaturesService as never, { getSupportedMethods: this.#features } as never);
    const { tls } = this.#options;
    const credentials = tls ? ServerCredentials.createSsl(null, [{ private_key: tls.key, cert_chain: tls.certificate }]) : ServerCredentials.createInsecure();
    this.port = await new Promise<number>((resolve, reject) => server.bindAsync(`${loopback}:${this.port}`, credentials, (error, port) => (error ? reject(error) : resolve(port))));
    this.#server = server;
    this.alive = true;
    return this;
  }
  /** Every connection breaks; new ones are welcome. */
  cut(): void {
    this.#server?.drain(`${loopback}:${this.port}`, 0);
  }
  /** As a process that is killed: nobody is told anything. It can be started again, on the same port. */
  async stop(): Promise<void> {
    this.alive = false;
    this.#server?.forceShutdown();
    this.#server = undefined;
  }
  get url(): string {
    return `esdb://${loopback}:${this.port}?tls=${this.#options.tls === undefined ? 'false' : 'true'}`;
  }

  #refusal(call: AnyCall, method: Method, about = ''): { readonly failure?: Failure; readonly fault?: Fault['what'] } {
    this.calls[method] += 1;
    if (this.#options.users && !this.#admits(call)) return { failure: failures.denied };
    const fault = this.faults.next(method, about);
    if (fault) {
      switch (fault.kind) {
        case 'unavailable': return { failure: failures.unavailable };
        case 'deadline': return { failure: failures.deadline };
        case 'cancelled': return { failure: failures.cancelled };
        case 'timed-out': return { failure: failures.timedOut };
        case 'denied': return { failure: failures.denied };
        case 'not-leader': return { failure: failures.notLeader(fault.host, fault.port) };
        case 'wrong-version': return { failure: failures.wrongVersion(about, '0', '1') };
        default: return { fault };
      }
    }
    const leader = this.members.find((node) => node.leads && node.alive);
    if (!this.leads && call.metadata.get('requires-leader')[0] === 'true') return { failure: leader ? failures.notLeader(loopback, leader.port) : failures.unavailable };
    return {};
  }
  #admits(call: AnyCall): boolean {
    const [, given] = /^Basic (.+)$/.exec(String(call.metadata.get('authorization')[0] ?? '')) ?? [];
    const [, user = '', password = ''] = /^([^:]*):(.*)$/.exec(Buffer.from(given ?? '', 'base64').toString()) ?? [];
    return password !== '' && this.#options.users?.[user] === password;
  }

  #read = (call: ServerWritableStream<ReadReq, ReadResp>): void => {
    const options = call.request.getOptions() ?? new streams.ReadReq.Options();
    const about = options.hasSubscription() ? 'subscription' : options.hasAll() ? 'all' : 'stream';
    const { failure, fault } = this.#refusal(call, 'read', about);
    if (failure) return void call.emit('error', failure);
    if (fault?.kind === 'hang') return;
    void new Reading(this.engine, options, sinkOf(call, fault, () => call.emit('error', failures.unavailable))).run().then((ended) => {
      if (call.cancelled) return;
      if (ended) call.emit('error', ended);
      else call.end();
    });
  };

  #append = (call: ServerReadableStream<AppendReq, AppendResp>, answer: sendUnaryData<AppendResp>): void => {
    let options: AppendReq.Options | undefined;
    const entries: Entry[] = [];
    call.on('data', (request: AppendReq) => {
      if (request.hasOptions()) options = request.getOptions();
      const message = request.getProposedMessage();
      if (message) entries.push(entryOf(message));
    });
    call.on('end', () => {
      const stream = nameIn(options?.getStreamIdentifier());
      const { failure, fault } = this.#refusal(call, 'append', stream);
      if (failure) return answer(failure);
      if (fault?.kind === 'hang') return;
      const expected = expectedOf(options as never, options?.getRevision() ?? '');
      const verdict = this.engine.append(stream, expected, entries);
      void this.engine.durable().then(async () => {
        if (fault?.kind === 'slow') await pause(fault.ms);
        if (fault?.kind === 'answer-lost') return answer(failures.unavailable);
        switch (verdict.kind) {
          case 'deleted': return answer(failures.deleted(stream));
          case 'too-large': return answer(failures.tooLarge(this.engine.appendMaxBytes));
          case 'wrong-version': {
            const wrong = new streams.AppendResp.WrongExpectedVersion();
            if (verdict.current === undefined) wrong.setCurrentNoStream(new shared.Empty());
            else wrong.setCurrentRevision(String(verdict.current));
            if (typeof expected === 'number') wrong.setExpectedRevision(String(expected));
            else wrong.setExpectedNoStream(new shared.Empty());
            return answer(null, new streams.AppendResp().setWrongExpectedVersion(wrong));
          }
          case 'appended': {
            const success = new streams.AppendResp.Success().setCurrentRevision(String(verdict.revision));
            if (verdict.position === undefined) success.setNoPosition(new shared.Empty());
            else success.setPosition(new streams.AppendResp.Position().setCommitPosition(String(verdict.position)).setPreparePosition(String(verdict.position)));
            return answer(null, new streams.AppendResp().setSuccess(success));
          }
        }
      });
    });
  };

  #batchAppend = (call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>): void => {
    new Batches(this.engine, call, (about) => this.#refusal(call, 'append', about));
  };

  #delete = (call: ServerUnaryCall<DeleteReq, DeleteResp>, answer: sendUnaryData<DeleteResp>): void => {
    const options = call.request.getOptions();
    const stream = nameIn(options?.getStreamIdentifier());
    const { failure } = this.#refusal(call, 'delete', stream);
    if (failure) return answer(failure);
    const verdict = this.engine.softDelete(stream, expectedOf(options as never, options?.getRevision() ?? ''));
    if (verdict.kind === 'deleted') return answer(failures.deleted(stream));
    if (verdict.kind !== 'appended') return answer(failures.wrongVersion(stream, options?.getRevision() ?? '', String(verdict.kind === 'wrong-version' ? (verdict.current ?? '') : '')));
    void this.engine.durable().then(() => answer(null, new streams.DeleteResp().setPosition(new streams.DeleteResp.Position().setCommitPosition(String(verdict.position)).setPreparePosition(String(verdict.position)))));
  };
  #tombstone = (call: ServerUnaryCall<TombstoneReq, TombstoneResp>, answer: sendUnaryData<TombstoneResp>): void => {
    const options = call.request.getOptions();
    const stream = nameIn(options?.getStreamIdentifier());
    const { failure } = this.#refusal(call, 'tombstone', stream);
    if (failure) return answer(failure);
    const verdict = this.engine.tombstone(stream, expectedOf(options as never, options?.getRevision() ?? ''));
    if (verdict.kind === 'deleted') return answer(failures.deleted(stream));
    if (verdict.kind !== 'appended') return answer(failures.wrongVersion(stream, options?.getRevision() ?? '', String(verdict.kind === 'wrong-version' ? (verdict.current ?? '') : '')));
    void this.engine.durable().then(() => answer(null, new streams.TombstoneResp().setPosition(new streams.TombstoneResp.Position().setCommitPosition(String(verdict.position)).setPreparePosition(String(verdict.position)))));
  };

  #gossip = (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>): void => {
    const { failure, fault } = this.#refusal(call, 'gossip');
    if (failure) return answer(failure);
    if (fault?.kind === 'hang') return;
    answer(null, new gossip.ClusterInfo().setMembersList(this.members.map((node, n) => new gossip.MemberInfo()
      .setInstanceId(new shared.UUID().setString(`00000000-0000-4000-a000-${String(n).padStart(12, '0')}`)).setTimeStamp('0').setIsAlive(node.alive)
      .setState(node.leads ? leaderState : followerState).setHttpEndPoint(new gossip.EndPoint().setAddress(loopback).setPort(node.port)))));
  };
  #features = (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>): void => {
    const { failure } = this.#refusal(call, 'features');
    if (failure) return answer(failure);
    const names = ['Read', 'Append', 'Delete', 'Tombstone', ...(this.#options.batchAppend === false ? [] : ['BatchAppend'])];
    answer(null, new features.SupportedMethods().setEventStoreServerVersion('24.10.0').setMethodsList(names.map((name) => new features.SupportedMethod().setServiceName('event_store.client.streams.Streams').setMethodName(name))));
  };
}

/** One answer after the other, no faster than the reader takes them. */
const sinkOf = (call: ServerWritableStream<ReadReq, ReadResp>, fault: Fault['what'] | undefined, cut: () => void): Sink => {
  let left = fault?.kind === 'cut' ? fault.after : Infinity;
  let ended = false;
  const listeners: (() => void)[] = [];
  const end = (): void => {
    ended = true;
    for (const listener of listeners.splice(0)) listener();
  };
  call.on('cancelled', end).on('close', end).on('error', end);
  return {
    ended: () => ended,
    onEnded: (listener) => void (ended ? listener() : listeners.push(listener)),
    write: async (message) => {
      if (ended) return false;
      if (message.hasEvent() && left-- <= 0) {
        cut();
        return false;
      }
      if (fault?.kind === 'slow') await pause(fault.ms);
      if (!call.write(message)) await new Promise<void>((resolve) => {
        const go = (): void => {
          call.off('drain', go);
          resolve();
        };
        call.once('drain', go);
        listeners.push(go);
      });
      return !ended;
    },
  };
};
