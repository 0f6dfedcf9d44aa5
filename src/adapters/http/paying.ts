/** A page of the provider's where a customer gives a card: for whatever is open, and what comes. */
import { HttpProblem } from './problem.ts';
import type { Rim } from './rim.ts';
import type { Account } from '../../domain/account/state.ts';
import { cancelledEnd } from '../../domain/subscription/policy.ts';
import type { ActiveSubscription } from '../../domain/subscription/state.ts';

type Owner = Extract<Account, { status: 'active' }>;

/** `key`: the same one again leads to the same page. */
export const openPayment = async (rim: Rim, owner: Owner, paid: ActiveSubscription, key: string): Promise<{ readonly id: string; readonly url: string }> => {
  if (paid.cancellation?.final) throw new HttpProblem(409, 'PaidToItsEnd', `The subscription is cancelled and paid until ${cancelledEnd(paid)}; there is nothing to pay before that.`, "Begin again with 'tollgate account pay' after that.");
  const email = await rim.vault.open(owner.email);
  if (email === undefined) throw new HttpProblem(409, 'Erased', 'This account has been erased.', 'Sign up again.');
  const origin = rim.origin();
  return rim.payments.createCheckout({ key: `pay.${key}`, reference: { purpose: 'pay', person: owner.person, subscription: paid.subscriptionId }, email, returnUrl: `${origin}/subscribe/done`, cancelUrl: `${origin}/subscribe` });
};
