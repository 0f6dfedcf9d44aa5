/** The operator's lists: sign-ups, invites, mails, webhooks, workloads. */
import type { JSX } from 'preact';
import { adminPage, Deed, Empty, Filters, Pages, type AdminFrame } from './admin-parts.tsx';
import { countOf } from './format.ts';
import { Cmd, Time } from './parts.tsx';
import { Table } from './table.tsx';
import { FormToken } from './shell.tsx';
import { Address, State } from './workloads.tsx';

export type ListProps<Item> = AdminFrame & {
  readonly items: readonly Item[];
  readonly next?: string;
  /** The value of the filter in use. */
  readonly filter?: string;
  readonly counts: Readonly<Record<string, number>>;
};
type Filtered = { readonly counts: Readonly<Record<string, number>>; readonly filter?: string };
const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
const filtersOf = (path: string, field: string, { counts, filter }: Filtered, names: readonly string[] = Object.keys(counts)) => [
  { name: 'all', href: path, count: total(counts), current: filter === undefined },
  ...[...new Set([...names, ...Object.keys(counts)])].map((name) => ({ name, href: `${path}?${field}=${encodeURIComponent(name)}`, count: counts[name] ?? 0, current: filter === name })),
];
const pathOf = (path: string, field: string, filter: string | undefined): string => (filter === undefined ? path : `${path}?${field}=${encodeURIComponent(filter)}`);

export type SignupRow = { readonly id: string; readonly email: string; readonly stage: string; readonly startedAt: string; readonly at: string; readonly mails: number; readonly wrongTokens: number; readonly declined: number; readonly lastRefusal?: string; readonly accountId?: string };
/** In the order a sign-up goes through them. */
export const signupStages = ['unverified', 'verified', 'at checkout', 'payment token issued', 'charging', 'settling', 'declined', 'completed'] as const;
export type SignupsProps = ListProps<SignupRow> & { readonly refusals: readonly { readonly email: string; readonly reason: string; readonly at: string }[] };
const wentWrong = ({ wrongTokens, declined }: SignupRow): string => [wrongTokens === 0 ? '' : countOf(wrongTokens, 'wrong token'), declined === 0 ? '' : `declined ${declined === 1 ? 'once' : `${declined} times`}`].filter((part) => part !== '').join(', ');

export const signupsPage = (props: SignupsProps): string => adminPage({
  title: 'Sign-ups', frame: props, here: '/admin/signups', command: <Cmd>tollgate signup list</Cmd>,
  children: (
    <>
      <h1>Sign-ups</h1>
      <Filters label="Stage" filters={filtersOf('/admin/signups', 'stage', props, signupStages)} />
      {props.items.length === 0 ? <Empty>{props.filter === undefined ? 'Nobody has begun to sign up.' : 'Nobody stands here now.'} In a terminal: <Cmd>tollgate signup list</Cmd></Empty> : (
        <Table label="Sign-ups" columns={[{ name: 'Address' }, { name: 'Stage' }, { name: 'Mails', number: true }, { name: 'What went wrong' }, { name: 'Last step' }]}
          rows={props.items.map((row) => ({ key: row.id, cells: [row.accountId === undefined ? row.email : <a href={`/admin/customers/${row.accountId}`}>{row.email}</a>, row.stage, row.mails, wentWrong(row) || '–', <Time at={row.at} />] }))} />
      )}
      <Pages next={props.next} here={pathOf('/admin/signups', 'stage', props.filter)} />
      <section aria-labelledby="refusals">
        <h2 id="refusals">Last refused payments</h2>
        {props.refusals.length === 0 ? <p class="hint">None.</p> : <Table label="Last refused payments" columns={[{ name: 'Address' }, { name: 'Why' }, { name: 'Last step' }]} rows={props.refusals.map(({ email, reason, at }) => ({ key: `${email} ${at}`, cells: [email, reason, <Time at={at} />] }))} />}
      </section>
    </>
  ),
});

export type InviteRow = { readonly id: string; readonly email: string; readonly status: string; readonly at: string };
export const invitesPage = (props: ListProps<InviteRow>): string => adminPage({
  title: 'Invites', frame: props, here: '/admin/invites', command: <><Cmd>tollgate invite add EMAIL</Cmd>, <Cmd>tollgate invite list</Cmd></>,
  children: (
    <>
      <h1>Invites</h1>
      <form method="post" action="/admin/invites/add" class="form inline">
        <FormToken token={props.viewer?.operator?.formToken} />
        <div class="field"><label for="email">Address to invite</label><input id="email" name="email" type="email" required autocomplete="off" /></div>
        <div class="field"><label for="reason">Reason, recorded with it</label><input id="reason" name="reason" type="text" maxLength={500} autocomplete="off" /></div>
        <button type="submit">Invite</button>
      </form>
      <Filters label="Status" filters={filtersOf('/admin/invites', 'status', props, ['invited', 'revoked'])} />
      {props.items.length === 0 ? <Empty>Nobody here. In a terminal: <Cmd>tollgate invite add EMAIL</Cmd></Empty> : (
        <Table label="Invites" columns={[{ name: 'Address' }, { name: 'Status' }, { name: 'Since' }, { name: '' }]}
          rows={props.items.map(({ id, email, status, at }) => ({ key: id, cells: [email, status, <Time at={at} />, status === 'invited' ? <Deed frame={props} action="/admin/invites/revoke" name="Take back" about={`the invite of ${email}`} fields={{ email }} danger /> : null] }))} />
      )}
      <Pages next={props.next} here={pathOf('/admin/invites', 'status', props.filter)} />
    </>
  ),
});

