/** The API for people: every call by subject, with what it takes, what it answers, what it refuses, and a line to try. */
import type { JSX } from 'preact';
import { Command } from './parts.tsx';
import { page, type Frame } from './shell.tsx';

export type ApiField = { readonly name: string; readonly type: string; readonly says: string; readonly required?: boolean };
export type ApiCall = {
  /** Also the anchor. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  /** Whether it can be asked without signing in. */
  readonly open: boolean;
  readonly parameters: readonly (ApiField & { readonly place: string })[];
  readonly body: readonly ApiField[];
  readonly answers: readonly { readonly status: string; readonly says: string; readonly fields: readonly ApiField[] }[];
  readonly refuses: readonly string[];
  /** Words after `tollgate`. */
  readonly cli?: string;
  readonly curl: string;
};
export type ApiSubject = { readonly name: string; readonly calls: readonly ApiCall[] };
export type ApiRecord = { readonly name: string; readonly fields: readonly ApiField[] };
export type ApiDocsProps = Frame & { readonly subjects: readonly ApiSubject[]; readonly records: readonly ApiRecord[] };

/** A type that names a record leads to it. */
const Type = ({ type, records }: { type: string; records: ReadonlySet<string> }): JSX.Element => (
  <span class="api-type">{type.split(/\b([A-Z]\w+)\b/).map((word, n) => (n % 2 === 1 && records.has(word) ? <a key={n} href={`#record-${word}`}>{word}</a> : word))}</span>
);

const Fields = ({ fields, records }: { fields: readonly (ApiField & { readonly place?: string })[]; records: ReadonlySet<string> }): JSX.Element => (
  <dl class="facts">
    {fields.map(({ name, type, says, required, place }) => (
      <div key={`${place ?? ''} ${name}`}>
        <dt><code>{name}</code>{place === undefined ? null : <> <span class="hint">{place}</span></>}</dt>
        <dd><Type type={type} records={records} />{required ? ', required' : ''}{says === '' ? '' : `: ${says}`}</dd>
      </div>
    ))}
  </dl>
);

const Call = ({ call, records }: { call: ApiCall; records: ReadonlySet<string> }): JSX.Element => (
  <li>
    <details class="api-call" id={call.id}>
      <summary><code class="api-method">{call.method}</code> <code>{call.path}</code> <span class="api-says">{call.summary}</span></summary>
      <p class="hint">{call.open ? 'Needs no sign-in.' : 'Needs a bearer token.'}{call.cli === undefined ? null : <> In a terminal: <code>tollgate {call.cli}</code></>}</p>
      <Command id={`try-${call.id}`} text={call.curl} />
      {call.parameters.length === 0 ? null : <><h3>Parameters</h3><Fields fields={call.parameters} records={records} /></>}
      {call.body.length === 0 ? null : <><h3>Body</h3><Fields fields={call.body} records={records} /></>}
      {call.answers.map(({ status, says, fields }) => (
        <div key={status}>
          <h3>Answers {status}</h3>
          <p>{says}</p>
          {fields.length === 0 ? null : <Fields fields={fields} records={records} />}
        </div>
      ))}
      {call.refuses.length === 0 ? null : <><h3>Refuses</h3><p>{call.refuses.join(', ')}, each as a <a href="#record-Problem">Problem</a></p></>}
    </details>
  </li>
);

export const apiDocsPage = ({ subjects, records, ...frame }: ApiDocsProps): string => {
  const known = new Set(records.map(({ name }) => name));
  return page({
    title: 'API',
    frame,
    here: '/docs',
    cli: <>In a terminal every call has a command, with <code>--json</code> for the same answer.</>,
    children: (
      <div class="api">
        <h1>API</h1>
        <p class="lead">Everything the terminal and these pages do is one of these calls. For programs the same is at <a href="/openapi.json">/openapi.json</a>.</p>
        <p>Sign in with <code>Authorization: Bearer TOKEN</code>: the operator token from the data folder, or the access token of a session. A refusal is <code>application/problem+json</code> and says what, why, and the next step.</p>
        <nav class="filters" aria-label="Subjects">{subjects.map(({ name }) => <a key={name} href={`#${name}`}>{name}</a>)}<a href="#records">records</a></nav>
        {subjects.map(({ name, calls }) => (
          <section key={name} aria-labelledby={name}>
            <h2 id={name}>{name}</h2>
            <ul class="api-calls">{calls.map((call) => <Call key={call.id} call={call} records={known} />)}</ul>
          </section>
        ))}
        <section aria-labelledby="records">
          <h2 id="records">records</h2>
          {records.map(({ name, fields }) => (
            <section key={name} id={`record-${name}`}>
              <h3>{name}</h3>
              <Fields fields={fields} records={known} />
            </section>
          ))}
        </section>
      </div>
    ),
  });
};
