/** The log of the HTTP floors: events chained and inserted as plainly as possible, what arrived in one turn of the event loop in one transaction, fsynced by its COMMIT. */
import { beforeFirst, chained, openFloorDatabase } from './append.ts';

export interface Appended {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly id: string;
}
export interface Draft {
  readonly stream: string;
  readonly type: string;
  readonly data: string;
  readonly actor: string;
  readonly causation?: string;
  /** Made from the position where they are not given. */
  readonly ids?: { readonly commandId: string; readonly eventId: (stream: string) => string; readonly correlationId: string; readonly fingerprint: string };
}
interface Stream {
  key: number;
  revision: number;
  hash: Buffer;
}
export const written = '2026-11-21T07:52:26.000Z';

/** `before` runs before each transaction, `after` once it is durable and answered. */
export const openLog = (folder: string, tenant: string, { before = () => undefined, after = () => undefined }: { before?: () => void; after?: (events: readonly (Appended & { readonly data: string })[]) => void } = {}): ((draft: Draft) => Promise<Appended>) => {
  const database = openFloorDatabase(folder);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const insertStream = database.prepare('INSERT INTO streams (name) VALUES (?)');
  const insertEvent = database.prepare('INSERT INTO events (stream, revision, id, type, data, meta) VALUES (?, ?, ?, ?, ?, ?)');
  const streams = new Map<string, Stream>();
  let waiting: { readonly draft: Draft; readonly answer: (appended: Appended) => void }[] = [];
  let position = 0;

  const apply = ({ stream: name, type, data, actor, causation, ids }: Draft): Appended & { readonly data: string } => {
    let stream = streams.get(name);
    if (!stream) {
      stream = { key: Number(insertStream.run(name).lastInsertRowid), revision: -1, hash: beforeFirst };
      streams.set(name, stream);
    }
    position += 1;
    stream.revision += 1;
    const serial = position.toString(16).padStart(12, '0');
    const made = `00000000-0000-5000-8000-${serial}`;
    const id = ids?.eventId(name) ?? made;
    const meta = `{"schema":1,"at":"${written}","commandId":"${ids?.commandId ?? made}","correlationId":"${ids?.correlationId ?? made}","causationId":"${causation ?? ids?.correlationId ?? made}","actor":"${actor}","tenant":"${tenant}","fingerprint":"${ids?.fingerprint ?? `0123456789${serial}`}"`;
    const event = chained(name, stream.revision, stream.hash, id, type, data, meta);
    stream.hash = event.hash;
    insertEvent.run(stream.key, stream.revision, id, type, data, event.meta);
    return { position, stream: name, revision: stream.revision, type, id, data };
  };
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    before();
    begin.run();
    const appended = batch.map(({ draft }) => apply(draft));
    commit.run();
    batch.forEach(({ answer }, n) => answer(appended[n]!));
    after(appended);
  };
  return (draft) => new Promise((answer) => {
    if (waiting.length === 0) setImmediate(flush);
    waiting.push({ draft, answer });
  });
};
export const answerOf = ({ position, stream, revision, type, id }: Appended): string => `{"position":"${position}","stream":"${stream}","revision":${revision},"events":[{"type":"${type}","id":"${id}"}]}`;
