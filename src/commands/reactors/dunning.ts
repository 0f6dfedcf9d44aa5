import { reactor } from './reactor.ts';
import { account } from '../../domain/account/decide.ts';
import { subscription } from '../../domain/subscription/decide.ts';
import type { Subscription } from '../../domain/subscription/state.ts';
import { todo, type SubscriptionTodo } from '../../domain/subscription/todo.ts';

const started = (state: Subscription) => {
  if (state.status === 'none') throw new Error('a subscription with something to do has started');
  return state;
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
      if (owner.status === 'active') await dispatch('QueueMail', { mailId: derive.id('mail', notice.key), person, to: owner.email, content: { template: notice.template, values: notice.values } });
      return [{ type: 'RecordNotice', fields: { subscriptionId, key: notice.key } }];
    },
    AttachMethod: async ({ providerSubscription, checkoutId, method }, { payments, key }, state) => {
      await payments.replaceMethod({ key, providerSubscription, method });
      return [{ type: 'RecordMethodAttached', fields: { subscriptionId: started(state).subscriptionId, checkoutId } }];
    },
  },
});
