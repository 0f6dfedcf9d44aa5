import { CommandRejected } from '../handle.ts';
import { observed } from './dunning.ts';
import { chargeOf } from './sign-up.ts';
import { reactor, type Deed } from './reactor.ts';
import { inbox } from '../../domain/inbox/decide.ts';
import type { Inbox } from '../../domain/inbox/state.ts';
import { todo, type InboxTodo } from '../../domain/inbox/todo.ts';
import type { PersonId } from '../../domain/ids.ts';
import { isSealed } from '../../domain/personal.ts';
import { signup } from '../../domain/signup/decide.ts';
import { subscription } from '../../domain/subscription/decide.ts';

type Effect = { readonly applied: true; readonly effect: string; readonly person?: string } | { readonly applied: false; readonly reason: string };
const ignored = (reason: string): Effect => ({ applied: false, reason });

const applyInvoice = async (id: string, { payments, lookup, dispatch, belongsTo }: Deed): Promise<Effect> => {
  const invoice = await payments.readInvoice(id);
  const ours = invoice?.reference.subscription;
  if (!invoice || !ours) return ignored('this invoice is not of a subscription of ours');
  const { person } = invoice.reference;
  belongsTo(person as PersonId);
  if ((await lookup(subscription, ours)).status === 'started') {
    const { id: invoiceId, status, attempts, amount, periodStart, periodEnd } = invoice;
    await dispatch('ObserveInvoice', { subscriptionId: ours, invoiceId, status, attempts, amount, periodStart, periodEnd });
    return { applied: true, effect: `invoice ${status}`, person };
  }
  const { redemption } = await lookup(signup, person);
  if (redemption?.subscriptionId !== ours || redemption.charge) return ignored('its subscription has not started here');
  await dispatch('RecordCharge', { person, n: redemption.n, outcome: chargeOf(invoice) });
  return { applied: true, effect: `charge of a sign-up ${invoice.status}`, person };
};

const applyCheckout = async (id: string, deed: Deed): Promise<Effect> => {
  const checkout = await deed.payments.readCheckout(id);
  if (checkout?.status !== 'complete' || !checkout.method) return ignored('this checkout is not complete');
  deed.belongsTo(checkout.reference.person as PersonId);
  return completeCheckout({ id, method: checkout.method, reference: checkout.reference }, deed);
};

/** A payment method was stored: a sign-up gets its payment token, a subscription its new card. */
export const completeCheckout = async (
  checkout: { readonly id: string; readonly method: string; readonly reference: { readonly purpose: string; readonly person: string; readonly subscription?: string } },
  { dispatch, tokens }: Pick<Deed, 'dispatch' | 'tokens'>,
): Promise<Effect> => {
  const { person, purpose, subscription: subscriptionId } = checkout.reference;
  if (purpose === 'signup') await dispatch('IssuePaymentToken', { person, kid: tokens.kid, checkoutId: checkout.id, method: checkout.method });
  else if (subscriptionId) await dispatch('ChoosePaymentMethod', { subscriptionId, checkoutId: checkout.id, method: checkout.method });
  return { applied: true, effect: purpose === 'signup' ? 'payment token issued' : 'payment method chosen', person };
};

const applySubscription = async (id: string, deed: Deed): Promise<Effect> => {
  const { payments, dispatch } = deed;
  const ours = (await payments.readSubscription(id))?.reference.subscription;
  const seen = ours === undefined ? undefined : await observed(id, ours, deed);
  if (!seen) return ignored('its subscription has not started here');
  const { found, command } = seen;
  deed.belongsTo(found.reference.person as PersonId);
  await applyInvoice(found.latestInvoice, deed); // its own webhook may be lost: who has paid is told so by either
  await dispatch(command.type, command.fields);
  return { applied: true, effect: `subscription ${found.status}`, person: found.reference.person };
};

const apply = async (object: { readonly kind: string; readonly id: string }, deed: Deed): Promise<Effect> => {
  try {
    switch (object.kind) {
      case 'invoice': return await applyInvoice(object.id, deed);
      case 'checkout': return await applyCheckout(object.id, deed);
      case 'subscription': return await applySubscription(object.id, deed);
      default: return ignored(`nothing here depends on a ${object.kind}`);
    }
  } catch (error) {
    if (error instanceof CommandRejected) return ignored(error.rejection.code);
    throw error;
  }
};

/** Acts on stored webhooks. The payload only names the object: it is read again, so that order and repeats do not matter. */
export const applyWebhooks = reactor<Inbox, InboxTodo>({
  name: 'apply-webhooks', decider: inbox, todo, owner: () => undefined, // known only once the provider has been asked
  deeds: {
    ApplyWebhook: async ({ webhook }, deed) => {
      const outcome = await apply(webhook.object, deed);
      const { person } = { person: undefined, ...outcome };
      const owner = isSealed(webhook.body) ? webhook.body.$p[0] : undefined;
      if (person && owner?.startsWith('key_')) await deed.keyring.link(owner as `key_${string}`, person as PersonId);
      return [{ type: 'ApplyWebhook', fields: { inboxId: deed.subject, outcome: outcome.applied ? { applied: true, effect: outcome.effect } : outcome } }];
    },
  },
});
