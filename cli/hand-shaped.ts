/** The hand-shaped half of the CLI, as data. Whatever a verb needs is loaded when it runs. */
import type { Call, Noun, Verb } from './command.ts';
import { nounLines } from './nouns.ts';
import { customerWriteFlags, gather, operatorFlags, timeoutFlag, waitFlag, wholeNumber, writeFlags } from './flags.ts';

type Module = Readonly<Record<string, unknown>>;
const from = (load: () => Promise<Module>, name: string) => async (call: Call): Promise<void> => ((await load())[name] as Verb['run'])(call);
const line = (name: keyof typeof nounLines) => ({ name, ...nounLines[name] });
const env = (name: string) => from(() => import('./env.ts'), name);
const login = (name: string) => from(() => import('./login.ts'), name);
const password = (name: string) => from(() => import('./password.ts'), name);
const session = (name: string) => from(() => import('./session.ts'), name);
const workload = (name: string) => from(() => import('./workload.ts'), name);
const gitCredential = (name: string) => from(() => import('./git-credential.ts'), name);
const account = (name: string) => from(() => import('./account.ts'), name);
const completion = (name: string) => from(() => import('./completion-scripts.ts'), name);
const cancelling = (name: string) => from(() => import('./cancelling.ts'), name);
const operations = (name: string) => from(() => import('./operations.ts'), name);

const gettingIn: readonly Noun[] = [
  {
    ...line('env'), self: { run: env('list'), examples: ['tollgate env'] },
    verbs: [
      { name: 'list', summary: 'List the known envs; a star marks the one in use', run: env('list'), examples: ['tollgate env list', 'tollgate env list --json'] },
      { name: 'set', summary: 'Use another env from now on', args: '<name>', run: env('set'), examples: ['tollgate env set server'] },
      { name: 'add', summary: 'Add an env, or give one its address', args: '<name> <url>', run: env('add'), examples: ['tollgate env add platform https://tollgate.example.com'] },
      { name: 'remove', summary: 'Remove an env that was added', args: '<name>', run: env('remove'), examples: ['tollgate env remove staging'] },
    ],
  },
  {
    ...line('login'),
    self: { args: '[email]', flags: [{ flags: '--otp <email>', description: 'by a one-time token that is mailed to this address, instead of a password' }, timeoutFlag('30m')], run: login('login'), examples: ['tollgate login --otp ada@example.com', 'tollgate login ada@example.com', 'tollgate login help'] },
    verbs: [{ name: 'recover', summary: 'Have the list of your namespaces mailed to you', args: '[email]', run: password('recover'), examples: ['tollgate login recover ada@example.com'] }, { name: 'help', summary: 'How to log in', run: login('loginHelp'), examples: ['tollgate login help'] }],
  },
  { ...line('signup'), verbs: [], self: { args: '[email]', flags: [timeoutFlag('30m')], run: from(() => import('./signup.ts'), 'signup'), examples: ['tollgate signup ada@example.com', 'tollgate signup'] } },
  {
    ...line('password'),
    verbs: [
      { name: 'change', summary: 'Change it with the old one; a first one right after logging in', run: password('change'), examples: ['tollgate password change'] },
      { name: 'reset', summary: 'Set a new (or first) one with a token by mail; ends every session', args: '[email]', run: password('reset'), examples: ['tollgate password reset ada@example.com'] },
    ],
  },
  { ...line('logout'), verbs: [], self: { flags: [{ flags: '--everywhere', description: 'end every session of this account' }], run: session('logout'), examples: ['tollgate logout', 'tollgate logout --everywhere'] } },
  { ...line('whoami'), verbs: [], self: { flags: operatorFlags, run: session('whoami'), examples: ['tollgate whoami', 'tollgate whoami --json'] } },
];