export type MailRow = { readonly id: string; readonly to: string; readonly template: string; readonly status: string; readonly attempts: number; readonly lastError?: string; readonly at: string };
export const MailTable = ({ items, frame, label }: { items: readonly MailRow[]; frame: AdminFrame; label: string }): JSX.Element => (
  <Table label={label} columns={[{ name: 'To' }, { name: 'What' }, { name: 'Status' }, { name: 'Tries', number: true }, { name: 'When' }, { name: '' }]}
    rows={items.map(({ id, to, template, status, attempts, lastError, at }) => ({ key: id, cells: [
      to, template, <>{status}{lastError === undefined || status === 'sent' ? null : <div class="hint">{lastError}</div>}</>, attempts, <Time at={at} />,
      status === 'given up' ? <Deed frame={frame} action="/admin/mails/retry" name="Try again" about={`the mail ‘${template}’ to ${to}`} fields={{ mailId: id }} /> : null,
    ] }))} />
);
export type MailsProps = ListProps<MailRow> & { readonly failed: readonly MailRow[] };
export const mailsPage = (props: MailsProps): string => adminPage({
  title: 'Mails', frame: props, here: '/admin/mails', command: <><Cmd>tollgate mail list</Cmd>, <Cmd>tollgate mail retry ID</Cmd></>,
  children: (
    <>
      <h1>Mails</h1>
      {props.failed.length === 0 ? null : <section aria-labelledby="failed"><h2 id="failed">Given up</h2><MailTable items={props.failed} frame={props} label="Mails given up" /></section>}
      <section aria-labelledby="mails">
        <h2 id="mails">Outbox, newest first</h2>
        <Filters label="Status" filters={filtersOf('/admin/mails', 'status', props, ['queued', 'sent', 'given up'])} />
        {props.items.length === 0 ? <Empty>No mail here. In a terminal: <Cmd>tollgate mail list</Cmd></Empty> : <MailTable items={props.items} frame={props} label="Outbox" />}
        <Pages next={props.next} here={pathOf('/admin/mails', 'status', props.filter)} />
      </section>
    </>
  ),
});

export type WebhookRow = { readonly id: string; readonly type: string; readonly status: string; readonly effect?: string; readonly reason?: string; readonly at: string };
export const webhooksPage = (props: ListProps<WebhookRow> & { readonly newest?: string; readonly now: string }): string => adminPage({
  title: 'Webhooks', frame: props, here: '/admin/webhooks', command: <Cmd>tollgate webhook list</Cmd>,
  children: (
    <>
      <h1>Webhooks</h1>
      <p class="lead">{props.newest === undefined ? 'None has come yet.' : <>The newest came <Time at={props.newest} />; it is <Time at={props.now} /> now.</>}</p>
      <Filters label="Status" filters={filtersOf('/admin/webhooks', 'status', props, ['received', 'applied', 'ignored'])} />
      {props.items.length === 0 ? <Empty>None here. The provider posts them to <code>/webhooks/stripe</code>; in a terminal: <Cmd>tollgate webhook list</Cmd></Empty> : (
        <Table label="Webhooks" columns={[{ name: 'Type' }, { name: 'Status' }, { name: 'What came of it' }, { name: 'When' }, { name: 'Id' }]}
          rows={props.items.map(({ id, type, status, effect, reason, at }) => ({ key: id, cells: [type, status, effect ?? reason ?? '–', <Time at={at} />, <code>{id}</code>] }))} />
      )}
      <Pages next={props.next} here={pathOf('/admin/webhooks', 'status', props.filter)} />
    </>
  ),
});

export type WorkloadRow = { readonly id: string; readonly name: string; readonly state: string; readonly address?: string; readonly reason?: string; readonly at: string; readonly namespace: string; readonly accountId?: string };
export const WorkloadTable = ({ items, frame }: { items: readonly WorkloadRow[]; frame: AdminFrame }): JSX.Element => (
  <Table label="Workloads" columns={[{ name: 'Name' }, { name: 'State' }, { name: 'Address' }, { name: 'Namespace' }, { name: 'Since' }, { name: '' }]}
    rows={items.map(({ id, name, state, address, reason, at, namespace, accountId }) => ({ key: id, cells: [
      <strong>{name}</strong>, <><State state={state} />{reason === undefined ? null : <div class="hint">{reason}</div>}</>, <Address address={address} />, accountId === undefined ? namespace : <a href={`/admin/customers/${accountId}`}>{namespace}</a>, <Time at={at} />,
      <Deed frame={frame} action="/admin/workloads/kill" name="Stop and remove" about={`${name} in ${namespace}`} fields={{ workloadId: id }} danger />,
    ] }))} />
);
export const workloadsPage = (props: ListProps<WorkloadRow>): string => adminPage({
  title: 'Workloads', frame: props, here: '/admin/workloads', command: <Cmd>tollgate workload list</Cmd>,
  children: (
    <>
      <h1>Workloads</h1>
      <Filters label="State" filters={filtersOf('/admin/workloads', 'state', props)} />
      {props.items.length === 0 ? <Empty>Nothing runs. A customer starts something with <Cmd>tollgate run SOURCE</Cmd>.</Empty> : <WorkloadTable items={props.items} frame={props} />}
      <Pages next={props.next} here={pathOf('/admin/workloads', 'state', props.filter)} />
    </>
  ),
});
