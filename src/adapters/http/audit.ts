/** The log itself, for people: list, past states, and the proof that nothing was changed. */
import { HttpProblem, notFound } from './problem.ts';
import { asOfPosition, documentAsOf, opened, positionOf, type QueryString } from './queries.ts';
import type { Rim } from './rim.ts';
import { catalog } from '../../commands/catalog.ts';
import { streamName, subjectOf, type StreamName } from '../../domain/ids.ts';
import { parseDuration, parseInstant, plus } from '../../domain/instant.ts';
import { BrokenChain, type Recorded } from '../../domain/ports/log.ts';

const categories = [...new Set(catalog.map((entry) => entry.decider.category))];

/** One event as it is shown: metadata named, personal data sealed (it says whose it is, not what). */
const shown = (event: Recorded) => {
  const { at, actor, commandId, correlationId, causationId, schema, hash } = event.meta;
  return { position: String(event.position), stream: event.stream, revision: event.revision, id: event.id, type: event.type, at, actor, data: event.data, commandId, correlationId, causationId, schema, hash };
};

const sinceOf = (rim: Rim, text: string): string => {
  const duration = parseDuration(text);
  const instant = duration === undefined ? parseInstant(text) : plus(rim.clock.now(), -duration);
  if (instant === undefined) throw new HttpProblem(400, 'InvalidInput', 'since must be a time, a duration like 10m, or a position.', 'For example since=10m.', { errors: [{ field: 'since', message: 'no time, duration or position' }] });
  return instant;
};

/** Events in order, from the beginning, optionally of one stream or type, and on as they come. */
export const auditLog = async (rim: Rim, query: QueryString, signal: AbortSignal): Promise<AsyncIterable<object>> => {
  const { stream, type, since, limit } = query;
  const max = limit === undefined ? Infinity : Number(limit);
  if (Number.isNaN(max) || max < 0) throw new HttpProblem(400, 'InvalidInput', 'limit must be a whole number.', 'Leave it out for the whole log.');
  const byPosition = since !== undefined && /^\d+$/.test(since);
  const after = byPosition ? positionOf(since, 'since') : 0n;
  const from = since === undefined || byPosition ? '' : sinceOf(rim, since);
  const pages = query['follow'] === 'true' ? rim.log.follow(after, signal) : rim.log.readAll(after);
  return (async function* () {
    let left = max;
    for await (const page of pages) {
      for (const event of page) {
        if (left <= 0) return;
        if ((stream !== undefined && event.stream !== stream && subjectOf(event.stream) !== stream) || (type !== undefined && event.type !== type) || event.meta.at < from) continue;
        left -= 1;
        yield shown(event);
      }
    }
  })();
};

/** Everything about one subject (an id, an address, or a stream's name) as of a moment: its events and its records. */
export const auditShow = async (rim: Rim, query: QueryString) => {
  const { subject, asOf } = query;
  if (subject === undefined || subject === '') throw new HttpProblem(400, 'InvalidInput', 'subject is missing.', 'Give an id, an e-mail address or a stream.', { errors: [{ field: 'subject', message: 'missing' }] });
  const id = subject.includes('@') ? await rim.keyring.find(subject) : subject;
  if (id === undefined) throw notFound('subject');
  const until = asOf === undefined ? await rim.log.head() : await asOfPosition(rim, asOf);
  const names = id.includes('-') && id.includes('.ten_') === false && id.includes('ten_') ? [id as StreamName] : categories.map((category) => streamName(category, rim.tenant, id));
  const streams: { stream: string; events: object[] }[] = [];
  for (const name of names) {
    const events: object[] = [];
    for await (const page of rim.log.read(name)) for (const event of page) if (event.position <= until) events.push({ ...shown(event), data: await opened(event.data, rim.vault), ...(event.meta.reason === undefined ? {} : { reason: await opened(event.meta.reason, rim.vault) }) });
    if (events.length > 0) streams.push({ stream: name, events });
  }
  const key = names.length === 1 ? subjectOf(names[0] as StreamName) : id;
  const documents: { model: string; document: unknown }[] = [];
  for (const [model, runner] of rim.models) {
    if (runner.model.columns.length === 0) continue;
    const document = await documentAsOf(rim, runner, key, until);
    if (document) documents.push({ model, document: await opened(document, rim.vault) });
  }
  if (streams.length === 0 && documents.length === 0) throw notFound('subject');
  return { subject: key, asOf: String(until), streams, documents };
};

/** Checks the hash chain of one stream or of all, reading every event once; broken ones are named. */
export const auditVerify = async function* (rim: Rim, only: string | undefined): AsyncGenerator<object> {
  const head = String(await rim.log.head());
  const streams = new Set<StreamName>();
  if (only !== undefined) streams.add(only as StreamName);
  else for await (const page of rim.store.readAll(0n)) for (const event of page) streams.add(event.stream);
  const failures: { stream: string; revision: number; problem: string }[] = [];
  let events = 0;
  let verified = 0;
  for (const stream of streams) {
    const before = events;
    try {
      for await (const page of rim.log.read(stream)) events += page.length;
    } catch (error) {
      failures.push(error instanceof BrokenChain ? { stream, revision: error.revision, problem: error.message } : { stream, revision: -1, problem: String(error) });
    }
    if (only !== undefined && events === before && failures.length === 0) throw notFound('stream');
    verified += 1;
    if (verified % 500 === 0) yield { streams: verified, of: streams.size, events, head };
  }
  yield { done: true, ok: failures.length === 0, events, streams: streams.size, failures };
};
