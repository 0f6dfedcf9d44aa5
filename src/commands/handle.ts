import { SystemMessage, type CommandMessage, type Committed, type Context, type WouldAppend } from './command-message.ts';
import type { CatalogEntry, Gathering } from './catalog-entry.ts';
import { StaleRevision, Streams, type Outcome } from './streams.ts';
import { may } from '../domain/access.ts';
import { isRejection, type Decider, type Rejection } from '../domain/decider.ts';
import { streamName, type PersonId, type TenantId } from '../domain/ids.ts';
import { personal } from '../domain/personal.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { RateCounters } from '../domain/ports/counters.ts';
import type { Keyring } from '../domain/ports/keyring.ts';
import type { Log, Origin, Vault } from '../domain/ports/log.ts';
import type { Random } from '../domain/ports/random.ts';
import type { SourceStore } from '../domain/ports/runtime.ts';
import type { SourceHost } from '../domain/ports/source-host.ts';
import type { Derivation, Tokens } from '../domain/ports/tokens.ts';

/** The ports that handling a command needs. */
export type Handling = {
  readonly tenant: TenantId;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyring: Keyring;
  readonly counters: RateCounters;
  readonly tokens: Tokens;
  readonly derive: Derivation;
  readonly sources: Pick<SourceStore, 'has'>;
  /** Called when a command begins; what it gives is called with what became of it. */
  readonly observe?: (type: string) => (outcome: 'appended' | 'nothing to change' | 'dry run' | 'refused' | 'failed') => void;
  readonly sourceHost: Pick<SourceHost, 'resolve'>;
  readonly vault: Pick<Vault, 'open'>;
};

/** A refusal on its way to the rim. */
export class CommandRejected extends Error {
  override readonly name = 'CommandRejected';
  readonly rejection: Rejection;
  constructor(rejection: Rejection) {
    super(rejection.detail);
    this.rejection = rejection;
  }
}
export class NotAllowed extends Error {
  override readonly name = 'NotAllowed';
}
/** The same idempotency key came with another body. */
export class IdempotencyKeyReused extends Error {
  override readonly name = 'IdempotencyKeyReused';
}

const nobody = 'per_00000000000000000000' as PersonId;
/** Fields that never enter a fingerprint: guessing them from it would be a dictionary away. */
const secretField = /token|password|code/i;
const withoutSecrets = (body: object): object => Object.fromEntries(Object.entries(body).filter(([name]) => !secretField.test(name)));

/** The one handler: authorise, gather, load, decide, append. Everything that differs between commands is in the catalog. */
export class Handler {
  readonly #ports: Handling;
  readonly #entries: ReadonlyMap<string, CatalogEntry>;
  readonly streams: Streams;

