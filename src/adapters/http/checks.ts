/** What a server says when it is asked how it is: each check with what was found, and what to do about it. */
import type { Rim } from './rim.ts';
import { minute, toEpochMs, type Instant } from '../../domain/instant.ts';
import type { StreamName } from '../../domain/ids.ts';
import { BrokenChain } from '../../domain/ports/log.ts';
import type { Document, Query } from '../../domain/ports/read-models.ts';

export type Check = { readonly name: string; readonly status: 'ok' | 'warn' | 'fail'; readonly detail: string; readonly fix?: string };
const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail });
const warn = (name: string, detail: string, fix: string): Check => ({ name, status: 'warn', detail, fix });
const fail = (name: string, detail: string, fix: string): Check => ({ name, status: 'fail', detail, fix });

/** Events a consumer may be behind before it is worth a word: a burst is no trouble. */
const lagMax = 1_000;
const webhookSlowMs = 5 * minute;
const webhookLateMs = 60 * minute;
const mebibyte = 1_048_576;
const freeLowBytes = 1_024 * mebibyte;
const freeMinBytes = 200 * mebibyte;
/** Streams whose chain is looked at, newest and anywhere. */
const streamsChecked = 20;
const spotPage = 50;

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
const ageOf = (ms: number): string => (ms < minute ? 'less than a minute' : ms < 120 * minute ? count(Math.round(ms / minute), 'minute') : count(Math.round(ms / (60 * minute)), 'hour'));

const consumersCheck = async ({ log, models, pumps }: Rim): Promise<Check[]> => {
  const head = await log.head();
  const stopped = [...models.values()].filter(({ failure }) => failure !== undefined);
  const behind = [...[...models.values()].map(({ model: { name }, position }) => ({ name, lag: Number(head - position) })), ...pumps.map(({ reactor: { name }, position }) => ({ name, lag: Number(head - position) }))].filter(({ lag }) => lag > lagMax);
  const [first] = stopped;
  return [
    first ? fail('read models', `stopped: ${stopped.map(({ model, failure }) => `${model.name} (${failure})`).join(', ')}`, `tollgate projection rebuild ${first.model.name}`) : ok('read models', `${count(models.size, 'read model')}, all running`),
    behind.length > 0 ? warn('lag', `behind the log: ${behind.map(({ name, lag }) => `${name} by ${lag} events`).join(', ')}`, 'tollgate projection list') : ok('lag', 'everything follows the log'),
  ];
};

const parkedCheck = ({ pumps }: Rim): Check => {
  const parked = pumps.flatMap((pump) => pump.parked().map((work) => ({ reactor: pump.reactor.name, ...work })));
  const [oldest] = parked.sort((a, b) => (a.since < b.since ? -1 : 1));
  return oldest ? fail('parked work', `${count(parked.length, 'deed')} wait for staff, the oldest since ${oldest.since}: ${oldest.error}`, `tollgate reactor retry ${oldest.reactor} ${oldest.subject}`) : ok('parked work', 'none');
};

const firstOf = async ({ models }: Rim, model: string, query: Omit<Query, 'limit'>): Promise<Document | undefined> => (await models.get(model)?.collection.query({ ...query, limit: 1 }))?.items[0]?.document;

const webhookCheck = async (rim: Rim): Promise<Check> => {
  const now = toEpochMs(rim.clock.now());
  const waiting = await firstOf(rim, 'webhooks', { where: { status: 'received' }, order: 'oldest' });
  const waitsMs = waiting ? now - toEpochMs(waiting['at'] as Instant) : 0;
  const last = await firstOf(rim, 'webhooks', { order: 'newest' });
  if (waiting && waitsMs > webhookSlowMs) return (waitsMs > webhookLateMs ? fail : warn)('webhooks', `${String(waiting['id'])} has waited for ${ageOf(waitsMs)} to be acted on`, 'tollgate reactor list');
  return ok('webhooks', last ? `acted on; the last one came ${ageOf(now - toEpochMs(last['at'] as Instant))} ago` : 'none has come yet');
};
const mailCheck = async (rim: Rim): Promise<Check> => {
  const givenUp = await firstOf(rim, 'mails', { where: { status: 'given up' }, order: 'newest' });
  if (!givenUp) return ok('mails', 'none was given up');
  return warn('mails', `some were given up, the last one after ${String(givenUp['attempts'])} attempts: ${String(givenUp['lastError'])}`, `tollgate mail retry ${String(givenUp['id'])}`);
};

