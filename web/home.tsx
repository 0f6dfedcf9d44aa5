/** The front page: what this is, what to do next, and where to look. */
import type { JSX } from 'preact';
import { Cmd, Command } from './parts.tsx';
import { page, type Frame } from './shell.tsx';

export type HomeProps = Frame;

type Step = { readonly title: string; readonly commands: readonly string[]; readonly says: JSX.Element };

const mockSteps: readonly Step[] = [
  {
    title: 'Invite an address',
    commands: ['npx tollgate invite add you@example.com --token-file data/operator.token'],
    says: <>Sign-up is by invitation. The operator’s credential lies in the data folder; <code>npm start</code> prints this line with the right path.</>,
  },
  {
    title: 'Sign up',
    commands: ['npx tollgate login --otp you@example.com'],
    says: <>The one-time token arrives in the <a href="/mailbox">mailbox</a>. Then <a href="/subscribe">subscribe</a> with the test card <code>succeeds</code>; the terminal notices.</>,
  },
  {
    title: 'Run something',
    commands: ['npx tollgate run examples/hello-node --wait', 'npx tollgate logs hello-node -f'],
    says: <>The first command prints the address it answers at, the second follows what it says.</>,
  },
];

const customerSteps: readonly Step[] = [
  {
    title: 'Sign up',
    commands: ['tollgate login --otp you@example.com'],
    says: <>Sign-up is by invitation: use the address that was invited. A one-time token comes by mail, and the command leads you to the <a href="/subscribe">subscribe page</a>.</>,
  },
  {
    title: 'Run something',
    commands: ['tollgate run SOURCE --wait'],
    says: <>A folder or a git address. The command prints the address it answers at.</>,
  },
  {
    title: 'Keep an eye on it',
    commands: ['tollgate status', 'tollgate account show'],
    says: <>What is running, and what you pay for it.</>,
  },
];

const StepItem = ({ step, n }: { step: Step; n: number }): JSX.Element => (
  <li>
    <h3>{step.title}</h3>
    {step.commands.map((text, i) => <Command key={text} id={`step-${n}-${i + 1}`} text={text} />)}
    <p>{step.says}</p>
  </li>
);

export const homePage = (props: HomeProps): string =>
  page({
    title: 'Home',
    frame: props,
    here: '/',
    cli: <>The same in a terminal: <Cmd>tollgate help</Cmd></>,
    children: (
      <div class="split">
        <section>
          <h1>From sign-up to a running, paid service.</h1>
          <p class="lead">
            Tollgate stands between a platform and its customers. It lets people in, takes their payment, runs what they bring,
            limits what lapses and restores what recovers.
          </p>
          <p>Every step is an event in a log, so every step can be shown and proved afterwards.</p>
          <ul class="links">
            <li><a href="/login">Sign in or sign up</a> <span>with a token by mail</span></li>
            <li><a href="/account">Account</a> <span>plan, level, workloads, invoices</span></li>
            <li><a href="/admin">Operator</a> <span>customers, mails, parked work</span></li>
            {props.mode === 'mock' ? <li><a href="/mailbox">Mailbox</a> <span>the mails this server would have sent</span></li> : null}
            <li><a href="/docs">API</a> <span>every call, with a line to try it</span></li>
            <li><a href="/openapi.json">API description</a> <span>OpenAPI, as JSON</span></li>
          </ul>
        </section>
        <section aria-labelledby="next">
          <h2 id="next">Next steps</h2>
          <ol class="steps">
            {(props.mode === 'mock' ? mockSteps : customerSteps).map((step, i) => <StepItem key={step.title} step={step} n={i + 1} />)}
          </ol>
        </section>
      </div>
    ),
  });
