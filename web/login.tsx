/** Signing in: an address, then the one-time token that was mailed to it. The operator pastes the operator token once. */
import type { JSX } from 'preact';
import { Cmd, Problem, Time, type Refusal } from './parts.tsx';
import { FormToken, page, type Frame } from './shell.tsx';

export type LoginProps = Frame & {
  readonly email?: string;
  /** Path to go on to afterwards. */
  readonly next?: string;
  readonly problem?: Refusal;
  /** A quiet word above the form: signed out, or a session that has ended. */
  readonly notice?: string;
};
export type LoginTokenProps = Frame & { readonly email: string; readonly expiresAt: string; readonly problem?: Refusal; readonly notice?: string };
export type OperatorLoginProps = Frame & { readonly next?: string; readonly problem?: Refusal };

const Next = ({ next }: { next: string | undefined }): JSX.Element | null => (next === undefined ? null : <input type="hidden" name="next" value={next} />);
const Notice = ({ text }: { text: string | undefined }): JSX.Element | null => (text === undefined ? null : <p class="note note-quiet" role="status">{text}</p>);
const describedBy = (problem: Refusal | undefined, hint: string): string => (problem ? `problem ${hint}` : hint);

export const loginPage = (props: LoginProps): string => {
  const { email, next, problem, notice } = props;
  return page({
    title: 'Sign in',
    frame: props,
    here: '/login',
    cli: <>The same in a terminal: <Cmd>tollgate login --otp EMAIL</Cmd></>,
    children: (
      <div class="narrow">
        <h1>Sign in</h1>
        <p class="lead">We mail you a one-time token. With an invited address that has no account yet, this is also how you sign up.</p>
        <Notice text={notice} />
        <form method="post" action="/login" class="form">
          {problem ? <Problem id="problem" problem={problem} /> : null}
          <Next next={next} />
          <div class="field">
            <label for="email">E-mail address</label>
            <input id="email" name="email" type="email" required autocomplete="email" value={email ?? ''} aria-describedby={describedBy(problem, 'email-hint')} />
            <p class="hint" id="email-hint">The one that was invited, or that your account has.</p>
          </div>
          <div class="actions"><button type="submit">Mail me a token</button></div>
        </form>
        <details class="panel other">
          <summary>Sign in with a password</summary>
          <form method="post" action="/login/password">
            <Next next={next} />
            <div class="field"><label for="password-email">Address of your account</label><input id="password-email" name="email" type="email" required autocomplete="username" /></div>
            <div class="field"><label for="password">Password</label><input id="password" name="password" type="password" required autocomplete="current-password" /></div>
            <div class="actions"><button type="submit">Sign in</button><a href="/login/reset">Forgotten?</a></div>
          </form>
        </details>
        <p class="hint">You run this platform? <a href="/admin/login">Sign in as operator</a>.</p>
      </div>
    ),
  });
};

export const loginTokenPage = (props: LoginTokenProps): string => {
  const { email, expiresAt, problem, notice, mode } = props;
  return page({
    title: 'One-time token',
    frame: props,
    here: '/login',
    cli: <>In a terminal <Cmd>tollgate login --otp {email}</Cmd> asks for a token of its own.</>,
    children: (
      <div class="narrow">
        <h1>Look into your mail</h1>
        <p class="lead">We have sent a one-time token to <strong>{email}</strong>.{mode === 'mock' ? <> In mock mode it is in the <a href="/mailbox">mailbox</a>.</> : null}</p>
        <Notice text={notice} />
        <form method="post" action="/login/token" class="form">
          {problem ? <Problem id="problem" problem={problem} /> : null}
          <div class="field">
            <label for="token">One-time token</label>
            <input id="token" name="token" type="text" required autocomplete="one-time-code" autocapitalize="none" spellcheck={false} aria-describedby={describedBy(problem, 'token-hint')} />
            <p class="hint" id="token-hint">40 characters, good until <Time at={expiresAt} />. The newest one counts.</p>
          </div>
          <div class="actions"><button type="submit">Sign in</button></div>
        </form>
        <div class="actions">
          <form method="post" action="/login/resend"><button type="submit" class="secondary">Send another token</button></form>
          <a href="/login?again">Use another address</a>
        </div>
      </div>
    ),
  });
};

export const operatorLoginPage = (props: OperatorLoginProps): string => {
  const { next, problem } = props;
  return page({
    title: 'Operator sign-in',
    frame: props,
    here: '/login',
    cli: <>In a terminal every operator verb takes it from <code>--token-file data/operator.token</code>, or once from <Cmd>tollgate operator login --token-file data/operator.token</Cmd></>,
    children: (
      <div class="narrow">
        <h1>Operator sign-in</h1>
        <p class="lead">Paste the operator token once; this browser stays signed in for ten days.</p>
        <form method="post" action="/admin/login" class="form">
          {problem ? <Problem id="problem" problem={problem} /> : null}
          <Next next={next} />
          <div class="field">
            <label for="token">Operator token</label>
            <input id="token" name="token" type="password" required autocomplete="off" aria-describedby={describedBy(problem, 'token-hint')} />
            <p class="hint" id="token-hint">It lies in the data folder, in the file <code>operator.token</code>.</p>
          </div>
          <div class="actions"><button type="submit">Sign in</button></div>
        </form>
        <p class="hint">You are a customer? <a href="/login">Sign in with your address</a>.</p>
      </div>
    ),
  });
};

