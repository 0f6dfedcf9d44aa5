/** The operator's first page: what needs somebody, then how things stand. */
import type { JSX } from 'preact';
import { adminPage, Empty, type AdminFrame } from './admin-parts.tsx';
import { countOf } from './format.ts';
import { Cmd, Level, Mark, Time, prose } from './parts.tsx';
import { Table } from './table.tsx';
import type { ServiceLevel } from '../src/domain/service-level.ts';

/** Something that waits for an operator: what, where to go, and since when. */
export type Need = { readonly what: string; readonly href?: string; readonly since?: string; /** A command, or a sentence. */ readonly fix?: string };
export type Count = { readonly name: string; readonly count: number; readonly href: string };
export type OverviewProps = AdminFrame & {
  readonly needs: readonly Need[];
  /** Nobody has to do anything about these. */
  readonly notes: readonly Need[];
  readonly levels: readonly { readonly level: ServiceLevel; readonly count: number; readonly href: string }[];
  readonly funnel: readonly Count[];
  readonly work: readonly Count[];
  readonly newestWebhook?: string;
  readonly now: string;
};

const Needs = ({ needs }: OverviewProps): JSX.Element => needs.length === 0 ? (
  <p class="note note-done"><Mark shape="tick" /><span><strong>Nothing waits for you.</strong> No parked work, no mail given up, every view up to date.</span></p>
) : (
  <ul class="rows">
    {needs.map((need) => <li key={need.what}><p class="need"><Mark shape="cross" /><NeedText {...need} /></p></li>)}
  </ul>
);
const NeedText = ({ what, href, since, fix }: Need): JSX.Element => (
  <span>
    {href === undefined ? prose(what) : <a href={href}>{prose(what)}</a>}{since === undefined ? null : <span class="hint">, since <Time at={since} /></span>}
    {fix === undefined ? null : <span class="hint"><br />{fix.startsWith('tollgate ') ? <Cmd>{fix}</Cmd> : fix}</span>}
  </span>
);
const Counts = ({ counts }: { counts: readonly Count[] }): JSX.Element => <dl class="counts">{counts.map(({ name, count, href }) => <div key={name}><dt><a href={href}>{name}</a></dt><dd>{count}</dd></div>)}</dl>;

export const overviewPage = (props: OverviewProps): string => adminPage({
  title: 'Overview', frame: props, here: '/admin', command: <><Cmd>tollgate reactor list</Cmd>, <Cmd>tollgate projection list</Cmd></>,
  children: (
    <>
      <div class="titled"><h1>Overview</h1><p class="hint">As of <Time at={props.now} /></p></div>
      <section aria-labelledby="needs" data-live="needs" data-watch="/admin/events?models=subscriptions,signups,mails,workloads,webhooks" data-calm="2000"><h2 id="needs">What needs you</h2><Needs {...props} />
        {props.notes.length === 0 ? null : <details class="notes"><summary>Worth knowing ({props.notes.length})</summary><ul class="rows">{props.notes.map((note) => <li key={note.what}><p><NeedText {...note} /></p></li>)}</ul></details>}
      </section>
      <div class="grid" data-live="counts">
        <section class="panel" aria-labelledby="levels">
          <h2 id="levels">Customers</h2>
          {props.levels.length === 0 ? <p>None yet. Invite one: <Cmd>tollgate invite add EMAIL</Cmd></p> : <dl class="counts">{props.levels.map(({ level, count, href }) => <div key={level}><dt><a href={href}><Level level={level} /></a></dt><dd>{count}</dd></div>)}</dl>}
        </section>
        <section class="panel" aria-labelledby="funnel"><h2 id="funnel">Sign-ups, where they stand</h2>{props.funnel.length === 0 ? <p>None yet.</p> : <Counts counts={props.funnel} />}</section>
        <section class="panel" aria-labelledby="work"><h2 id="work">At work</h2><Counts counts={props.work} /><p class="hint">{props.newestWebhook === undefined ? 'No webhook yet.' : <>Newest webhook: <Time at={props.newestWebhook} /></>}</p></section>
      </div>
    </>
  ),
});

