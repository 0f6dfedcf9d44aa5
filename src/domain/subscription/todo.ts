import type { Todo } from '../decider.ts';
import type { NamespaceId, PersonId } from '../ids.ts';
import type { Notice } from './events.ts';
import { nextDue } from './policy.ts';
import { levelOf, type Subscription } from './state.ts';

export type SubscriptionTodo =
  | (Todo<'TellNamespace'> & { readonly namespaceId: NamespaceId; readonly level: 'full' | 'limited' | 'suspended' | 'none' })
  | (Todo<'QueueNotice'> & { readonly person: PersonId; readonly notice: Notice })
  | (Todo<'AttachMethod'> & { readonly providerSubscription: string; readonly checkoutId: string; readonly method: string })
  | Todo<'AdvanceSubscription'>;

export const todo = (state: Subscription): readonly SubscriptionTodo[] => {
  if (state.status === 'none') return [];
  const level = levelOf[state.phase.name];
  const due = nextDue(state);
  const items: (SubscriptionTodo | undefined)[] = [
    state.told === level ? undefined : { do: 'TellNamespace', key: `${state.subscriptionId}.${level}.${state.step}`, namespaceId: state.namespaceId, level },
    ...state.notices.map((notice): SubscriptionTodo => ({ do: 'QueueNotice', key: notice.key, person: state.person, notice })),
    state.method && !state.method.attached ? { do: 'AttachMethod', key: state.method.checkoutId, providerSubscription: state.providerSubscription, ...state.method } : undefined,
    due === undefined ? undefined : { do: 'AdvanceSubscription', key: `${state.subscriptionId}.due.${state.step}`, notBefore: due },
  ];
  return items.filter((item) => item !== undefined);
};
