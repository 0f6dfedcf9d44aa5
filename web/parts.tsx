/** Small pieces that several pages use. */
import type { ComponentChildren, JSX } from 'preact';
import type { ServiceLevel } from '../src/domain/service-level.ts';
import { formatTime } from './format.ts';

/** What was refused and why, and the next step: the words of the CLI and the API. */
export type Refusal = { readonly detail: string; readonly nextStep?: string };

export const Problem = ({ problem, id }: { problem: string | Refusal; id: string }): JSX.Element => {
  const { detail, nextStep } = typeof problem === 'string' ? { detail: problem, nextStep: undefined } : problem;
  return (
    <div class="note note-problem" role="alert" id={id}>
      <Mark shape="cross" />
      <div>
        <p><strong>{prose(detail)}</strong></p>
        {nextStep ? <p>{prose(nextStep)}</p> : null}
      </div>
    </div>
  );
};

/** Sets commands in our own sentences, written 'tollgate ...', in the type of commands, and instants as people read them. */
export const prose = (text: string): ComponentChildren =>
  text.split(/'(tollgate [^']*)'/).map((part, i) => (i % 2 === 1 ? <code key={i}>{unbroken(part)}</code> : withTimes(part)));
const withTimes = (text: string): ComponentChildren =>
  text.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)/).map((part, i) => (i % 2 === 1 ? <Time key={i} at={part} /> : part));

/** A command within a sentence: lines break between its words only, never inside a flag. */
export const Cmd = ({ children }: { children: ComponentChildren }): JSX.Element => <code>{unbroken([children].flat().join(''))}</code>;
const unbroken = (command: string): ComponentChildren => command.split(' ').map((word, i) => <>{i > 0 ? ' ' : ''}<span>{word}</span></>);

export const Time = ({ at }: { at: string }): JSX.Element => <time dateTime={at}>{formatTime(at)}</time>;

/** Text to take along. The button is shown only where the script runs; a click on the text selects all of it anyway. */
export const Copyable = ({ id, label, children }: { id: string; label: string; children: JSX.Element }): JSX.Element => (
  <div class="copyable">
    {children}
    <button type="button" class="copy" data-copy={id} hidden>{label}</button>
    <span class="copied" role="status" data-copied={id} />
  </div>
);

/** A command to paste into a terminal. */
export const Command = ({ id, text }: { id: string; text: string }): JSX.Element => (
  <Copyable id={id} label="Copy">
    <code class="command" id={id}>{unbroken(text)}</code>
  </Copyable>
);

export type Shape = 'disc' | 'half' | 'square' | 'ring' | 'dashed' | 'cross' | 'tick';
const shapes: Readonly<Record<Shape, JSX.Element>> = {
  disc: <circle cx="8" cy="8" r="6.5" fill="currentColor" />,
  half: <><circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2" /><path d="M8 2a6 6 0 0 0 0 12z" fill="currentColor" /></>,
  square: <rect x="2.5" y="2.5" width="11" height="11" rx="1" fill="currentColor" />,
  ring: <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2" />,
  dashed: <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="3 3.28" />,
  cross: <path d="M3 3l10 10M13 3L3 13" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" />,
  tick: <path d="M2.5 8.5l4 4 7-9" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round" />,
};
export const Mark = ({ shape }: { shape: Shape }): JSX.Element => (
  <svg class="mark" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" data-shape={shape}>{shapes[shape]}</svg>
);

const levelShapes: Readonly<Record<ServiceLevel, Shape>> = { none: 'dashed', unpaid: 'ring', full: 'disc', limited: 'half', suspended: 'square', disabled: 'cross' };
/** The service level as a word and a shape; colour only repeats them. */
export const Level = ({ level }: { level: ServiceLevel }): JSX.Element => (
  <span class={`level level-${level}`}>
    <Mark shape={levelShapes[level]} />
    <span>{level}</span>
  </span>
);