const running: readonly Noun[] = [
  {
    ...line('run'), verbs: [],
    self: {
      args: '[source...]', run: workload('run'),
      flags: [
        { flags: '--name <name>', description: "name of the workload (default: the folder's or repository's)" },
        { flags: '--env <NAME=VALUE>', description: 'environment variable; may be given several times', parse: gather },
        { flags: '--env-file <path>', description: 'file of NAME=VALUE lines, also /dev/stdin; --env counts more', parse: gather },
        { flags: '--command <line>', description: 'command line to run (default: found in the code)' },
        { flags: '--retries <number>', description: 'how often it is started again after it died (default: 3)', parse: wholeNumber('--retries') },
        waitFlag, timeoutFlag('5m'), ...customerWriteFlags,
      ],
      examples: ['tollgate run ./hello', 'tollgate run github.com/owner/repository', 'tollgate run https://github.com/owner/repository@v1.2 --wait', 'tollgate run . --name web --env COLOUR=blue --env SIZE=2 --wait', "tollgate run ./api --command 'node server.js' --retries 0"],
    },
  },
  {
    ...line('status'), verbs: [],
    self: { args: '[name]', flags: [{ flags: '--watch', description: 'print every change until interrupted' }, ...operatorFlags], run: workload('status'), examples: ['tollgate status', 'tollgate status hello', 'tollgate status hello --watch'] },
  },
  {
    ...line('logs'), verbs: [],
    self: {
      args: '<name>', run: from(() => import('./logs.ts'), 'logs'),
      flags: [
        { flags: '-f, --follow', description: 'go on with new lines; ends when the workload does' },
        { flags: '-n, --lines <number>', description: 'only the last so many lines (default: 15, or all with --since)', parse: wholeNumber('-n') },
        { flags: '--since <duration|time>', description: 'only lines since then' },
        { flags: '--build', description: 'what its builds have printed, instead' }, ...operatorFlags,
      ],
      examples: ['tollgate logs hello', 'tollgate logs hello --build', 'tollgate logs hello -f', 'tollgate logs hello --since 10m --json'],
    },
  },
  { ...line('update'), verbs: [], self: { args: '<name> [source]', flags: [waitFlag, timeoutFlag('5m'), ...customerWriteFlags], run: workload('update'), examples: ['tollgate update hello ./hello', 'tollgate update hello --wait', 'tollgate update hello @v1.3'] } },
  {
    ...line('git'),
    verbs: [
      {
        name: 'credential set', summary: 'Store the token or password for a host: typed when asked, on standard input, or in a file', args: '<host>', run: gitCredential('set'),
        flags: [{ flags: '--username <name>', description: 'where the host wants a certain one' }, { flags: '--token-file <path>', description: 'file with the token; - for standard input' }, ...writeFlags.filter(({ flags }) => flags.startsWith('--idempotency-key'))],
        examples: ['tollgate git credential set github.com', 'tollgate git credential set git.example.com:8443 --username ada --token-file token.txt'],
      },
      { name: 'credential list', summary: 'List the hosts there are credentials for; never what they are', run: gitCredential('list'), examples: ['tollgate git credential list'] },
      { name: 'credential remove', summary: 'Remove the credential of a host', args: '<host>', run: gitCredential('remove'), flags: writeFlags.filter(({ flags }) => flags.startsWith('--idempotency-key')), examples: ['tollgate git credential remove github.com'] },
    ],
  },
  { ...line('kill'), verbs: [], self: { args: '<name>', flags: [timeoutFlag('2m'), ...writeFlags, ...operatorFlags], run: workload('kill'), examples: ['tollgate kill hello'] } },
  {
    ...line('workload'),
    verbs: [{ name: 'cancel', summary: 'Give up a build or an update; what ran before runs on', args: '<name>', flags: [...writeFlags, ...operatorFlags], run: workload('cancel'), examples: ['tollgate workload cancel hello'] }],
  },
];

const yourAccount: readonly Noun[] = [
  {
    ...line('account'),
    verbs: [
      { name: 'show', summary: 'Service level, plan, until when it is paid, and what to do next', run: account('show'), examples: ['tollgate account show', 'tollgate account show --json'] },
      { name: 'pay', summary: 'Print the address of a page that takes a card, and wait until it is done', flags: [{ flags: '--no-wait', description: 'only print the address' }, timeoutFlag('30m')], run: account('pay'), examples: ['tollgate account pay', 'tollgate account pay --no-wait'] },
      { name: 'plan', summary: 'What is paid for, what it allows, and when it renews', run: cancelling('plan'), examples: ['tollgate account plan', 'tollgate account plan --json'] },
      { name: 'cancel', summary: 'End the subscription with its paid period; says first what that means', flags: [{ flags: '--confirm', description: 'do not ask' }, ...writeFlags], run: cancelling('cancel'), examples: ['tollgate account cancel', 'tollgate account cancel --dry-run', 'tollgate account cancel --confirm'] },
      { name: 'resume', summary: 'Withdraw a cancellation before it takes effect', flags: writeFlags, run: cancelling('resume'), examples: ['tollgate account resume'] },
      { name: 'invoices', summary: 'What was charged, for which period, and whether it was paid', flags: [{ flags: '--limit <number>', description: 'at most so many; all when left out', parse: wholeNumber('--limit', 1) }], run: account('invoices'), examples: ['tollgate account invoices', 'tollgate account invoices --json'] },
      { name: 'sessions', summary: 'Where you are logged in; one of them can be ended', flags: [{ flags: '--close <id>', description: 'end this one' }], run: account('sessions'), examples: ['tollgate account sessions', 'tollgate account sessions --close ses_0123456789abcdefghjk'] },
      { name: 'help', summary: 'How paying works', run: account('help'), examples: ['tollgate account help'] },
    ],
  },
  {
    ...line('namespace'),
    verbs: [
      { name: 'list', summary: 'List your namespaces; a star marks the one in use', flags: operatorFlags, run: session('namespaceList'), examples: ['tollgate namespace list'] },
      { name: 'use', summary: 'Use another namespace from now on', args: '<name>', run: session('namespaceUse'), examples: ['tollgate namespace use brave-red-fox'] },
    ],
  },
];