export type PasswordLoginProps = Frame & { readonly email: string; readonly next?: string; readonly problem: Refusal };
/** The password was refused: the same two fields again, and the other ways in. */
export const passwordLoginPage = (props: PasswordLoginProps): string =>
  page({
    title: 'Sign in with a password',
    frame: props,
    here: '/login',
    cli: <>The same in a terminal: <Cmd>tollgate login EMAIL</Cmd></>,
    children: (
      <div class="narrow">
        <h1>Sign in</h1>
        <form method="post" action="/login/password" class="form">
          <Problem id="problem" problem={props.problem} />
          <Next next={props.next} />
          <div class="field"><label for="email">E-mail address</label><input id="email" name="email" type="email" required autocomplete="username" value={props.email} aria-describedby="problem" /></div>
          <div class="field"><label for="password">Password</label><input id="password" name="password" type="password" required autocomplete="current-password" /></div>
          <div class="actions"><button type="submit">Sign in</button><a href="/login/reset">Forgotten?</a></div>
        </form>
        <p><a href="/login">Have a one-time token mailed instead</a></p>
      </div>
    ),
  });

const NewPassword = (): JSX.Element => (
  <>
    <div class="field">
      <label for="password">New password</label>
      <input id="password" name="password" type="password" required autocomplete="new-password" aria-describedby="password-hint" />
      <p class="hint" id="password-hint">A sentence of a few words is good; the more of them, the better.</p>
    </div>
    <div class="field"><label for="again">New password, again</label><input id="again" name="again" type="password" required autocomplete="new-password" /></div>
  </>
);

export type ResetProps = Frame & { readonly email?: string; readonly problem?: Refusal };
export const resetPage = (props: ResetProps): string =>
  page({
    title: 'Reset the password',
    frame: props,
    here: '/login',
    cli: <>The same in a terminal: <Cmd>tollgate password reset EMAIL</Cmd></>,
    children: (
      <div class="narrow">
        <h1>Reset the password</h1>
        <p class="lead">If an account has this address, a mail with a token goes out to it.</p>
        <form method="post" action="/login/reset" class="form">
          {props.problem ? <Problem id="problem" problem={props.problem} /> : null}
          <div class="field"><label for="email">E-mail address</label><input id="email" name="email" type="email" required autocomplete="email" value={props.email ?? ''} aria-describedby={props.problem ? 'problem' : undefined} /></div>
          <div class="actions"><button type="submit">Mail me a token</button><a href="/login">Back to signing in</a></div>
        </form>
      </div>
    ),
  });

export type ResetTokenProps = Frame & { readonly email: string; readonly expiresAt: string; readonly problem?: Refusal };
export const resetTokenPage = (props: ResetTokenProps): string =>
  page({
    title: 'A new password',
    frame: props,
    here: '/login',
    cli: <>The same in a terminal: <Cmd>tollgate password reset {props.email}</Cmd></>,
    children: (
      <div class="narrow">
        <h1>A new password</h1>
        <p class="lead">If <strong>{props.email}</strong> has an account, a token is on its way there{props.mode === 'mock' ? <>; in mock mode to the <a href="/mailbox">mailbox</a></> : null}. A reset signs out everywhere.</p>
        <form method="post" action="/login/reset/token" class="form">
          {props.problem ? <Problem id="problem" problem={props.problem} /> : null}
          <div class="field">
            <label for="token">Token from the mail</label>
            <input id="token" name="token" type="text" required autocomplete="one-time-code" autocapitalize="none" spellcheck={false} aria-describedby={describedBy(props.problem, 'token-hint')} />
            <p class="hint" id="token-hint">Good until <Time at={props.expiresAt} />.</p>
          </div>
          <NewPassword />
          <div class="actions"><button type="submit">Set the password</button><a href="/login/reset">Ask for another token</a></div>
        </form>
      </div>
    ),
  });

export type PasswordProps = Frame & { /** There is one already: it is asked for. */ readonly set: boolean; readonly problem?: Refusal };
export const passwordPage = (props: PasswordProps): string =>
  page({
    title: 'Password',
    frame: props,
    here: '/account/password',
    cli: <>The same in a terminal: <Cmd>tollgate password change</Cmd></>,
    children: (
      <div class="narrow">
        <p class="eyebrow"><a href="/account">Account</a> / password</p>
        <h1>{props.set ? 'Change the password' : 'Set a password'}</h1>
        {props.set ? null : <p class="lead">One-time tokens by mail go on working beside it. A first password is taken within half an hour of signing in.</p>}
        <form method="post" action="/account/password" class="form">
          <FormToken token={props.viewer?.customer?.formToken} />
          {props.problem ? <Problem id="problem" problem={props.problem} /> : null}
          {props.set ? <div class="field"><label for="old">Password now</label><input id="old" name="old" type="password" required autocomplete="current-password" aria-describedby={props.problem ? 'problem' : undefined} /></div> : null}
          <NewPassword />
          <div class="actions"><button type="submit">{props.set ? 'Change it' : 'Set it'}</button><a href="/account">Leave it</a></div>
        </form>
      </div>
    ),
  });