const folderChecks = async ({ machine }: Rim): Promise<Check[]> => {
  const { tooOpen, freeBytes, git } = await machine();
  const free = `${Math.floor(freeBytes / mebibyte)} MiB free`;
  const [open] = tooOpen;
  return [
    open ? fail('data folder', `others on this machine may look into ${tooOpen.map(({ path, mode }) => `${path} (${mode})`).join(', ')}`, `in the data folder: chmod go-rw ${tooOpen.map(({ path }) => path).join(' ')}`) : ok('data folder', 'readable by its owner only, secrets included'),
    freeBytes < freeMinBytes ? fail('disk', free, 'Make room on the disk of the data folder: nothing can be written soon.') : freeBytes < freeLowBytes ? warn('disk', free, 'Make room on the disk of the data folder.') : ok('disk', free),
    git === undefined ? warn('git', "there is no git, so 'tollgate run' takes folders only", 'apt install git') : ok('git', git),
  ];
};

/** The chains of some streams, the newest and some from anywhere: the whole log is `audit verify`'s. */
const chainCheck = async ({ log, random, damaged }: Rim): Promise<Check> => {
  const [known, ...more] = damaged();
  if (known) return fail('log', `event ${known.revision} of ${known.stream} is damaged${more.length === 0 ? '' : `, and ${count(more.length, 'other stream')}`}`, 'tollgate audit verify');
  const head = log.exclusive ? await log.head() : 0n; // a shared log takes positions of events only
  const anywhere = head === 0n ? 0n : BigInt(Buffer.from(random.bytes(6)).readUIntBE(0, 6)) % head;
  const streams = new Set<StreamName>();
  for (const after of [head > BigInt(spotPage) ? head - BigInt(spotPage) : 0n, anywhere]) {
    for await (const page of log.readAll(after, spotPage)) {
      for (const { stream } of page) streams.add(stream);
      break;
    }
  }
  const chosen = [...streams].slice(0, streamsChecked);
  try {
    for (const stream of chosen) for await (const _ of log.read(stream));
  } catch (error) {
    if (!(error instanceof BrokenChain)) throw error;
    return fail('log', error.message, 'tollgate audit verify');
  }
  return ok('log', `the chains of ${count(chosen.length, 'stream')} hold, of those looked at; 'tollgate audit verify' looks at all`);
};

const isolationCheck = ({ runtime }: Rim): Check => {
  const isolation = runtime.isolation();
  return /\bnot\b/.test(isolation) ? warn('isolation', isolation, 'Run workloads only of people you trust, or start the server as root on a machine with cgroups.') : ok('isolation', isolation);
};

/** Every check, in the order in which a person would look; one that cannot be made is a failure of its own. */
export const checksOf = async (rim: Rim): Promise<readonly Check[]> => {
  const made = async (name: string, check: (rim: Rim) => Promise<readonly Check[] | Check> | Check): Promise<readonly Check[]> => {
    try {
      return [await check(rim)].flat();
    } catch (error) {
      return [fail(name, `cannot be checked: ${error instanceof Error ? error.message : String(error)}`, "Look at the server's log.")];
    }
  };
  const all = await Promise.all([made('read models', consumersCheck), made('parked work', parkedCheck), made('webhooks', webhookCheck), made('mails', mailCheck), made('data folder', folderChecks), made('isolation', isolationCheck), made('log', chainCheck)]);
  return all.flat();
};