const operating: readonly Noun[] = [
  {
    ...line('operator'),
    verbs: [{ name: 'login', summary: "Open an operator's session, kept for later calls", flags: operatorFlags, run: session('operatorLogin'), examples: ['tollgate operator login --token-file data/operator.token'] }],
  },
  {
    ...line('projection'),
    verbs: [
      { name: 'list', summary: 'List the projections, how far they are, and how many documents they hold', flags: operatorFlags, run: operations('projectionList'), examples: ['tollgate projection list'] },
      { name: 'rebuild', summary: 'Build one anew beside the live one, compare, and swap', args: '<name>', flags: [{ flags: '--accept-differences', description: 'swap although documents differ' }, ...operatorFlags], run: operations('projectionRebuild'), examples: ['tollgate projection rebuild invites'] },
    ],
  },
  {
    ...line('reactor'),
    verbs: [
      { name: 'list', summary: 'List the reactors, how far they are, and what is parked', flags: operatorFlags, run: operations('reactorList'), examples: ['tollgate reactor list'] },
      { name: 'retry', summary: 'Release parked work, so that it is tried again', args: '<name> <subject>', flags: [{ flags: '--key <key>', description: 'only the deed of this key; all of the subject when left out' }, ...writeFlags, ...operatorFlags], run: operations('reactorRetry'), examples: ['tollgate reactor retry send-mail mail_0123456789abcdefghjk'] },
    ],
  },
  {
    ...line('audit'),
    verbs: [
      {
        name: 'log', summary: 'Print events in order, the whole log unless told otherwise', run: operations('auditLog'), examples: ['tollgate audit log --json', 'tollgate audit log --type InviteAdded --since 1d', 'tollgate audit log -f'],
        flags: [
          { flags: '--stream <stream>', description: 'only this stream, or the streams of this id' }, { flags: '--type <type>', description: 'only events of this type' },
          { flags: '--since <duration|time|position>', description: 'only events since then' }, { flags: '-f, --follow', description: 'go on with new events' },
          { flags: '--limit <number>', description: 'at most so many', parse: wholeNumber('--limit', 1) }, ...operatorFlags,
        ],
      },
      { name: 'show', summary: 'Everything about one subject: an id, an address or a stream', args: '<subject>', flags: [{ flags: '--as-of <time|position>', description: 'as it was then' }, ...operatorFlags], run: operations('auditShow'), examples: ['tollgate audit show ada@example.com', 'tollgate audit show ada@example.com --as-of 2026-11-21T08:00:00Z'] },
      { name: 'verify', summary: 'Check the hash chain of every stream', flags: [{ flags: '--stream <stream>', description: 'only this one' }, ...operatorFlags], run: operations('auditVerify'), examples: ['tollgate audit verify'] },
    ],
  },
  {
    ...line('clock'),
    verbs: [
      { name: 'show', summary: 'What time it is there', flags: operatorFlags, run: operations('clockShow'), examples: ['tollgate clock show'] },
      { name: 'advance', summary: 'Walk time forward; everything due happens at its own instant (mock mode only)', args: '<duration>', flags: operatorFlags, run: operations('clockAdvance'), examples: ['tollgate clock advance 40d'] },
    ],
  },
];

const thisProgram: readonly Noun[] = [
  { ...line('config'), verbs: [{ name: 'explain', summary: 'Show every setting and where it was said', run: env('explain'), examples: ['tollgate config explain'] }] },
  { ...line('doctor'), verbs: [], self: {
      flags: [{ flags: '--deep', description: 'verify every event of a data folder on this machine instead, also of a stopped one' }, { flags: '--data <folder>', description: 'with --deep: the folder (default: ./data)' }, ...operatorFlags],
      run: from(() => import('./doctor.ts'), 'doctor'), examples: ['tollgate doctor', 'tollgate doctor --json', 'tollgate doctor --token-file data/operator.token', 'tollgate doctor --deep --data ./data'],
    },
  },
  {
    ...line('completion'),
    verbs: [
      { name: 'bash', summary: 'Print the script for bash', run: completion('completionBash'), examples: ['source <(tollgate completion bash)', "echo 'source <(tollgate completion bash)' >> ~/.bashrc"] },
      { name: 'zsh', summary: 'Print the script for zsh', run: completion('completionZsh'), examples: ['source <(tollgate completion zsh)', "echo 'source <(tollgate completion zsh)' >> ~/.zshrc"] },
      { name: 'fish', summary: 'Print the script for fish', run: completion('completionFish'), examples: ['tollgate completion fish | source', 'tollgate completion fish > ~/.config/fish/completions/tollgate.fish'] },
    ],
  },
  { ...line('demo'), verbs: [], self: { run: from(() => import('./demo.ts'), 'demo'), examples: ['tollgate demo'] } },
  { ...line('version'), verbs: [], self: { run: from(() => import('./version.ts'), 'version'), examples: ['tollgate version'] } },
];

export const handShaped: readonly Noun[] = [...gettingIn, ...running, ...yourAccount, ...operating, ...thisProgram];
