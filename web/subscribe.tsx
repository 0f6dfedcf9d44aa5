/** The subscribe page: one form with the address and the plan. It asks for no card; the checkout page does. */
import type { JSX } from 'preact';
import { formatMoney, type Money } from '../src/domain/money.ts';
import { countOf, formatCpu, formatMebibytes } from './format.ts';
import { Cmd, Command, Problem, type Refusal } from './parts.tsx';
import { page, type Frame } from './shell.tsx';

export type PlanOnSale = {
  readonly id: string;
  readonly name: string;
  readonly price: Money;
  readonly interval: string;
  readonly limits: { readonly workloads: number; readonly cpuMillis: number; readonly memoryMiB: number; readonly diskMiB: number };
};
export type SubscribeProps = Frame & {
  readonly plans: readonly PlanOnSale[];
  readonly email?: string;
  /** Id of the plan chosen before, when the form is shown again. */
  readonly plan?: string;
  readonly problem?: string | Refusal;
  /** Show the one answer that every address without a verified, unpaid sign-up gets. It repeats nothing of what was sent. */
  readonly notice?: boolean;
  /** This browser has confirmed `email` itself: what follows the card happens here, without a terminal. */
  readonly confirmed?: boolean;
};

const Plan = ({ plan, checked }: { plan: PlanOnSale; checked: boolean }): JSX.Element => {
  const { id, name, price, interval, limits } = plan;
  const holds = [countOf(limits.workloads, 'workload'), formatCpu(limits.cpuMillis), `${formatMebibytes(limits.memoryMiB)} memory`, `${formatMebibytes(limits.diskMiB)} disk`];
  return (
    <label class="plan">
      <input type="radio" name="plan" value={id} checked={checked} required />
      <span class="plan-name">{name}</span>
      <span class="plan-price"><strong>{formatMoney(price)}</strong> a {interval}</span>
      <span class="plan-limits">{holds.map((hold) => <span key={hold}>{hold}</span>)}</span>
    </label>
  );
};

const NoPlans = (): JSX.Element => (
  <section class="panel">
    <h2>No plan is on sale yet</h2>
    <p>The operator of this platform offers one with a command. This says how:</p>
    <Command id="offer" text="tollgate plan offer --help" />
  </section>
);

const Notice = (): JSX.Element => (
  <section class="panel" role="status">
    <h2>Have you confirmed this address?</h2>
    <p>
      If it has a verified sign-up that waits for payment, send the form again with exactly the address the one-time token came to.
      Otherwise confirm it first: <a href="/login?next=/subscribe">on this site</a>, or in a terminal:
    </p>
    <Command id="start" text="tollgate login --otp EMAIL" />
    <p>Either mails you a one-time token, and leads back here.</p>
    <p><a href="/subscribe">Back to the form</a></p>
  </section>
);

const Form = ({ plans, email, plan, problem, confirmed }: SubscribeProps): JSX.Element => {
  const chosen = plans.length === 1 ? plans[0]!.id : plan;
  return (
    <form method="post" action="/subscribe" class="form">
      {problem ? <Problem id="problem" problem={problem} /> : null}
      <div class="field">
        <label for="email">E-mail address</label>
        <input id="email" name="email" type="email" required autocomplete="email" value={email ?? ''}
          aria-describedby={problem ? 'problem email-hint' : 'email-hint'} />
        <p class="hint" id="email-hint">{confirmed ? 'The one you have just confirmed.' : <>The one you gave to <Cmd>tollgate login --otp</Cmd>.</>}</p>
      </div>
      <fieldset class="plans">
        <legend>{plans.length === 1 ? 'Plan' : 'Choose a plan'}</legend>
        {plans.map((each) => <Plan key={each.id} plan={each} checked={each.id === chosen} />)}
      </fieldset>
      <div class="actions">
        <button type="submit">Continue to payment</button>
        <p class="hint">Nothing is charged yet.</p>
      </div>
    </form>
  );
};

export const subscribePage = (props: SubscribeProps): string =>
  page({
    title: 'Subscribe',
    frame: props,
    here: '/subscribe',
    cli: <>In a terminal <Cmd>tollgate login --otp EMAIL</Cmd> leads through the whole sign-up, this page included.</>,
    children: (
      <div class="narrow">
        <h1>Subscribe</h1>
        {props.plans.length === 0 ? <NoPlans /> : props.notice ? <Notice /> : (
          <>
            <p class="lead">{props.confirmed
              ? 'Your address is confirmed. Choose a plan and store a card; your account opens right after.'
              : <>For an address you have confirmed in the terminal, or <a href="/login?next=/subscribe">here</a>. Choose a plan and store a card; you get a payment token to take back.</>}</p>
            <Form {...props} />
          </>
        )}
      </div>
    ),
  });
