/** Pieces of the operator's pages: dense where one scans, each with the command that does the same. */
import type { ComponentChildren, JSX } from 'preact';
import { Mark, prose } from './parts.tsx';
import { FormToken, page, type Frame } from './shell.tsx';

export type AdminFrame = Frame & {
  /** What has just been done, and what did not come of it. */
  readonly done?: string;
  readonly undone?: string;
};

const sections: readonly (readonly [href: string, name: string])[] = [
  ['/admin', 'Overview'], ['/admin/customers', 'Customers'], ['/admin/signups', 'Sign-ups'], ['/admin/invites', 'Invites'], ['/admin/mails', 'Mails'],
  ['/admin/webhooks', 'Webhooks'], ['/admin/workloads', 'Workloads'], ['/admin/system', 'System'],
];
type AdminPageProps = { readonly title: string; readonly frame: AdminFrame; readonly here: string; readonly command: ComponentChildren; readonly children: ComponentChildren };

export const adminPage = ({ title, frame, here, command, children }: AdminPageProps): string =>
  page({
    title: `${title}, operator`,
    frame,
    here,
    cli: <>The same in a terminal: {command}</>,
    children: (
      <div class="admin">
        <nav class="sections" aria-label="Operator">
          {sections.map(([href, name]) => <a key={href} href={href} aria-current={href === here ? 'page' : href !== '/admin' && here.startsWith(`${href}/`) ? 'true' : undefined}>{name}</a>)}
        </nav>
        {frame.done === undefined ? null : <div class="note note-done" role="status"><Mark shape="tick" /><p><strong>{frame.done}</strong></p></div>}
        {frame.undone === undefined ? null : <div class="note note-problem" role="alert"><Mark shape="cross" /><p><strong>{prose(frame.undone)}</strong></p></div>}
        {children}
      </div>
    ),
  });

/** Nothing to show: what would be here, and the command for it. */
export const Empty = ({ children }: { children: ComponentChildren }): JSX.Element => <p class="panel empty">{children}</p>;

export const Pages = ({ next, here }: { next: string | undefined; here: string }): JSX.Element | null =>
  next === undefined ? null : <p class="pages"><a href={`${here}${here.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(next)}`}>Older ones</a></p>;

type Filter = { readonly name: string; readonly href: string; readonly count?: number; readonly current: boolean };
export const Filters = ({ label, filters }: { label: string; filters: readonly Filter[] }): JSX.Element => (
  <nav class="filters" aria-label={label}>
    {filters.map(({ name, href, count, current }) => <a key={href} href={href} aria-current={current ? 'true' : undefined}>{name}{count === undefined ? null : <> <span class="count">{count}</span></>}</a>)}
  </nav>
);

type DeedProps = { readonly frame: Frame; readonly action: string; readonly name: string; readonly about: string; readonly fields?: Readonly<Record<string, string>>; readonly danger?: boolean };
/** A deed of staff: one button, and behind it the reason that is recorded with it. */
export const Deed = ({ frame, action, name, about, fields = {}, danger = false }: DeedProps): JSX.Element => (
  <details class="deed">
    <summary class={danger ? 'danger' : undefined}>{name}<span class="sr"> {about}</span></summary>
    <form method="post" action={action}>
      <FormToken token={frame.viewer?.operator?.formToken} />
      {Object.entries(fields).map(([field, value]) => <input key={field} type="hidden" name={field} value={value} />)}
      <label class="field"><span>Reason, recorded with it</span><input name="reason" type="text" maxLength={500} autocomplete="off" /></label>
      <button type="submit" class={danger ? 'danger' : undefined}>{name}<span class="sr"> {about}</span></button>
    </form>
  </details>
);
/** A deed that needs no reason. */
export const Press = ({ frame, action, name, about, fields = {} }: DeedProps): JSX.Element => (
  <form method="post" action={action}>
    <FormToken token={frame.viewer?.operator?.formToken} />
    {Object.entries(fields).map(([field, value]) => <input key={field} type="hidden" name={field} value={value} />)}
    <button type="submit" class="secondary">{name}<span class="sr"> {about}</span></button>
  </form>
);
