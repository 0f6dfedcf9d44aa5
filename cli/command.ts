/** How a command is described: data, from which one function builds the program, hand-shaped and generated ones alike. */
import type { Output } from './output.ts';

export type Call = {
  readonly args: readonly any[];
  readonly options: Readonly<Record<string, any>>;
  readonly out: Output;
};
export type Flag = {
  readonly flags: string;
  readonly description: string;
  /** From text to value; `before` is what an earlier one of the same flag gave. */
  readonly parse?: (text: string, before: any) => unknown;
  readonly preset?: unknown;
  readonly choices?: readonly string[];
};
export type Verb = {
  readonly name: string;
  readonly summary: string;
  /** `<name>` required, `[name]` optional, `[names...]` many. */
  readonly args?: string;
  readonly flags?: readonly Flag[];
  readonly examples?: readonly string[];
  readonly run: (call: Call) => Promise<void> | void;
};
export type Group = 'Getting in:' | 'Running things:' | 'Your account:' | 'This program:' | 'Operating the platform:';
export type Noun = {
  readonly name: string;
  readonly summary: string;
  readonly group: Group;
  readonly verbs: readonly Verb[];
  /** What the noun does by itself, without a verb. */
  readonly self?: Omit<Verb, 'name' | 'summary'>;
};
