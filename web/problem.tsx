/** A refusal as a page: what was refused, why, and the next step, in the words of the CLI and the API. */
import { prose } from './parts.tsx';
import { page, type Mode } from './shell.tsx';

export type ProblemProps = {
  readonly mode: Mode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly nextStep: string;
  readonly correlationId: string;
};

export const problemPage = ({ mode, status, title, detail, nextStep, correlationId }: ProblemProps): string =>
  page({
    title,
    mode,
    cli: <>In a terminal a refusal says the same words; with <code>--json</code> it is a problem document.</>,
    children: (
      <div class="narrow">
        <p class="eyebrow">{status < 500 ? 'Refused' : 'Failed'} with {status}</p>
        <h1>{title}</h1>
        {detail === title ? null : <p class="lead">{detail}</p>}
        {nextStep ? <section class="panel"><h2>Next step</h2><p>{prose(nextStep)}</p></section> : null}
        <p><a href="/">To the front page</a></p>
        <p class="hint">Correlation id <code>{correlationId}</code>. An operator finds everything about this under it.</p>
      </div>
    ),
  });
