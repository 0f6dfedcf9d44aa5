/** What runs: a word and a shape for each state, where it answers, and the end of its log. */
import type { JSX } from 'preact';
import { countOf } from './format.ts';
import { Cmd, Level, Mark, Time, prose, type Shape } from './parts.tsx';
import { page, type Frame } from './shell.tsx';

export type WorkloadShown = {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: string;
  readonly address?: string;
  readonly reason?: string;
  readonly at: string;
};
export type LogShown = { readonly id: number; readonly at: string; readonly stream: string; readonly text: string };

const stateShapes: Readonly<Record<string, Shape>> = { pending: 'dashed', building: 'dashed', starting: 'ring', running: 'disc', stopping: 'half', stopped: 'square', error: 'cross' };
export const State = ({ state }: { state: string }): JSX.Element => <span class={`state state-${/^\w+$/.test(state) ? state : 'other'}`}><Mark shape={stateShapes[state] ?? 'ring'} /><span>{state}</span></span>;

/** An address is led to only where it is one; anything else is text. */
export const Address = ({ address }: { address: string | undefined }): JSX.Element | null =>
  address === undefined ? null : /^https?:\/\/[\w.:[\]-]+\/?$/.test(address) ? <a href={address} rel="noreferrer">{address}</a> : <span>{address}</span>;

export const WorkloadList = ({ workloads, several }: { workloads: readonly WorkloadShown[]; several: boolean }): JSX.Element => (
  <ul class="rows">
    {workloads.map(({ id, name, namespace, state, address, reason, at }) => (
      <li key={id}>
        <p class="row-head"><a href={`/account/workloads/${encodeURIComponent(id)}`}><strong>{name}</strong></a> <State state={state} /></p>
        {address === undefined ? null : <p><Address address={address} /></p>}
        <p class="hint">{several ? <>in {namespace}, </> : null}since <Time at={at} />{reason === undefined ? null : <>: {prose(reason)}</>}</p>
      </li>
    ))}
  </ul>
);

export type WorkloadProps = Frame & {
  readonly workload: WorkloadShown & { readonly source: string; readonly command?: string; readonly retries: number; readonly envNames: readonly string[]; readonly incarnation: number };
  readonly limits?: string;
  readonly isolation: string;
  readonly lines: readonly LogShown[];
  /** Lines shown at most. */
  readonly tail: number;
};

const LogLines = ({ lines }: { lines: readonly LogShown[] }): JSX.Element => (
  <>{lines.map(({ id, at, stream, text }) => <div key={id} class={stream === 'stdout' ? undefined : 'log-other'} data-line={id}><time dateTime={at}>{at.slice(11, 19)}</time> {stream === 'stdout' ? null : <span>{stream} </span>}{text}</div>)}</>
);

export const workloadPage = (props: WorkloadProps): string => {
  const { workload, limits, isolation, lines, tail, viewer } = props;
  const { id, name, namespace, state, address, reason, at } = workload;
  return page({
    title: name,
    frame: props,
    here: '/account/workload',
    cli: <>The same in a terminal: <Cmd>tollgate status {name}</Cmd> and <Cmd>tollgate logs {name} -f</Cmd></>,
    children: (
      <div class="wide" data-watch="/account/events?models=workloads">
        <p class="eyebrow"><a href="/account">Account</a> / workload</p>
        <div class="titled"><h1>{name}</h1><span data-live="state"><State state={state} /></span></div>
        <div data-live="reason">{reason === undefined ? null : <p class="lead">{prose(reason)}</p>}</div>
        <dl class="facts" data-live="facts">
          <div><dt>Address</dt><dd>{address === undefined ? 'none just now' : <Address address={address} />}</dd></div>
          <div><dt>Since</dt><dd><Time at={at} /></dd></div>
          <div><dt>Namespace</dt><dd><code>{namespace}</code></dd></div>
          <div><dt>Source</dt><dd><code>{workload.source}</code></dd></div>
          {workload.command === undefined ? null : <div><dt>Command</dt><dd><code>{workload.command}</code></dd></div>}
          <div><dt>Started</dt><dd>{workload.incarnation === 0 ? 'not yet' : `${workload.incarnation === 1 ? 'once' : countOf(workload.incarnation, 'time')}; when it dies it is started again, up to ${countOf(workload.retries, 'time')}`}</dd></div>
          {workload.envNames.length === 0 ? null : <div><dt>Environment</dt><dd>{workload.envNames.map((each) => <code key={each}>{each} </code>)}</dd></div>}
          {limits === undefined ? null : <div><dt>Limits</dt><dd>{limits}<br /><span class="hint">{isolation}</span></dd></div>}
        </dl>
        <h2 id="log-title">Log</h2>
        {lines.length === 0 ? <p>No line yet. What it prints appears here, and in <Cmd>tollgate logs {name} -f</Cmd>.</p> : null}
        <div class="log" role="log" aria-labelledby="log-title" tabIndex={0} data-log={`/account/workloads/${encodeURIComponent(id)}/log`} data-after={lines.at(-1)?.id ?? 0} hidden={lines.length === 0}><LogLines lines={lines} /></div>
        <p class="hint"><span data-log-state="">The last {tail} lines, as of loading this page.</span> <a href={`/account/workloads/${encodeURIComponent(id)}`}>Load again</a></p>
        {viewer?.customer && viewer.customer.level !== 'full' ? <p class="hint">Your service level is <Level level={viewer.customer.level} />.</p> : null}
      </div>
    ),
  });
};