export type SystemProps = AdminFrame & {
  readonly projections: readonly { readonly name: string; readonly version: number; readonly position: string; readonly lag: number; readonly count: number; readonly status: string }[];
  readonly reactors: readonly { readonly name: string; readonly lag: number; readonly waiting: number }[];
  readonly parked: readonly ParkedShown[];
  readonly head: string;
};
export type ParkedShown = { readonly reactor: string; readonly subject: string; readonly customer?: { readonly href: string; readonly name: string }; readonly error: string; readonly since: string; readonly attempts: number };

const Parked = (props: SystemProps): JSX.Element => props.parked.length === 0 ? <Empty>Nothing is parked. In a terminal: <Cmd>tollgate reactor list</Cmd></Empty> : (
  <ul class="rows">
    {props.parked.map(({ reactor, subject, customer, error, since, attempts }) => (
      <li key={`${reactor} ${subject}`} class="row-split">
        <div>
          <p><strong>{customer ? <a href={customer.href}>{customer.name}</a> : 'No customer’s'}</strong>, at <code>{reactor}</code></p>
          <p>{error}</p>
          <p class="hint">since <Time at={since} />, after {countOf(attempts, 'try').replace('trys', 'tries')}; <code>{subject}</code></p>
        </div>
        <form method="post" action="/admin/system/release" class="inline">
          <FormFields frame={props} fields={{ reactor, subject }} />
          <label class="field"><span>Reason, recorded with it</span><input name="reason" type="text" maxLength={500} autocomplete="off" /></label>
          <button type="submit">Release<span class="sr"> what {reactor} has parked for {customer?.name ?? subject}</span></button>
        </form>
      </li>
    ))}
  </ul>
);
const FormFields = ({ frame, fields }: { frame: AdminFrame; fields: Readonly<Record<string, string>> }): JSX.Element => (
  <>{Object.entries({ formToken: frame.viewer?.operator?.formToken ?? '', ...fields }).map(([name, value]) => <input key={name} type="hidden" name={name} value={value} />)}</>
);

export const systemPage = (props: SystemProps): string => adminPage({
  title: 'System', frame: props, here: '/admin/system', command: <><Cmd>tollgate projection list</Cmd>, <Cmd>tollgate reactor list</Cmd></>,
  children: (
    <>
      <h1>System</h1>
      <section aria-labelledby="parked"><h2 id="parked">Parked work</h2><p class="hint">Work that failed too often waits here; it holds up nobody else. Mend the cause, then release it.</p><Parked {...props} /></section>
      <section aria-labelledby="views">
        <h2 id="views">Read models</h2>
        <p class="hint">The log’s head is at {props.head}. A rebuild runs beside the live one, and is put in use only when it is the same.</p>
        <Table label="Read models" columns={[{ name: 'Name' }, { name: 'Status' }, { name: 'Version', number: true }, { name: 'Lag', number: true }, { name: 'Documents', number: true }, { name: '' }]}
          rows={props.projections.map(({ name, version, lag, count, status }) => ({ key: name, cells: [
            <strong>{name}</strong>, status, version, lag, count,
            <form method="post" action="/admin/system/rebuild"><FormFields frame={props} fields={{ name }} /><button type="submit" class="secondary">Rebuild<span class="sr"> {name}</span></button></form>,
          ] }))} />
      </section>
      <section aria-labelledby="reactors">
        <h2 id="reactors">Reactors</h2>
        <Table label="Reactors" columns={[{ name: 'Name' }, { name: 'Lag', number: true }, { name: 'Waiting', number: true }, { name: 'Parked', number: true }]}
          rows={props.reactors.map(({ name, lag, waiting }) => ({ key: name, cells: [<strong>{name}</strong>, lag, waiting, props.parked.filter(({ reactor }) => reactor === name).length] }))} />
      </section>
    </>
  ),
});
