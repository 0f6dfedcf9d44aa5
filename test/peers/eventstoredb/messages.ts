/** The protocol's messages, out of the code that the client package generates from its `.proto` files; and the ones a server sends. */
import { Metadata, status, type ServerErrorResponse, type StatusObject } from '@grpc/grpc-js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { AppendReq, BatchAppendReq, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import statuses from '@eventstore/db-client/generated/status_pb.js';
import streamsDefinition from '@eventstore/db-client/generated/streams_grpc_pb.js';
import gossipDefinition from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import featuresDefinition from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import anyMessages from 'google-protobuf/google/protobuf/any_pb.js';
import emptyMessages from 'google-protobuf/google/protobuf/empty_pb.js';
import type { Entry, Expected, LogRecord } from './engine.ts';

const { Any } = anyMessages;
export const { Empty } = emptyMessages;
export const definitions = { ...streamsDefinition, ...gossipDefinition, ...featuresDefinition };
export { features, gossip, shared, statuses, streams };

export type Failure = Partial<StatusObject> & ServerErrorResponse;
/** An error with the trailers by which clients tell what happened. */
const failure = (code: status, details: string, exception?: string, more: Readonly<Record<string, string>> = {}): Failure => {
  const metadata = new Metadata();
  if (exception !== undefined) metadata.set('exception', exception);
  for (const [key, value] of Object.entries(more)) metadata.set(key, value);
  return { name: 'Error', message: details, code, details, metadata } as Failure;
};
export const failures = {
  unavailable: failure(status.UNAVAILABLE, 'Server Is Not Ready'),
  timedOut: failure(status.ABORTED, 'Operation timed out: Prepare phase timeout'),
  deadline: failure(status.DEADLINE_EXCEEDED, 'Deadline exceeded'),
  cancelled: failure(status.CANCELLED, 'The server has cancelled the call'),
  denied: failure(status.PERMISSION_DENIED, 'Access Denied', 'access-denied'),
  notLeader: (host: string, port: number) => failure(status.NOT_FOUND, 'Leader info available', 'not-leader', { 'leader-endpoint-host': host, 'leader-endpoint-port': String(port) }),
  deleted: (stream: string) => failure(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, 'stream-deleted', { 'stream-name': stream }),
  tooLarge: (max: number) => failure(status.INVALID_ARGUMENT, `Maximum Append Size of ${max} Exceeded.`, 'maximum-append-size-exceeded', { 'maximum-append-size': String(max) }),
  wrongVersion: (stream: string, expected: string, actual: string) => failure(status.FAILED_PRECONDITION, `Append failed due to WrongExpectedVersion. Stream: ${stream}`, 'wrong-expected-version', { 'stream-name': stream, 'expected-version': expected, 'actual-version': actual }),
  invalid: (what: string) => failure(status.INVALID_ARGUMENT, what),
};

type Serializable = { serializeBinary(): Uint8Array };
/** An error inside a batch's answer: a `google.rpc.Status` with what happened packed into it. */
export const statusOf = (code: number, message: string, details: Serializable, typeName: string) => {
  const any = new Any();
  any.pack(details.serializeBinary(), typeName);
  return new statuses.Status().setCode(code).setMessage(message).setDetails(any);
};

export const identifierOf = (stream: string) => new shared.StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8'));
export const nameIn = (identifier: { getStreamName_asU8(): Uint8Array } | undefined): string => Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

const structured = (id: string) => {
  const hex = id.replaceAll('-', '');
  const half = (text: string): string => BigInt.asIntN(64, BigInt(`0x${text}`)).toString();
  return new shared.UUID().setStructured(new shared.UUID.Structured().setMostSignificantBits(half(hex.slice(0, 16))).setLeastSignificantBits(half(hex.slice(16))));
};
const recorded = (record: LogRecord, asString: boolean) => {
  const message = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(asString ? new shared.UUID().setString(record.id) : structured(record.id)).setStreamIdentifier(identifierOf(record.stream)).setStreamRevision(String(record.revision))
    .setCommitPosition(String(record.position)).setPreparePosition(String(record.position)).setData(record.data).setCustomMetadata(record.meta);
  message.getMetadataMap().set('type', record.type).set('created', String(BigInt(record.created) * 10_000n)).set('content-type', record.json ? 'application/json' : 'application/octet-stream');
  return message;
};
/** One event as it goes over the wire. In a stream's own order it has no position in the whole log; in `$all` it has. */
export const eventOf = (options: ReadReq.Options, record: LogRecord, target: LogRecord | undefined, ofAll: boolean): ReadResp => {
  const asString = options.getUuidOption()?.hasString() === true;
  const read = new streams.ReadResp.ReadEvent();
  if (target) read.setEvent(recorded(target, asString)).setLink(recorded(record, asString));
  else read.setEvent(recorded(record, asString));
  if (ofAll) read.setCommitPosition(String(record.position));
  else read.setNoPosition(new shared.Empty());
  return new streams.ReadResp().setEvent(read);
};

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const entryOf = (message: AppendReq.ProposedMessage | BatchAppendReq.ProposedMessage): Entry => ({
  id: message.getId()?.getString() ?? '', type: message.getMetadataMap().get('type') ?? '', json: message.getMetadataMap().get('content-type') === 'application/json',
  data: message.getData_asU8(), meta: message.getCustomMetadata_asU8(),
});
/** The ways of saying what is expected are the same in every request; only the name of the number differs. */
export const expectedOf = (options: { hasAny(): boolean; hasNoStream(): boolean; hasStreamExists?(): boolean }, number: string): Expected =>
  options.hasAny() ? 'any' : options.hasNoStream() ? 'no-stream' : options.hasStreamExists?.() === true ? 'stream-exists' : Number(number);
