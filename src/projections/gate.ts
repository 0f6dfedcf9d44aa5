import type { AccountEvent } from '../domain/account/events.ts';
import type { AccountId, NamespaceId, OperatorId, PersonId, SessionId } from '../domain/ids.ts';
import type { InstallationEvent } from '../domain/installation/events.ts';
import type { NamespaceEvent } from '../domain/namespace/events.ts';
import type { Position } from '../domain/ports/event-store.ts';
import type { Recorded } from '../domain/ports/log.ts';
import type { Document } from '../domain/ports/read-models.ts';
import type { ServiceLevel } from '../domain/service-level.ts';
import type { SessionEvent, SessionHolder } from '../domain/session/events.ts';
import type { SignupEvent } from '../domain/signup/events.ts';
import { levelOf } from '../domain/subscription/state.ts';
import type { SubscriptionEvent } from '../domain/subscription/events.ts';
import { applyTo, projection } from './projection.ts';

export type AccountGate = { kind: 'account'; accountId: AccountId; person: PersonId; level: ServiceLevel; since: string; namespaces: { id: NamespaceId; name: string }[]; cutoff?: string };
export type SessionGate = { kind: 'session'; sessionId: SessionId; holder: SessionHolder; openedAt: string; /** Of a browser's session: the key its cookie is derived with. */ via?: 'web'; kid?: string };
export type PersonGate = { kind: 'person'; person: PersonId; accountId?: AccountId; cutoff?: string };
export type OperatorGate = { kind: 'operator'; operatorId: OperatorId; hash: string };
type GateView = AccountGate | SessionGate | PersonGate | OperatorGate;
type GateEvent = AccountEvent | SessionEvent | SignupEvent | SubscriptionEvent | NamespaceEvent | InstallationEvent;

const keysOf = (event: GateEvent): readonly string[] => {
  switch (event.type) {
    case 'SessionOpened': case 'SessionClosed': return [event.data.sessionId];
    case 'AccountCreated': return [event.data.accountId, event.data.person];
    case 'SessionsRevoked': return [event.data.accountId, event.data.person];
    case 'OtpVerified': return [event.data.person];
    case 'NamespaceCreated': return [event.data.accountId];
    case 'SubscriptionLapsed': case 'SubscriptionSuspended': case 'SubscriptionEnded': case 'SubscriptionRestored': return [event.data.accountId];
    case 'OperatorTokenIssued': return [event.data.operatorId];
    default: return [];
  }
};
const levelAfter: Readonly<Record<string, ServiceLevel>> = { SubscriptionLapsed: levelOf.limited, SubscriptionSuspended: levelOf.suspended, SubscriptionEnded: 'suspended', SubscriptionRestored: levelOf.active };

const ofAccount = (view: GateView | undefined, event: GateEvent): GateView | undefined => {
  if (event.type === 'AccountCreated') return { kind: 'account', accountId: event.data.accountId, person: event.data.person, level: 'full', since: event.data.at, namespaces: [] };
  if (view?.kind !== 'account') return view;
  switch (event.type) {
    case 'SessionsRevoked': return { ...view, cutoff: event.data.cutoff };
    case 'NamespaceCreated': return { ...view, namespaces: [...view.namespaces, { id: event.data.namespaceId, name: event.data.name }] };
    case 'SubscriptionLapsed': case 'SubscriptionSuspended': case 'SubscriptionEnded': case 'SubscriptionRestored': return { ...view, level: levelAfter[event.type] ?? view.level, since: event.data.at };
    default: return view;
  }
};
const ofPerson = (view: GateView | undefined, event: GateEvent): GateView | undefined => {
  const person: PersonGate = view?.kind === 'person' ? view : { kind: 'person', person: (event.data as { person: PersonId }).person };
  switch (event.type) {
    case 'AccountCreated': return { ...person, accountId: event.data.accountId };
    case 'SessionsRevoked': return { ...person, cutoff: event.data.cutoff };
    default: return person;
  }
};

/** Who may do what now: sessions, service levels and namespaces, small enough to be held in memory whole. */
export const gate = projection<GateView & Document>({
  name: 'gate', version: 1, summary: 'Who may do what now', indexes: [], readableBy: 'gate.read', scope: 'staff', columns: [],
  events: ['SessionOpened', 'SessionClosed', 'AccountCreated', 'SessionsRevoked', 'OtpVerified', 'NamespaceCreated', 'SubscriptionLapsed', 'SubscriptionSuspended', 'SubscriptionEnded', 'SubscriptionRestored', 'OperatorTokenIssued'],
  keys: (event) => keysOf(event as unknown as GateEvent),
  evolve: (view, recorded, key) => {
    const event = recorded as unknown as GateEvent;
    if (event.type === 'SessionOpened') return { kind: 'session', sessionId: event.data.sessionId, holder: event.data.holder, openedAt: event.data.at, ...(event.data.via === 'web' ? { via: 'web', kid: event.data.kid } : {}) } as GateView & Document;
    if (event.type === 'SessionClosed') return undefined;
    if (event.type === 'OperatorTokenIssued') return { kind: 'operator', operatorId: event.data.operatorId, hash: event.data.hash } as GateView & Document;
    return (key.startsWith('per_') ? ofPerson(view, event) : ofAccount(view, event)) as (GateView & Document) | undefined;
  },
});

/** The gate's documents in memory: loaded at start, then folded with every event this process commits, before its writer is answered. */
export class GateMemory {
  #documents = new Map<string, Document | undefined>();
  #ahead: ReadonlyMap<string, Position> = new Map();
  position: Position = 0n;
  /** There is one operator; its document is found without a search. */
  #operator: OperatorId | undefined;

  /** `ahead`: documents that reflect more than `position`, as a crash may leave them. */
  load(documents: Iterable<readonly [string, Document]>, position: Position, ahead: ReadonlyMap<string, Position> = new Map()): void {
    this.#documents = new Map(documents);
    this.#ahead = ahead;
    this.position = position;
    this.#operator = [...this.#documents.keys()].find((key) => key.startsWith('opr_')) as OperatorId | undefined;
  }
  apply(events: readonly Recorded[]): void {
    const fresh = events.filter((event) => event.position > this.position);
    applyTo(gate, this.#documents, fresh, this.#ahead);
    for (const { type, data } of fresh) if (type === 'OperatorTokenIssued') this.#operator = (data as OperatorGate).operatorId;
    this.position = fresh.at(-1)?.position ?? this.position;
  }
  account(id: AccountId): AccountGate | undefined {
    return this.#documents.get(id) as AccountGate | undefined;
  }
  session(id: string): SessionGate | undefined {
    return this.#documents.get(id) as SessionGate | undefined;
  }
  person(id: PersonId): PersonGate | undefined {
    return this.#documents.get(id) as PersonGate | undefined;
  }
  operator(id: OperatorId): OperatorGate | undefined {
    return this.#documents.get(id) as OperatorGate | undefined;
  }
  operatorByHash(hash: string): OperatorGate | undefined {
    const operator = this.#operator === undefined ? undefined : this.operator(this.#operator);
    return operator?.hash === hash ? operator : undefined;
  }
}
