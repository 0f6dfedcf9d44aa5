import type { Todo } from '../decider.ts';
import type { NamespaceId, PersonId } from '../ids.ts';
import type { Notice } from './events.ts';
import { nextDue } from './policy.ts';
import { levelIn, type Level, type Subscription } from './state.ts';

export type SubscriptionTodo =
  | (Todo<'TellNamespace'> & { readonly namespaceId: NamespaceId; readonly level: Level })
  | (Todo<'QueueNotice'> & { readonly person: PersonId; readonly notice: Notice })
  | (Todo<'AttachMethod'> & { readonly providerSubscription: string; readonly checkoutId: string; readonly method: string })
  | (Todo<'CarryOutCancellation'> & { readonly n: number; readonly providerSubscription: string; readonly want: 'period-end' | 'now' | 'go on' })
  | Todo<'AdvanceSubscription'>;

export const todo = (state: Subscription): readonly SubscriptionTodo[] => {
  if (state.status === 'none') return [];
  const level = levelIn(state.phase);
  const { wish } = state;
  const want = wish.want === 'go on' ? wish.want : state.phase.name === 'active' ? 'period-end' : 'now';
  const due = nextDue(state);
  const items: (SubscriptionTodo | undefined)[] = [
    state.told === level ? undefined : { do: 'TellNamespace', key: `${state.subscriptionId}.${level}.${state.step}`, namespaceId: state.namespaceId, level },
    ...state.notices.map((notice): SubscriptionTodo => ({ do: 'QueueNotice', key: notice.key, person: state.person, notice })),
    wish.carriedOut ? undefined : { do: 'CarryOutCancellation', key: `${state.subscriptionId}.cancellation.${wish.n}.${state.step}`, n: wish.n, providerSubscription: state.providerSubscription, want },
    // Never while a wish is open, nor while it has ended at the provider but is paid for: a card given after cancelling begins again what has ended by then.
    state.method && !state.method.attached && wish.carriedOut && !state.cancellation?.final ? { do: 'AttachMethod', key: state.method.checkoutId, providerSubscription: state.providerSubscription, ...state.method } : undefined,
    due === undefined ? undefined : { do: 'AdvanceSubscription', key: `${state.subscriptionId}.due.${state.step}`, notBefore: due },
  ];
  return items.filter((item) => item !== undefined);
};
