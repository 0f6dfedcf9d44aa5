import { reactor, type Deed } from './reactor.ts';
import { account } from '../../domain/account/decide.ts';
import { Refused } from '../../domain/ports/failures.ts';
import { signup } from '../../domain/signup/decide.ts';
import { subscription } from '../../domain/subscription/decide.ts';
import type { Subscription } from '../../domain/subscription/state.ts';
import { todo, type SubscriptionTodo } from '../../domain/subscription/todo.ts';

const started = (state: Subscription) => {
  if (state.status === 'none') throw new Error('a subscription with something to do has started');
  return state;
};

/** What the provider's subscription is now, with the number of the newest wish that it had been told before it was read. */
export const observed = async (providerSubscription: string, subscriptionId: string, { payments, lookup }: Pick<Deed, 'payments' | 'lookup'>) => {
  const before = await lookup(subscription, subscriptionId);
  const found = await payments.readSubscription(providerSubscription);
  if (!found || before.status === 'none') return undefined;
  return { found, command: { type: 'ObserveProviderState', fields: { subscriptionId, status: found.status, latestInvoice: found.latestInvoice, cancelAtPeriodEnd: found.cancelAtPeriodEnd, ...(before.wish.carriedOut ? { wish: before.wish.n } : {}) } } };
};

/** What a subscription's phases do to the rest: its own clock, its namespace's level, its mails, a new card. */
export const dunning = reactor<Subscription, SubscriptionTodo>({
  name: 'dunning', decider: subscription, todo, owner: (state) => (state.status === 'none' ? undefined : state.accountId),
  deeds: {
    AdvanceSubscription: async (_, __, state) => [{ type: 'AdvanceSubscription', fields: { subscriptionId: started(state).subscriptionId } }],
    TellNamespace: async ({ namespaceId, level }, { dispatch }, state) => {
      await dispatch('ChangeNamespaceLevel', { namespaceId, level });
      return [{ type: 'RecordLevelTold', fields: { subscriptionId: started(state).subscriptionId, level } }];
    },
    QueueNotice: async ({ person, notice }, { dispatch, lookup, derive }, state) => {
      const { accountId, subscriptionId } = started(state);
      const owner = await lookup(account, accountId);
      const to = owner.status === 'active' ? owner.email : (await lookup(signup, person)).email; // the first receipt comes before the account
      if (to) await dispatch('QueueMail', { mailId: derive.id('mail', notice.key), person, to, content: { template: notice.template, values: notice.values } });
      return [{ type: 'RecordNotice', fields: { subscriptionId, key: notice.key } }];
    },
    CarryOutCancellation: async ({ n, want, providerSubscription }, deed, state) => {
      const { payments, key, dispatch } = deed;
      const { subscriptionId } = started(state);
      try {
        if (want === 'go on') await payments.uncancel({ key, providerSubscription });
        else await payments.cancel({ key, providerSubscription, when: want });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const seen = await observed(providerSubscription, subscriptionId, deed); // it had ended there before it was withdrawn here
        if (seen?.found.status !== 'canceled') throw error;
        await dispatch(seen.command.type, seen.command.fields, 'ended');
      }
      return [{ type: 'RecordCancellation', fields: { subscriptionId, n } }];
    },
    AttachMethod: async ({ providerSubscription, checkoutId, method }, { payments, key }, state) => {
      await payments.replaceMethod({ key, providerSubscription, method });
      return [{ type: 'RecordMethodAttached', fields: { subscriptionId: started(state).subscriptionId, checkoutId } }];
    },
  },
});
