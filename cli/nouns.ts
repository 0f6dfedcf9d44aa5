/** Those of them that the catalog has verbs of, too; for the others it need not be read. */
export const growing: readonly string[] = ['account', 'namespace', 'workload', 'signup'];
/** The hand-shaped nouns in the order of help: no more than it takes to print that page, so that it is quick. */
import type { Group } from './command.ts';

export const nounLines = {
  env: { summary: 'Which server this program talks to', group: 'Getting in:' },
  login: { summary: 'Log in, or sign up where there is no account yet', group: 'Getting in:' },
  signup: { summary: 'Sign up with a password', group: 'Getting in:' },
  password: { summary: 'Change your password, or set a new one by mail', group: 'Getting in:' },
  logout: { summary: 'End this session', group: 'Getting in:' },
  whoami: { summary: 'Who is logged in, where, and at which service level', group: 'Getting in:' },
  run: { summary: 'Run a folder of code, or a git repository', group: 'Running things:' },
  status: { summary: 'What runs, where it answers, and why it does not', group: 'Running things:' },
  logs: { summary: 'What a workload has printed', group: 'Running things:' },
  update: { summary: "Replace a workload's code", group: 'Running things:' },
  git: { summary: 'What opens private git repositories', group: 'Running things:' },
  kill: { summary: 'Stop a workload and remove it', group: 'Running things:' },
  workload: { summary: 'Workloads, one by one', group: 'Running things:' },
  account: { summary: 'Service level, plan, paying, invoices', group: 'Your account:' },
  namespace: { summary: 'Where your workloads live', group: 'Your account:' },
  operator: { summary: 'Work as an operator of the platform', group: 'Operating the platform:' },
  projection: { summary: 'Read models: where they stand, and building them anew', group: 'Operating the platform:' },
  reactor: { summary: 'What acts on events, and what it has parked', group: 'Operating the platform:' },
  audit: { summary: 'The log itself: read it, go back in it, verify it', group: 'Operating the platform:' },
  clock: { summary: 'Time, which mock mode can walk forward', group: 'Operating the platform:' },
  config: { summary: 'Settings of this program', group: 'This program:' },
  doctor: { summary: 'Check this program, its server and your session, each check with its fix', group: 'This program:' },
  completion: { summary: 'Completion of commands, flags and live names for your shell', group: 'This program:' },
  demo: { summary: 'Play the whole journey against a server of its own', group: 'This program:' },
  version: { summary: 'The version of this program', group: 'This program:' },
} as const satisfies Record<string, { readonly summary: string; readonly group: Group }>;
