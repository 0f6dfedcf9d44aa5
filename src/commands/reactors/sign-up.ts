import { CommandRejected } from '../handle.ts';
import { namespaceName } from './namespace-words.ts';
import { reactor, type Deed, type DomainCommand } from './reactor.ts';
import { Refused } from '../../domain/ports/failures.ts';
import type { ProviderInvoice } from '../../domain/ports/payments.ts';
import { signup, type ChargeOutcome } from '../../domain/signup/decide.ts';
import type { Signup } from '../../domain/signup/state.ts';
import { todo, type SignupTodo } from '../../domain/signup/todo.ts';

const person = (state: Signup) => {
  if (!state.person || !state.email) throw new Error('a sign-up with something to do has a person');
  return { person: state.person, email: state.email };
};
const charged = (n: number, state: Signup, outcome: ChargeOutcome): DomainCommand[] => [{ type: 'RecordCharge', fields: { person: person(state).person, n, outcome } }];

/** What a provider's invoice means for the charge of a sign-up. */
export const chargeOf = (invoice: ProviderInvoice | undefined): ChargeOutcome => {
  if (!invoice || invoice.status === 'void') return { status: 'declined', reason: 'the payment did not settle' };
  const facts = { providerSubscription: invoice.providerSubscription, invoiceId: invoice.id, periodStart: invoice.periodStart, periodEnd: invoice.periodEnd };
  return invoice.status === 'open' ? { status: 'declined', reason: 'the payment was refused by the bank' } : { status: invoice.status, ...facts };
};

/** Draws names until one is free: each draw is derived, so that a crash and a repeat claim the same ones. */
const claimName = async (namespaceId: string, { dispatch, derive }: Deed): Promise<string> => {
  for (let draw = 0; ; draw += 1) {
    const value = namespaceName((place, below) => derive.number(`${namespaceId}.${draw}.${place}`, below));
    try {
      await dispatch('ClaimName', { kind: 'namespace', value, holder: namespaceId }, `draw${draw}`);
      return value;
    } catch (error) {
      if (!(error instanceof CommandRejected) || error.rejection.code !== 'NameTaken') throw error;
    }
  }
};

/** Sign-up process: one-time mails, then charge, subscription, account and namespace, each once, resumable between any two. */
export const signUp = reactor<Signup, SignupTodo>({
  name: 'sign-up', decider: signup, todo, owner: (state) => state.person,
  deeds: {
    QueueOtpMail: async ({ issue }, { dispatch, derive, key }, state) => {
      const { flowId, n, kid, issuedAt, expiresAt } = issue;
      await dispatch('QueueMail', { mailId: derive.id('mail', `otp.${key}`), person: issue.person, to: person(state).email, content: { template: 'one-time-token', token: { flowId, n, kid, issuedAt, expiresAt } } });
      return [{ type: 'RecordOtpMail', fields: { person: issue.person, flowId, n } }];
    },
    ExpireOtp: async ({ flowId }, _, state) => [{ type: 'ExpireOtp', fields: { person: person(state).person, flowId } }],
    ExpirePaymentToken: async ({ n }, _, state) => [{ type: 'ExpirePaymentToken', fields: { person: person(state).person, n } }],
    Charge: async ({ token, redemption }, { payments, key }, state) => {
      try {
        const charge = await payments.subscribe({
          key, method: token.method, price: token.terms.price, description: `Plan ${token.terms.name}`,
          reference: { purpose: 'signup', person: person(state).person, subscription: redemption.subscriptionId },
        });
        return charged(redemption.n, state, charge.status === 'declined' ? charge : { status: charge.status, providerSubscription: charge.providerSubscription, invoiceId: charge.invoice.id, periodStart: charge.invoice.periodStart, periodEnd: charge.invoice.periodEnd });
      } catch (error) {
        if (error instanceof Refused) return charged(redemption.n, state, { status: 'declined', reason: error.message });
        throw error; // unknown: asked for again under the same key
      }
    },
    CheckCharge: async ({ redemption, invoiceId }, { payments }, state) => charged(redemption.n, state, chargeOf(await payments.readInvoice(invoiceId))),
    StartSubscription: async ({ token, redemption }, { dispatch }, state) => {
      const { subscriptionId, accountId, namespaceId, charge } = redemption;
      if (!charge) throw new Error('a subscription starts after its charge');
      await dispatch('StartSubscription', { subscriptionId, accountId, namespaceId, person: person(state).person, terms: token.terms, providerSubscription: charge.providerSubscription, invoiceId: charge.invoiceId, paidThrough: charge.periodEnd, ...(charge.periodStart === undefined ? {} : { periodStart: charge.periodStart }) });
      return [{ type: 'RecordSignupStep', fields: { person: person(state).person, result: { step: 'subscription', subscriptionId } } }];
    },
    CreateAccount: async ({ redemption }, { dispatch }, state) => {
      const { accountId, subscriptionId } = redemption;
      await dispatch('CreateAccount', { accountId, subscriptionId, ...person(state) });
      return [{ type: 'RecordSignupStep', fields: { person: person(state).person, result: { step: 'account', accountId } } }];
    },
    CreateNamespace: async ({ token, redemption }, deed, state) => {
      const { namespaceId, accountId, subscriptionId } = redemption;
      const name = await claimName(namespaceId, deed);
      await deed.dispatch('CreateNamespace', { namespaceId, name, accountId, subscriptionId, limits: token.terms.limits });
      return [{ type: 'RecordSignupStep', fields: { person: person(state).person, result: { step: 'namespace', namespaceId, name } } }];
    },
    CompleteSignup: async ({ person: id }, { dispatch, derive, key }, state) => {
      const namespace = state.redemption?.namespace?.name ?? '';
      await dispatch('QueueMail', { mailId: derive.id('mail', `welcome.${key}`), person: id, to: person(state).email, content: { template: 'welcome', values: { namespace } } });
      return [{ type: 'CompleteSignup', fields: { person: id } }];
    },
  },
});
