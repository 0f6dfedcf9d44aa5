/** What a customer has, pays and may do, and what restores it when something is missing. */
import type { ComponentChildren, JSX } from 'preact';
import { formatMoney, type Money } from '../src/domain/money.ts';
import type { ServiceLevel } from '../src/domain/service-level.ts';
import { formatDay } from './format.ts';
import { Cmd, Level, Mark, Problem, Time, prose, type Refusal } from './parts.tsx';
import { FormToken, page, type Frame } from './shell.tsx';
import { Table } from './table.tsx';
import { WorkloadList, type WorkloadShown } from './workloads.tsx';

export type CommandHint = { readonly command: string; readonly does: string };
export type InvoiceShown = { readonly id: string; readonly at: string; readonly amount?: Money; readonly status: string; readonly periodEnd?: string };
export type SessionShown = { readonly id: string; readonly via: string; readonly openedAt: string; /** The day. */ readonly lastUsed?: string; readonly current: boolean };
export type AccountProps = Frame & {
  readonly level: ServiceLevel;
  readonly reason: string;
  readonly nextStep: string;
  readonly since?: string;
  /** A payment would change something now: show the one button. */
  readonly payable?: boolean;
  readonly email: string;
  readonly plan?: { readonly name: string; readonly price: Money; readonly interval?: string; readonly limits?: string };
  readonly paidThrough?: string;
  readonly cancelAtPeriodEnd?: boolean;
  /** A cancellation that can be taken back. */
  readonly resumable?: boolean;
  /** There is something to cancel. */
  readonly cancellable?: boolean;
  readonly card?: string;
  readonly namespaces: readonly { readonly id: string; readonly name: string }[];
  readonly workloads?: readonly WorkloadShown[];
  readonly invoices?: readonly InvoiceShown[];
  readonly sessions?: readonly SessionShown[];
  /** What has just been done. */
  readonly done?: string;
  /** What has been asked for and is not so yet. */
  readonly pending?: string;
  readonly problem?: Refusal;
  readonly hints?: readonly CommandHint[];
};

const usualHints: readonly CommandHint[] = [
  { command: 'tollgate account pay', does: 'pay what is open, or use another card' },
  { command: 'tollgate account cancel', does: 'end the subscription with the period paid for' },
  { command: 'tollgate account sessions', does: 'see where you are signed in' },
  { command: 'tollgate status', does: 'what runs, and where' },
];

type FormProps = { readonly action: string; readonly token: string | undefined; readonly name: string; readonly kind?: string; readonly children?: ComponentChildren };
const Act = ({ action, token, name, kind, children }: FormProps): JSX.Element => (
  <form method="post" action={action}><FormToken token={token} />{children}<button type="submit" class={kind}>{name}</button></form>
);

const Outcome = ({ done, pending, problem }: AccountProps): JSX.Element => (
  <>
    {problem ? <Problem id="problem" problem={problem} /> : null}
    {done ? <div class="note note-done" role="status"><Mark shape="tick" /><p><strong>{done}</strong></p></div> : null}
    {pending ? (
      <div class="note note-pending" role="status" data-look-again="/account">
        <Mark shape="half" />
        <div><p><strong>{prose(pending)}</strong></p><p><a href="/account">Look again</a></p></div>
      </div>
    ) : null}
  </>
);

const Facts = ({ email, plan, paidThrough, cancelAtPeriodEnd, namespaces, card }: AccountProps): JSX.Element => (
  <dl class="facts">
    <div><dt>E-mail address</dt><dd>{email}</dd></div>
    {plan ? <div><dt>Plan</dt><dd>{plan.name}, <span class="figure">{formatMoney(plan.price)}</span> a {plan.interval ?? 'month'}{plan.limits === undefined ? null : <><br /><span class="hint">{plan.limits}</span></>}</dd></div> : null}
    {paidThrough ? <div><dt>{cancelAtPeriodEnd ? 'Ends' : 'Paid through'}</dt><dd class="figure"><Time at={paidThrough} /></dd></div> : null}
    {card ? <div><dt>Card</dt><dd>{card}</dd></div> : null}
    <div>
      <dt>{namespaces.length > 1 ? 'Namespaces' : 'Namespace'}</dt>
      <dd>{namespaces.length === 0 ? 'none yet' : namespaces.map(({ id, name }) => <div key={id}><code>{name}</code></div>)}</dd>
    </div>
  </dl>
);

const Workloads = ({ workloads, namespaces }: AccountProps): JSX.Element | null => workloads === undefined ? null : (
  <section aria-labelledby="workloads" data-live="workloads">
    <h2 id="workloads">Workloads</h2>
    {workloads.length === 0 ? <p>Nothing runs yet. In a terminal, <Cmd>tollgate run SOURCE</Cmd> starts a folder of yours or a git repository.</p> : <WorkloadList workloads={workloads} several={namespaces.length > 1} />}
  </section>
);

