/**
 * EventStoreDB's wire. Discovery, TLS, credentials, keep-alive, reconnecting and the meaning of errors are the client package's; the two
 * calls below are made on its connection with the messages it generates, because its own `readAll` has no filters, its reads parse JSON that has to
 * be given back byte for byte, and its appends share one list of answers in the whole process: an error on one connection takes those of all others with it.
 */
import { convertToCommandError, EventStoreDBClient } from '@eventstore/db-client';
import services from '@eventstore/db-client/generated/streams_grpc_pb.js';
import messages from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';

type Call = { on(event: string, listener: (argument: never) => void): unknown; cancel(): void };
type ReadCall = Call & AsyncIterable<ReadResp>;
type AppendCall = Call & { write(request: BatchAppendReq): boolean };
type Arguments = [metadata: unknown, options: unknown];
type StreamsCalls = { read(request: ReadReq, ...rest: Arguments): ReadCall; batchAppend(...rest: Arguments): AppendCall };
/** What of the client is used beside its public calls: protected there, and the lockfile pins its version. */
type Inside = {
  GRPCStreamCreator<C extends Call>(service: unknown, name: string, create: (calls: StreamsCalls) => C): () => Promise<C>;
  callArguments(base: { readonly requiresLeader: boolean; readonly deadline?: number }, options?: { readonly deadline: number }): Arguments;
  getChannel(): Promise<{ close(): void }>;
};

export type ReadOptions = { readonly deadlineMs?: number; readonly signal?: AbortSignal };
type Waiting = { readonly request: BatchAppendReq; readonly id: string; readonly resolve: (answer: BatchAppendResp) => void; readonly reject: (error: Error) => void };

/** The answer did not come in time; what became of the append is not known. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** One call that carries appends, and those that wait for its answers. */
class Pipe {
  readonly #call: AppendCall;
  readonly #waiting = new Map<string, Waiting>();
  broken = false;
  #makeRoom: () => void = () => undefined;

  constructor(call: AppendCall) {
    this.#call = call;
    call.on('data', (answer: BatchAppendResp) => {
      const id = answer.getCorrelationId()?.getString() ?? '';
      const waiting = this.#waiting.get(id); // none: it was given up
      this.#waiting.delete(id);
      waiting?.resolve(answer);
    });
    call.on('error', (error: Error) => this.#break(convertToCommandError(error)));
    call.on('end', () => this.#break(new NoAnswer('the server has ended the call')));
    call.on('drain', () => this.#makeRoom());
  }
  /** Resolves once there is room for the next one. */
  async send(waiting: Waiting): Promise<void> {
    this.#waiting.set(waiting.id, waiting);
    if (this.#call.write(waiting.request)) return;
    if (!this.broken) await new Promise<void>((resolve) => (this.#makeRoom = resolve));
  }
  giveUp(id: string): void {
    this.#waiting.delete(id);
  }
  close(): void {
    this.#break(new NoAnswer('the connection is closed'));
    this.#call.cancel();
  }
  #break(error: Error): void {
    this.broken = true;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#makeRoom();
  }
}

export class Wire {
  readonly #client: EventStoreDBClient;
  readonly #inside: Inside;
  readonly #idPrefix: string;
  readonly #outbox: Waiting[] = [];
  readonly #reading = new Set<ReadCall>();
  #pipe: Pipe | undefined;
  #flushing = false;
  #sent = 0;
  #closed = false;

  /** Throws when the connection string cannot be understood. Nothing is connected yet. */
  constructor(connectionString: string, idPrefix: string) {
    this.#client = EventStoreDBClient.connectionString(connectionString);
    this.#inside = this.#client as unknown as Inside;
    this.#idPrefix = idPrefix;
  }

  /** Answers of a read or a subscription as they come; one is asked for only when the one before has been taken. */
  async *read(request: ReadReq, { deadlineMs, signal }: ReadOptions): AsyncGenerator<ReadResp, void, undefined> {
    if (this.#closed) throw new NoAnswer('the connection is closed');
    const call = await this.#inside.GRPCStreamCreator(services.StreamsClient, 'read', (calls) =>
      calls.read(request, ...(deadlineMs === undefined ? this.#inside.callArguments({ requiresLeader: true }, { deadline: Infinity }) : this.#inside.callArguments({ requiresLeader: true, deadline: deadlineMs }))))();
    const cancel = (): void => call.cancel();
    call.on('error', () => undefined); // it may fail once more after nobody reads it
    this.#reading.add(call);
    signal?.addEventListener('abort', cancel, { once: true });
    let ended = false;
    try {
      yield* call;
      ended = true;
    } catch (error) {
      ended = true;
      throw convertToCommandError(error as Error);
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#reading.delete(call);
      if (!ended) cancel();
    }
  }

  /** Hands over in the order of the calls; rejects with `NoAnswer` or the client's errors, and never tries again. */
  append(fill: (request: BatchAppendReq) => BatchAppendReq, deadlineMs: number): Promise<BatchAppendResp> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    this.#sent += 1;
    const id = `${this.#idPrefix}${this.#sent.toString(16).padStart(12, '0')}`;
    const request = fill(new messages.BatchAppendReq().setCorrelationId(new shared.UUID().setString(id)).setIsFinal(true));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pipe?.giveUp(id);
        reject(new NoAnswer(`no answer within ${deadlineMs} ms`));
      }, deadlineMs);
      this.#outbox.push({
        request, id,
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      if (!this.#flushing) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    try {
      while (this.#outbox.length > 0) {
        const pipe = await this.#openPipe();
        const next = this.#outbox.shift();
        if (next) await pipe.send(next);
      }
    } catch (error) {
      for (const { reject } of this.#outbox.splice(0)) reject(convertToCommandError(error as Error));
    } finally {
      this.#flushing = false;
    }
  }
  async #openPipe(): Promise<Pipe> {
    if (this.#closed) throw new NoAnswer('the connection is closed');
    if (this.#pipe?.broken === false) return this.#pipe;
    const pipe = new Pipe(await this.#inside.GRPCStreamCreator(services.StreamsClient, 'append', (calls) => calls.batchAppend(...this.#inside.callArguments({ requiresLeader: true }, { deadline: Infinity })))());
    this.#pipe = pipe;
    return pipe;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#pipe?.close();
    for (const call of this.#reading) call.cancel();
    await this.#client.dispose();
    (await this.#inside.getChannel().catch(() => undefined))?.close();
  }
}
