/** What a customer has, pays and may do, and what restores it when something is missing. */
import type { JSX } from 'preact';
import { formatMoney, type Money } from '../src/domain/money.ts';
import type { ServiceLevel } from '../src/domain/service-level.ts';
import { Level, prose, Time } from './parts.tsx';
import { page, type Mode } from './shell.tsx';

export type CommandHint = { readonly command: string; readonly does: string };
export type AccountProps = {
  readonly mode: Mode;
  readonly level: ServiceLevel;
  readonly reason: string;
  readonly nextStep: string;
  readonly since?: string;
  readonly email: string;
  readonly plan?: { readonly name: string; readonly price: Money; readonly interval?: string };
  readonly paidThrough?: string;
  readonly cancelAtPeriodEnd?: boolean;
  readonly namespaces: readonly { readonly id: string; readonly name: string }[];
  readonly hints?: readonly CommandHint[];
};

const usualHints: readonly CommandHint[] = [
  { command: 'tollgate account pay', does: 'pay what is open, or use another card' },
  { command: 'tollgate account cancel', does: 'end the subscription with the period paid for' },
  { command: 'tollgate account sessions', does: 'see where you are signed in' },
];

const Facts = ({ email, plan, paidThrough, cancelAtPeriodEnd, namespaces }: AccountProps): JSX.Element => (
  <dl class="facts">
    <div><dt>E-mail address</dt><dd>{email}</dd></div>
    {plan ? <div><dt>Plan</dt><dd>{plan.name}, <span class="figure">{formatMoney(plan.price)}</span> a {plan.interval ?? 'month'}</dd></div> : null}
    {paidThrough ? <div><dt>{cancelAtPeriodEnd ? 'Ends' : 'Paid through'}</dt><dd class="figure"><Time at={paidThrough} /></dd></div> : null}
    <div>
      <dt>{namespaces.length > 1 ? 'Namespaces' : 'Namespace'}</dt>
      <dd>{namespaces.length === 0 ? 'none yet' : namespaces.map(({ id, name }) => <div key={id}><code>{name}</code></div>)}</dd>
    </div>
  </dl>
);

export const accountPage = (props: AccountProps): string =>
  page({
    title: 'Account',
    mode: props.mode,
    here: '/account',
    cli: <>The same in a terminal: <code>tollgate account show</code></>,
    children: (
      <div class="narrow">
        <div class="titled"><h1>Account</h1><Level level={props.level} /></div>
        <section class={`panel standing standing-${props.level}`} aria-label="Service level">
          <p><strong>{props.reason}</strong></p>
          {props.nextStep ? <p>{prose(props.nextStep)}</p> : null}
          {props.since ? <p class="hint">Since <Time at={props.since} /></p> : null}
        </section>
        <Facts {...props} />
        <h2>In a terminal</h2>
        <dl class="cards hints">
          {(props.hints ?? usualHints).map(({ command, does }) => <div key={command}><dt><code>{command}</code></dt><dd>{does}</dd></div>)}
        </dl>
      </div>
    ),
  });