const Invoices = ({ invoices }: AccountProps): JSX.Element | null => invoices === undefined ? null : (
  <section aria-labelledby="invoices">
    <h2 id="invoices">Invoices</h2>
    {invoices.length === 0 ? <p>None yet. Later: <Cmd>tollgate account invoices</Cmd>.</p> : (
      <Table label="Invoices" columns={[{ name: 'Date' }, { name: 'Status' }, { name: 'Period ends' }, { name: 'Amount', number: true }]}
        rows={invoices.map(({ id, at, amount, status, periodEnd }) => ({ key: id, cells: [<Time at={at} />, status, periodEnd === undefined ? null : <Time at={periodEnd} />, amount === undefined ? null : formatMoney(amount)] }))} />
    )}
  </section>
);

const Sessions = ({ sessions, viewer }: AccountProps): JSX.Element | null => sessions === undefined ? null : (
  <section aria-labelledby="sessions">
    <h2 id="sessions">Where you are signed in</h2>
    <ul class="rows">
      {sessions.map(({ id, via, openedAt, lastUsed, current }) => (
        <li key={id} class="row-split">
          <div>
            <p><strong>{via}</strong>{current ? ' (this one)' : ''}</p>
            <p class="hint">since <Time at={openedAt} />{lastUsed === undefined ? null : <>, last used on {formatDay(lastUsed)}</>}</p>
          </div>
          {current ? null : <Act action={`/account/sessions/${encodeURIComponent(id)}/close`} token={viewer?.customer?.formToken} name="Close" kind="secondary"><span class="sr">{via} of {openedAt}: </span></Act>}
        </li>
      ))}
    </ul>
    <p><a href="/account/password">Set or change the password</a></p>
    <Act action="/logout" token={viewer?.customer?.formToken} name="Sign out everywhere" kind="secondary"><input type="hidden" name="everywhere" value="yes" /></Act>
  </section>
);

const Ending = ({ cancellable, resumable, viewer }: AccountProps): JSX.Element | null => !cancellable && !resumable ? null : (
  <section aria-labelledby="ending">
    <h2 id="ending">{resumable ? 'Taking the cancellation back' : 'Leaving'}</h2>
    {resumable ? <Act action="/account/resume" token={viewer?.customer?.formToken} name="Go on with the subscription" /> : <p><a href="/account/cancel">Cancel the subscription</a>: what stops and what is kept is shown first.</p>}
  </section>
);

export const accountPage = (props: AccountProps): string => {
  const token = props.viewer?.customer?.formToken;
  return page({
    title: 'Account',
    frame: props,
    here: '/account',
    cli: <>The same in a terminal: <Cmd>tollgate account show</Cmd></>,
    children: (
      <div class="narrow" data-watch="/account/events?models=workloads,namespaces,subscriptions">
        <div class="titled"><h1>Account</h1><span data-live="level"><Level level={props.level} /></span></div>
        <Outcome {...props} />
        <section class={`panel standing standing-${props.level}`} aria-label="Service level" data-live="standing">
          <p><strong>{prose(props.reason)}</strong></p>
          {props.nextStep ? <p>{prose(props.nextStep)}</p> : null}
          {props.since ? <p class="hint">Since <Time at={props.since} /></p> : null}
          {props.payable ? <Act action="/account/pay" token={token} name="Pay now" /> : null}
        </section>
        <Facts {...props} />
        {props.payable || props.card === undefined ? null : <Act action="/account/pay" token={token} name="Use another card" kind="secondary" />}
        <Workloads {...props} />
        <Invoices {...props} />
        <Sessions {...props} />
        <Ending {...props} />
        <h2>In a terminal</h2>
        <dl class="cards hints">
          {(props.hints ?? usualHints).map(({ command, does }) => <div key={command}><dt><code>{command}</code></dt><dd>{does}</dd></div>)}
        </dl>
      </div>
    ),
  });
};

export type CancelProps = Frame & {
  readonly plan: string;
  /** What ends, what stays and until when: from a dry run. */
  readonly consequences: readonly string[];
  readonly problem?: Refusal;
};

/** Consequences first, then the question. */
export const cancelPage = (props: CancelProps): string =>
  page({
    title: 'Cancel the subscription',
    frame: props,
    here: '/account/cancel',
    cli: <>The same in a terminal: <Cmd>tollgate account cancel</Cmd>; with <code>--dry-run</code> it only tells the consequences.</>,
    children: (
      <div class="narrow">
        <p class="eyebrow"><a href="/account">Account</a> / cancel</p>
        <h1>Cancel the plan ‘{props.plan}’?</h1>
        <p class="lead">This is what happens then:</p>
        {props.problem ? <Problem id="problem" problem={props.problem} /> : null}
        <ul class="plain said">{props.consequences.map((text) => <li key={text}>{prose(text)}</li>)}</ul>
        <form method="post" action="/account/cancel" class="form">
          <FormToken token={props.viewer?.customer?.formToken} />
          <label class="check"><input type="checkbox" name="sure" value="yes" required /> I have read what stops and what is kept.</label>
          <div class="actions"><button type="submit" class="danger">Cancel the subscription</button><a href="/account">Keep it</a></div>
        </form>
      </div>
    ),
  });
