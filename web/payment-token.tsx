/** The payment token, to take back to the terminal. */
import { Cmd, Copyable, Time } from './parts.tsx';
import { page, type Frame } from './shell.tsx';

export type PaymentTokenProps = Frame & { readonly token: string; readonly expiresAt: string; readonly email?: string };

export const paymentTokenPage = ({ token, expiresAt, email, ...frame }: PaymentTokenProps): string =>
  page({
    title: 'Your payment token',
    frame,
    cli: <>In a terminal <Cmd>tollgate login --otp {email ?? 'EMAIL'}</Cmd> waits for this token, and takes up a sign-up where it stands.</>,
    children: (
      <div class="narrow">
        <h1>Your card is stored</h1>
        <p class="lead">Go back to your terminal. It notices by itself; if it does not, paste this payment token there.</p>
        <section class="panel" aria-labelledby="token-title">
          <h2 id="token-title">Payment token</h2>
          <Copyable id="token" label="Copy token">
            <code class="token" id="token" data-payment-token="">{token}</code>
          </Copyable>
          <p class="hint">Good until <Time at={expiresAt} />, once{email ? <>, for <strong>{email}</strong></> : null}.</p>
        </section>
        <h2>What happens then</h2>
        <ol class="plain">
          <li>Your card is charged for the first month.</li>
          <li>Your account and its namespace are made.</li>
          <li>You are signed in: <Cmd>tollgate run SOURCE</Cmd> starts your first workload.</li>
        </ol>
      </div>
    ),
  });
