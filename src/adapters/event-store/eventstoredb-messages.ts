/** Events and requests in EventStoreDB's words, and back. */
import { createHash } from 'node:crypto';
import messages from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { StreamName } from '../../domain/ids.ts';
import type { NewEvent, Position, Revision, StoredEvent } from '../../domain/ports/event-store.ts';

const forwards = 0;
const backwards = 1;
/** System events and links have types that begin with a dollar sign; ours never do. */
const noSystemEvents = '^[^$]';
/** Looked at, in multiples of 32 events, between two checkpoints of a filtered subscription. */
const checkpointInterval = 32;

const identifier = (stream: string) => new shared.StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8'));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

/**
 * The id under which EventStoreDB keeps an event: a digest of what it says. It answers a write whose ids it has already seen as if it had
 * just been made, so ids must differ where bytes do: two servers that decide the same command would otherwise both believe that their bytes are the ones stored.
 */
const recordId = (stream: string, revision: number, { id, type, data, meta }: NewEvent): string => {
  const digest = createHash('sha256').update(`${stream}|${revision}|${id}|${type}|${data.length}|`).update(data).update(meta).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

/** The metadata as it is stored: our event's id, and the text of its metadata as it is. */
const wrapped = ({ id, meta }: NewEvent): string => `{"id":${JSON.stringify(id)},"meta":${meta}}`;
const wrapping = /^\{"id":("(?:[^"\\]|\\.)*"),"meta":/;
const unwrapped = (text: string): { id: string; meta: string } | undefined => {
  const found = wrapping.exec(text);
  return found?.[1] === undefined || !text.endsWith('}') ? undefined : { id: JSON.parse(found[1]) as string, meta: text.slice(found[0].length, -1) };
};

export type Encoded = { readonly messages: readonly BatchAppendReq.ProposedMessage[]; /** As the server counts it against its maximum. */ readonly bytes: number };
export const encode = (stream: string, first: Revision, events: readonly NewEvent[]): Encoded => {
  let bytes = 0;
  const encoded = events.map((event, n) => {
    if ([event.id, event.type, event.data, event.meta].some((text) => typeof text !== 'string')) throw new Error('an event is made of text');
    const [data, meta] = [Buffer.from(event.data, 'utf8'), Buffer.from(wrapped(event), 'utf8')];
    bytes += data.length + meta.length + 2 * event.type.length;
    const message = new messages.BatchAppendReq.ProposedMessage().setId(new shared.UUID().setString(recordId(stream, first + n, event))).setData(data).setCustomMetadata(meta);
    message.getMetadataMap().set('type', event.type).set('content-type', 'application/json');
    return message;
  });
  return { messages: encoded, bytes };
};
export const appendOptions = (stream: string, expected: Revision | 'no-stream'): BatchAppendReq.Options => {
  const options = new messages.BatchAppendReq.Options().setStreamIdentifier(identifier(stream));
  // An empty message is an empty message, whoever defines it.
  return expected === 'no-stream' ? options.setNoStream(new shared.Empty() as never) : options.setStreamPosition(String(expected));
};

/** Links are not followed, so every record is an event of ours or, in the whole log, one that the filter keeps out. */
export const decode = (answer: ReadResp): StoredEvent | undefined => {
  const recorded = answer.getEvent()?.getEvent();
  if (!recorded) return undefined;
  const type = recorded.getMetadataMap().get('type') ?? '';
  const metaText = textOf(recorded.getCustomMetadata_asU8());
  // What somebody else has written keeps its own id and metadata: the chain will say what it thinks of it.
  const { id, meta } = unwrapped(metaText) ?? { id: recorded.getId()?.getString() ?? '', meta: metaText };
  return {
    position: BigInt(recorded.getCommitPosition()), stream: textOf(recorded.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array()) as StreamName,
    revision: Number(recorded.getStreamRevision()), id, type, data: textOf(recorded.getData_asU8()), meta,
  };
};

const request = (options: ReadReq.Options): ReadReq =>
  new messages.ReadReq().setOptions(options.setResolveLinks(false).setUuidOption(new messages.ReadReq.Options.UUIDOption().setString(new shared.Empty())));
const filtered = (options: ReadReq.Options): ReadReq.Options =>
  options.setFilter(new messages.ReadReq.Options.FilterOptions().setEventType(new messages.ReadReq.Options.FilterOptions.Expression().setRegex(noSystemEvents)).setCount(new shared.Empty()).setCheckpointintervalmultiplier(checkpointInterval));
const at = (position: Position) => new messages.ReadReq.Options.Position().setCommitPosition(String(position)).setPreparePosition(String(position));
const allFrom = (position: Position) => (position === 0n ? new messages.ReadReq.Options.AllOptions().setStart(new shared.Empty()) : new messages.ReadReq.Options.AllOptions().setPosition(at(position)));

export const readStream = (stream: string, from: Revision, count: number): ReadReq =>
  request(new messages.ReadReq.Options().setStream(new messages.ReadReq.Options.StreamOptions().setStreamIdentifier(identifier(stream)).setRevision(String(from))).setCount(String(count)).setReadDirection(forwards).setNoFilter(new shared.Empty()));
/** The last event of a stream. */
export const readLast = (stream: string): ReadReq =>
  request(new messages.ReadReq.Options().setStream(new messages.ReadReq.Options.StreamOptions().setStreamIdentifier(identifier(stream)).setEnd(new shared.Empty())).setCount('1').setReadDirection(backwards).setNoFilter(new shared.Empty()));
/** The log from a position on, which is one of an event: that one is the first answer. */
export const readLog = (from: Position, count: number): ReadReq => request(filtered(new messages.ReadReq.Options().setAll(allFrom(from)).setCount(String(count)).setReadDirection(forwards)));
/** The last event of the log. */
export const readHead = (): ReadReq => request(filtered(new messages.ReadReq.Options().setAll(new messages.ReadReq.Options.AllOptions().setEnd(new shared.Empty())).setCount('1').setReadDirection(backwards)));
/** Everything after a position, for ever; without one, what comes from now on. */
export const subscribe = (after: Position | undefined): ReadReq => {
  const all = after === undefined ? new messages.ReadReq.Options.AllOptions().setEnd(new shared.Empty()) : allFrom(after);
  return request(filtered(new messages.ReadReq.Options().setAll(all).setSubscription(new messages.ReadReq.Options.SubscriptionOptions()).setReadDirection(forwards)));
};
