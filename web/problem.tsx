/** A refusal as a page: what was refused, why, and the next step, in the words of the CLI and the API. */
import { prose } from './parts.tsx';
import { page, type Frame } from './shell.tsx';

export type ProblemProps = Frame & {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly nextStep: string;
  readonly correlationId: string;
  /** Where to go on; the front page when left out. */
  readonly way?: { readonly href: string; readonly name: string };
};

export const problemPage = ({ status, title, detail, nextStep, correlationId, way, ...frame }: ProblemProps): string =>
  page({
    title,
    frame,
    cli: <>In a terminal a refusal says the same words; with <code>--json</code> it is a problem document.</>,
    children: (
      <div class="narrow">
        <p class="eyebrow">{status < 500 ? 'Refused' : 'Failed'} with {status}</p>
        <h1>{title}</h1>
        {detail.toLowerCase() === title.toLowerCase() ? null : <p class="lead">{detail}</p>}
        {nextStep ? <section class="panel">
          <h2>Next step</h2>
          <p>{prose(nextStep)}</p>
          {way ? <p class="actions"><a class="button" href={way.href}>{way.name}</a></p> : null}
        </section> : null}
        <p><a href="/">To the front page</a></p>
        <p class="hint">Correlation id <code>{correlationId}</code>. An operator finds everything about this under it.</p>
      </div>
    ),
  });
