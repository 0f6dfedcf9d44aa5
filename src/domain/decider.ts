import type { Instant } from './instant.ts';
import type { AccountId, NamespaceId, OperatorId, PersonId, SessionId } from './ids.ts';

/** Something that happened. Type names are the storage format: never changed, never reused. */
export type Event<T extends string, D extends object> = { readonly type: T; readonly data: D };
export type AnyEvent = Event<string, object>;

/** Who asks. `id` is what the log records; it never holds personal data. */
export type Actor =
  | { readonly kind: 'anonymous'; readonly id: 'anon' }
  | { readonly kind: 'person'; readonly id: PersonId }
  | { readonly kind: 'account'; readonly id: AccountId; readonly person: PersonId; readonly session: SessionId; readonly namespaces: readonly NamespaceId[] }
  | { readonly kind: 'operator'; readonly id: OperatorId }
  | { readonly kind: 'system'; readonly id: `system:${string}` };

/** Everything outside the stream that a decision used. It arrives inside the command, so deciding stays pure and replayable. */
export type Facts = { readonly now: Instant; readonly actor: Actor };
export type Command<T extends string, P extends object, F extends object = object> = { readonly type: T } & Readonly<P> & { readonly facts: Facts & Readonly<F> };
export type AnyCommand = Command<string, object>;
/** What a client sends: the command without its type and facts. */
export type Payload<C> = C extends { type: string } ? Omit<C, 'type' | 'facts'> : never;

export type RejectionKind = 'invalid' | 'conflict' | 'exhausted' | 'expired' | 'not-found' | 'forbidden' | 'limited';
/** A refusal is a value: what was refused, why, and the next step, in the words every surface shows. */
export type Rejection = {
  readonly rejected: true;
  readonly code: string;
  readonly kind: RejectionKind;
  readonly detail: string;
  readonly nextStep: string;
  readonly resetAt?: Instant;
};
/** Events to append, none because it is already so, or a refusal. A broken invariant throws instead: that is a bug. */
export type Decision<E extends AnyEvent> = readonly E[] | Rejection;
export const isRejection = (value: unknown): value is Rejection => typeof value === 'object' && value !== null && 'rejected' in value;

export type RejectionTable = Readonly<Record<string, readonly [kind: RejectionKind, detail: string, nextStep: string]>>;
/** Every refusal there is, by code: rendered into the reference and checked by a test. */
export const allRejections = new Map<string, RejectionTable[string]>();
const fill = (text: string, values: Readonly<Record<string, unknown>>): string => text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? `{${name}}`));

/** Declares an aggregate's refusals; `{name}` in a text is filled from `values`. */
export const rejections = <const T extends RejectionTable>(table: T) => {
  for (const [code, line] of Object.entries(table)) {
    if (allRejections.has(code)) throw new Error(`rejection ${code} is declared twice`);
    allRejections.set(code, line);
  }
  return (code: keyof T & string, values: Readonly<Record<string, unknown>> = {}): Rejection => {
    const [kind, detail, nextStep] = table[code] as RejectionTable[string];
    const resetAt = values['resetAt'] as Instant | undefined;
    return { rejected: true, code, kind, detail: fill(detail, values), nextStep: fill(nextStep, values), ...(resetAt === undefined ? {} : { resetAt }) };
  };
};

/** One aggregate: pure, total, and all there is to know about its rules. */
export interface Decider<C extends AnyCommand, S, E extends AnyEvent> {
  /** The stream category, and the folder's name. */
  readonly category: string;
  readonly initial: S;
  readonly decide: (command: C, state: S) => Decision<E>;
  readonly evolve: (state: S, event: E) => S;
}
export type AnyDecider = Decider<any, any, any>;

export const fold = <S, E extends AnyEvent>(decider: Pick<Decider<never, S, E>, 'initial' | 'evolve'>, events: Iterable<E>): S => {
  let state = decider.initial;
  for (const event of events) state = decider.evolve(state, event);
  return state;
};

/**
 * A deed that a state asks for. `key` names the deed for ever (it becomes the idempotency key at the edge and the
 * outcome's command id); `notBefore` keeps it waiting for its due instant.
 */
export type Todo<D extends string = string> = { readonly do: D; readonly key: string; readonly notBefore?: Instant };