  constructor(ports: Handling, catalog: readonly CatalogEntry[]) {
    this.#ports = ports;
    this.#entries = new Map(catalog.map((entry) => [entry.type, entry]));
    if (this.#entries.size !== catalog.length) throw new Error('a command stands twice in the catalog');
    this.streams = new Streams(ports.log);
  }

  /** The committed state of an aggregate. */
  async lookup<S>(decider: Decider<any, S, any>, id: string): Promise<S> {
    return (await this.streams.state(decider, streamName(decider.category, this.#ports.tenant, id))).state as S;
  }

  async execute(message: CommandMessage): Promise<Committed | WouldAppend> {
    const type = message instanceof SystemMessage ? message.type : message.constructor.name;
    const entry = this.#entries.get(type);
    if (!entry) throw new Error(`${type} is not in the catalog`);
    const ended = this.#ports.observe?.(type);
    if (!ended) return this.#execute(entry, message);
    try {
      const answer = await this.#execute(entry, message);
      ended('dryRun' in answer ? 'dry run' : answer.events.length > 0 ? 'appended' : 'nothing to change');
      return answer;
    } catch (error) {
      ended(error instanceof CommandRejected || error instanceof NotAllowed || error instanceof IdempotencyKeyReused || error instanceof StaleRevision ? 'refused' : 'failed');
      throw error;
    }
  }

  async #execute(entry: CatalogEntry, message: CommandMessage): Promise<Committed | WouldAppend> {
    const { type } = entry;
    const { context } = message;
    if (!may(context.actor, entry.permission)) throw new NotAllowed(`${entry.permission} is not permitted`);
    const gathering = this.#gathering(type, context);
    const fields = message instanceof SystemMessage ? message.fields : await accepted(entry.fields ? entry.fields(message, gathering) : message);
    if (entry.requires && !(await this.#recorded(entry, fields, gathering.commandId))) {
      // Under ids of their own: what has been given back since an earlier try is taken anew, not answered from the record.
      const { idempotencyKey: _, ifMatch: __, ...own } = context;
      for (const required of entry.requires(fields)) await this.execute(SystemMessage.inContext(new SystemMessage(required.type, required.fields), own));
    }
    const facts = entry.facts ? await accepted(entry.facts(fields, gathering, message)) : {};
    return this.#decide(entry, message, fields, facts, gathering);
  }

  #recorded({ decider, id }: CatalogEntry, fields: object, commandId: string): Promise<boolean> {
    return this.streams.holds(decider, streamName(decider.category, this.#ports.tenant, id(fields)), commandId);
  }

  async #decide(entry: CatalogEntry, message: CommandMessage, fields: object, facts: object, gathering: Gathering): Promise<Committed | WouldAppend> {
    const { context } = message;
    const { decider, type, becomes = type } = entry;
    const stream = streamName(decider.category, this.#ports.tenant, entry.id(fields));
    const decide = (state: never, now: Origin['at']) => decider.decide({ ...fields, type: becomes, facts: { ...facts, now, actor: context.actor } }, state);
    if (context.dryRun) {
      const { state, head } = await this.streams.state(decider, stream);
      if (context.ifMatch !== undefined && context.ifMatch !== head.revision) throw new StaleRevision(stream);
      const decision = decide(state as never, gathering.now);
      if (isRejection(decision)) throw new CommandRejected(decision);
      return { dryRun: true, stream, events: decision };
    }
    const fingerprint = this.#ports.derive.fingerprint(withoutSecrets(message instanceof SystemMessage ? fields : message));
    const reason = context.reason === undefined ? undefined : personal(await this.#reasonOwner(context, fields), 'reason', context.reason);
    const outcome = await this.streams.run({
      decider, stream, commandId: gathering.commandId, decide,
      ...(context.ifMatch === undefined ? {} : { ifMatch: context.ifMatch }),
      now: () => this.#ports.clock.now(),
      origin: (at) => this.#origin(context, gathering.commandId, fingerprint, at, reason),
    });
    return this.#answer(entry, stream, outcome, fingerprint);
  }

  #origin({ actor, correlationId, causationId }: Context, commandId: string, fingerprint: string, at: Origin['at'], reason: Origin['reason']): Origin {
    return { at, commandId, correlationId, causationId, actor: actor.id, tenant: this.#ports.tenant, fingerprint, ...(reason === undefined ? {} : { reason }) };
  }

  /** A reason is about the person of the command, else it is its giver's: staff have a person of their own in the keyring. */
  async #reasonOwner({ actor }: Context, fields: object): Promise<PersonId> {
    if ('person' in fields) return fields.person as PersonId;
    if (actor.kind === 'account') return actor.person;
    return actor.kind === 'person' ? actor.id : this.#ports.keyring.findOrCreate(`${actor.id}@staff.invalid`);
  }

  async #answer(entry: CatalogEntry, stream: Committed['stream'], outcome: Outcome, fingerprint: string): Promise<Committed> {
    if (isRejection(outcome)) throw new CommandRejected(outcome);
    const first = outcome.events[0];
    if (outcome.repeated && first && first.meta.fingerprint !== fingerprint) throw new IdempotencyKeyReused(`${entry.type} came with another body under the same idempotency key`);
    const position = outcome.events.at(-1)?.position ?? (await this.#ports.log.head());
    return { position, stream, revision: outcome.head.revision, events: outcome.events.map((event) => ({ type: event.type, id: event.id })) };
  }

  #gathering(type: string, context: Context): Gathering {
    const { tenant, clock, keyring, tokens, derive, random, counters, sources, sourceHost, vault } = this.#ports;
    return {
      now: clock.now(), tenant, context, tokens, derive, random, counters, sources, sourceHost, vault,
      commandId: derive.commandId(context.actor.id, type, context.idempotencyKey),
      lookup: (decider, id) => this.lookup(decider, id),
      findPerson: (email) => keyring.find(email),
      findOrCreatePerson: async (email) => (context.dryRun ? ((await keyring.find(email)) ?? nobody) : keyring.findOrCreate(email)),
    };
  }
}

const accepted = async (gathered: unknown): Promise<object> => {
  const value = await gathered;
  if (isRejection(value)) throw new CommandRejected(value);
  return value as object;
};
