/** Customers for the operator: by where their money stands, one by exact address, and one record with its history. */
import type { JSX } from 'preact';
import { formatMoney, type Money } from '../src/domain/money.ts';
import type { ServiceLevel } from '../src/domain/service-level.ts';
import { MailTable, WorkloadTable, type ListProps, type MailRow, type WorkloadRow } from './admin-lists.tsx';
import { adminPage, Empty, Filters, Pages, type AdminFrame } from './admin-parts.tsx';
import type { InvoiceShown } from './account.tsx';
import { minorEvents } from './history.ts';
import { Cmd, Level, Problem, Time, type Refusal } from './parts.tsx';
import { Table } from './table.tsx';
import { FormToken } from './shell.tsx';

export type CustomerRow = { readonly accountId: string; readonly email: string; readonly level: ServiceLevel; readonly phase: string; readonly plan: string; readonly price: Money; readonly since: string; readonly paidThrough: string };
export type CustomersProps = ListProps<CustomerRow> & { readonly problem?: Refusal; readonly sought?: string };
/** In the order a subscription that is not paid goes through them. */
export const phases = ['active', 'grace', 'limited', 'suspended', 'ended'] as const;

export const customersPage = (props: CustomersProps): string => adminPage({
  title: 'Customers', frame: props, here: '/admin/customers', command: <><Cmd>tollgate subscription list</Cmd>, <Cmd>tollgate audit show EMAIL</Cmd></>,
  children: (
    <>
      <h1>Customers</h1>
      <form method="post" action="/admin/customers/find" class="form inline" role="search">
        <FormToken token={props.viewer?.operator?.formToken} />
        {props.problem ? <Problem id="problem" problem={props.problem} /> : null}
        <div class="field"><label for="sought">Whole address, account id, or name of a namespace</label><input id="sought" name="sought" type="text" required autocomplete="off" autocapitalize="none" spellcheck={false} value={props.sought ?? ''} aria-describedby={props.problem ? 'problem' : undefined} /></div>
        <button type="submit">Find</button>
      </form>
      <Filters label="Phase" filters={[
        { name: 'all', href: '/admin/customers', count: Object.values(props.counts).reduce((sum, count) => sum + count, 0), current: props.filter === undefined },
        ...phases.map((phase) => ({ name: phase, href: `/admin/customers?phase=${phase}`, count: props.counts[phase] ?? 0, current: props.filter === phase })),
      ]} />
      {props.items.length === 0 ? <Empty>{props.filter === undefined ? 'Nobody yet.' : 'Nobody stands here now.'} In a terminal: <Cmd>tollgate invite add EMAIL</Cmd>, <Cmd>tollgate subscription list</Cmd></Empty> : (
        <Table label="Customers" columns={[{ name: 'Address' }, { name: 'Level' }, { name: 'Phase' }, { name: 'Plan' }, { name: 'Price', number: true }, { name: 'In this phase since' }, { name: 'Paid through' }]}
          rows={props.items.map((row) => ({ key: row.accountId, cells: [<a href={`/admin/customers/${row.accountId}`}>{row.email}</a>, <Level level={row.level} />, row.phase, row.plan, formatMoney(row.price), <Time at={row.since} />, <Time at={row.paidThrough} />] }))} />
      )}
      <Pages next={props.next} here={props.filter === undefined ? '/admin/customers' : `/admin/customers?phase=${props.filter}`} />
    </>
  ),
});

export type HistoryLine = { readonly position: string; readonly at: string; readonly words: string; readonly by: string; readonly reason?: string; readonly type: string; readonly stream: string; readonly data: string };
export type CustomerProps = AdminFrame & {
  readonly accountId: string;
  readonly email: string;
  readonly level: ServiceLevel;
  readonly reason: string;
  readonly since: string;
  readonly plan: string;
  readonly price: Money;
  readonly phase: string;
  readonly paidThrough: string;
  readonly failures: number;
  readonly subscriptionId: string;
  readonly namespaces: readonly { readonly id: string; readonly name: string; readonly level: string; readonly workloads: number }[];
  readonly workloads: readonly WorkloadRow[];
  readonly mails: readonly MailRow[];
  readonly invoices?: readonly InvoiceShown[];
  readonly history: readonly HistoryLine[];
  /** There is more of it than is shown. */
  readonly older: boolean;
};

const History = ({ history, older, accountId }: CustomerProps): JSX.Element => (
  <>
    <ol class="history">
      {history.map(({ position, at, words, by, reason, type, stream, data }) => (
        <li key={position} class={minorEvents.has(type) ? 'minor' : undefined}>
          <p><Time at={at} /> <strong>{words}</strong> <span class="hint">by {by}{reason === undefined ? null : <>, because: {reason}</>}</span></p>
          <details><summary><code>{type}</code></summary><pre tabIndex={0}>{`${stream} at ${position}\n${data}`}</pre></details>
        </li>
      ))}
    </ol>
    {older ? <p class="hint">Older steps: <Cmd>tollgate audit show {accountId}</Cmd></p> : null}
  </>
);

export const customerPage = (props: CustomerProps): string => adminPage({
  title: props.email, frame: props, here: '/admin/customers/one', command: <><Cmd>tollgate audit show {props.accountId}</Cmd></>,
  children: (
    <>
      <p class="eyebrow"><a href="/admin/customers">Customers</a> / record</p>
      <div class="titled"><h1 class="long">{props.email}</h1><Level level={props.level} /></div>
      <dl class="facts">
        <div><dt>Level</dt><dd>{props.reason}, since <Time at={props.since} /></dd></div>
        <div><dt>Plan</dt><dd>{props.plan}, <span class="figure">{formatMoney(props.price)}</span></dd></div>
        <div><dt>Phase</dt><dd>{props.phase}{props.failures === 0 ? null : `, ${props.failures} tries failed`}</dd></div>
        <div><dt>Paid through</dt><dd><Time at={props.paidThrough} /></dd></div>
        <div><dt>Account</dt><dd><code>{props.accountId}</code></dd></div>
        <div><dt>Subscription</dt><dd><code>{props.subscriptionId}</code></dd></div>
        <div><dt>Namespaces</dt><dd>{props.namespaces.length === 0 ? 'none' : props.namespaces.map(({ id, name, level, workloads }) => <div key={id}><code>{name}</code>, {level}, {workloads} of its workloads’ places taken</div>)}</dd></div>
      </dl>
      <section aria-labelledby="workloads"><h2 id="workloads">Workloads</h2>{props.workloads.length === 0 ? <p class="hint">None. In a terminal: <Cmd>tollgate workload list</Cmd></p> : <WorkloadTable items={props.workloads} frame={props} />}</section>
      {props.invoices === undefined ? null : (
        <section aria-labelledby="invoices"><h2 id="invoices">Invoices</h2>
          {props.invoices.length === 0 ? <p class="hint">None. In a terminal: <Cmd>tollgate invoice list</Cmd></p> : <Table label="Invoices" columns={[{ name: 'Date' }, { name: 'Status' }, { name: 'Amount', number: true }]} rows={props.invoices.map(({ id, at, status, amount }) => ({ key: id, cells: [<Time at={at} />, status, amount === undefined ? '' : formatMoney(amount)] }))} />}
        </section>
      )}
      <section aria-labelledby="mails"><h2 id="mails">Mails</h2>{props.mails.length === 0 ? <p class="hint">None. In a terminal: <Cmd>tollgate mail list</Cmd></p> : <MailTable items={props.mails} frame={props} label="Mails" />}</section>
      <section aria-labelledby="history"><h2 id="history">History, newest first</h2><History {...props} /></section>
    </>
  ),
});
