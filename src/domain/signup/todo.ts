import type { Todo } from '../decider.ts';
import type { FlowId, PersonId } from '../ids.ts';
import type { OtpIssue } from './events.ts';
import type { PaymentToken, Redemption, Signup } from './state.ts';

export type SignupTodo =
  | (Todo<'QueueOtpMail'> & { readonly issue: OtpIssue })
  | (Todo<'ExpireOtp'> & { readonly flowId: FlowId })
  | (Todo<'ExpirePaymentToken'> & { readonly n: number })
  | (Todo<'Charge'> & { readonly token: PaymentToken; readonly redemption: Redemption })
  | (Todo<'CheckCharge'> & { readonly redemption: Redemption; readonly invoiceId: string })
  | (Todo<'StartSubscription'> & { readonly token: PaymentToken; readonly redemption: Redemption })
  | (Todo<'CreateAccount'> & { readonly redemption: Redemption })
  | (Todo<'CreateNamespace'> & { readonly token: PaymentToken; readonly redemption: Redemption })
  | (Todo<'CompleteSignup'> & { readonly person: PersonId });

/** The next step of the redemption under way: charge, subscription, account, namespace, done; each once, in this order. */
const redeeming = (state: Signup): SignupTodo[] => {
  const { redemption, person } = state;
  const token = state.tokens.find(({ n }) => n === redemption?.n);
  if (state.stage !== 'redeeming' || !redemption || !token || !person) return [];
  const key = `${person}.${redemption.n}`;
  if (!redemption.charge) {
    return redemption.pending
      ? [{ do: 'CheckCharge', key: `${key}.check.${redemption.pending.checkAt}`, notBefore: redemption.pending.checkAt, redemption, invoiceId: redemption.pending.invoiceId }]
      : [{ do: 'Charge', key, token, redemption }];
  }
  if (!redemption.subscription) return [{ do: 'StartSubscription', key: `${key}.subscription`, token, redemption }];
  if (!redemption.account) return [{ do: 'CreateAccount', key: `${key}.account`, redemption }];
  if (!redemption.namespace) return [{ do: 'CreateNamespace', key: `${key}.namespace`, token, redemption }];
  return [{ do: 'CompleteSignup', key: `${key}.complete`, person }];
};

export const todo = (state: Signup): readonly SignupTodo[] => [
  ...Object.values(state.flows).flatMap((flow): SignupTodo[] => {
    const issue = flow.issues.at(-1);
    if (!issue) return [];
    const mail: SignupTodo[] = flow.mailed < flow.n && flow.status === 'open' ? [{ do: 'QueueOtpMail', key: `${issue.flowId}.${issue.n}`, issue }] : [];
    return [...mail, { do: 'ExpireOtp', key: `${issue.flowId}.${issue.n}.expired`, notBefore: flow.expiresAt, flowId: issue.flowId }];
  }),
  ...redeeming(state),
  ...state.tokens.flatMap((token): SignupTodo[] => (token.status === 'issued' && state.stage === 'verified' ? [{ do: 'ExpirePaymentToken', key: `${token.checkoutId}.expired`, notBefore: token.expiresAt, n: token.n }] : [])),
];
