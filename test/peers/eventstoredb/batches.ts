/** The call by which clients append: many appends on one stream of messages, each in parts, answered by their correlation ids. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { sizeOf, type Engine, type Entry, type Verdict } from './engine.ts';
import type { Fault } from './faults.ts';
import { Empty, entryOf, expectedOf, failures, identifierOf, nameIn, pause, shared, statusOf, streams, type Failure } from './messages.ts';

type Waiting = { readonly stream: string; readonly options: BatchAppendReq.Options; readonly entries: Entry[]; size: number };
type Refusal = (about: string) => { readonly failure?: Failure; readonly fault?: Fault['what'] };
/** `google.rpc.Code`, as far as it is used. */
const codes = { invalidArgument: 3, deadlineExceeded: 4, alreadyExists: 6, permissionDenied: 7, failedPrecondition: 9 };

export class Batches {
  readonly #engine: Engine;
  readonly #call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>;
  readonly #refusal: Refusal;
  readonly #waiting = new Map<string, Waiting>();
  #unanswered = 0;
  #ended = false;

  constructor(engine: Engine, call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>, refusal: Refusal) {
    this.#engine = engine;
    this.#call = call;
    this.#refusal = refusal;
    call.on('data', (request: BatchAppendReq) => this.#take(request));
    call.on('end', () => {
      this.#ended = true;
      if (this.#unanswered === 0) call.end();
    });
    call.on('error', () => undefined);
  }

  #take(request: BatchAppendReq): void {
    const id = request.getCorrelationId()?.getString() ?? '';
    const options = request.getOptions();
    if (options) {
      if (!options.hasStreamIdentifier()) return this.#refuse(id, '', statusOf(codes.invalidArgument, 'Bad Request', new shared.BadRequest().setMessage('Required field StreamIdentifier not set.'), 'event_store.client.BadRequest'));
      this.#waiting.set(id, { stream: nameIn(options.getStreamIdentifier()), options, entries: [], size: 0 });
    }
    const append = this.#waiting.get(id);
    if (!append) return;
    for (const message of request.getProposedMessagesList()) {
      const entry = entryOf(message);
      append.entries.push(entry);
      append.size += sizeOf(entry);
    }
    if (append.size > this.#engine.appendMaxBytes) {
      this.#waiting.delete(id);
      return this.#refuse(id, append.stream, statusOf(codes.invalidArgument, 'Maximum Append Size Exceeded', new shared.MaximumAppendSizeExceeded().setMaxappendsize(this.#engine.appendMaxBytes), 'event_store.client.MaximumAppendSizeExceeded'));
    }
    if (!request.getIsFinal()) return;
    this.#waiting.delete(id);
    this.#commit(id, append);
  }

  #commit(id: string, { stream, options, entries }: Waiting): void {
    const { failure, fault } = this.#refusal(stream);
    // A refusal of the whole node ends the call, and with it everything that waits on it.
    if (failure) return void this.#call.emit('error', failure);
    if (fault?.kind === 'hang') return;
    const verdict = this.#engine.append(stream, expectedOf(options as never, options.getStreamPosition()), entries);
    this.#unanswered += 1;
    void this.#engine.durable().then(async () => {
      if (fault?.kind === 'slow') await pause(fault.ms);
      this.#unanswered -= 1;
      if (fault?.kind === 'answer-lost') this.#call.emit('error', failures.unavailable);
      else this.#answer(id, stream, options, verdict);
      if (this.#ended && this.#unanswered === 0) this.#call.end();
    });
  }

  #answer(id: string, stream: string, options: BatchAppendReq.Options, verdict: Verdict): void {
    switch (verdict.kind) {
      case 'deleted': return this.#refuse(id, stream, statusOf(codes.failedPrecondition, 'Stream Deleted', new shared.StreamDeleted().setStreamIdentifier(identifierOf(stream)), 'event_store.client.StreamDeleted'));
      case 'too-large': return this.#refuse(id, stream, statusOf(codes.invalidArgument, 'Maximum Append Size Exceeded', new shared.MaximumAppendSizeExceeded().setMaxappendsize(this.#engine.appendMaxBytes), 'event_store.client.MaximumAppendSizeExceeded'));
      case 'wrong-version': {
        const wrong = new shared.WrongExpectedVersion();
        if (verdict.current === undefined) wrong.setCurrentNoStream(new Empty());
        else wrong.setCurrentStreamRevision(String(verdict.current));
        if (options.hasNoStream()) wrong.setExpectedNoStream(new Empty());
        else if (options.hasAny()) wrong.setExpectedAny(new Empty());
        else wrong.setExpectedStreamPosition(options.getStreamPosition());
        return this.#refuse(id, stream, statusOf(codes.alreadyExists, 'Wrong Expected Version', wrong, 'event_store.client.WrongExpectedVersion'));
      }
      case 'appended': {
        const success = new streams.BatchAppendResp.Success().setCurrentRevision(String(verdict.revision));
        if (verdict.position === undefined) success.setNoPosition(new Empty());
        else success.setPosition(new shared.AllStreamPosition().setCommitPosition(String(verdict.position)).setPreparePosition(String(verdict.position)));
        this.#write(new streams.BatchAppendResp().setSuccess(success), id, stream);
      }
    }
  }
  #refuse(id: string, stream: string, error: ReturnType<typeof statusOf>): void {
    this.#write(new streams.BatchAppendResp().setError(error), id, stream);
  }
  #write(answer: BatchAppendResp, id: string, stream: string): void {
    if (!this.#call.cancelled) this.#call.write(answer.setCorrelationId(new shared.UUID().setString(id)).setStreamIdentifier(identifierOf(stream)));
  }
}
