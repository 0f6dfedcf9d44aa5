import type { Actor } from './decider.ts';
import type { NamespaceId } from './ids.ts';

/** `noun.verb`: what an actor may be allowed to ask for, or to read. */
export type Permission = `${string}.${string}`;

/** What every signed-in customer may do with their own things; whose they are is each decision's own check. */
const customers: ReadonlySet<string> = new Set([
  'workload.run', 'workload.update', 'workload.kill', 'workload.read', 'namespace.read', 'account.read', 'subscription.read', 'invoice.read',
  'session.close', 'session.refresh', 'session.revoke', 'subscription.pay', 'subscription.cancel', 'subscription.resume', 'plan.read', 'source.upload', 'session.open', 'password.change', 'git.credential',
]);
/** What somebody without an account needs to get one. Their proof is in the command itself (a token), not in who they are. */
const everybody: ReadonlySet<string> = new Set(['signup.start', 'signup.verify', 'session.refresh', 'plan.read', 'webhook.receive', 'signup.pay', 'password.reset']);
const persons: ReadonlySet<string> = new Set([...everybody, 'signup.redeem', 'session.open', 'password.change']);

export const may = (actor: Actor, permission: Permission): boolean => {
  switch (actor.kind) {
    case 'operator':
    case 'system': return true;
    case 'account': return customers.has(permission) || everybody.has(permission);
    case 'person': return persons.has(permission);
    case 'anonymous': return everybody.has(permission);
  }
};

/** Whether a namespace is the actor's own: not even staff is at home in another's. */
export const isMember = (actor: Actor, namespace: NamespaceId): boolean => actor.kind === 'account' && actor.namespaces.includes(namespace);
/** Whether a namespace is the actor's own (or the actor is staff or the system itself). */
export const mayTouch = (actor: Actor, namespace: NamespaceId): boolean =>
  actor.kind === 'operator' || actor.kind === 'system' || (actor.kind === 'account' && actor.namespaces.includes(namespace));
