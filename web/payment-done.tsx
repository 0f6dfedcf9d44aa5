/** The end of `account pay`: the card is replaced, the open payment paid or settling. */
import { Mark } from './parts.tsx';
import { page, type Mode } from './shell.tsx';

export type PaymentDoneProps = { readonly mode: Mode; readonly message: string };

export const paymentDonePage = ({ mode, message }: PaymentDoneProps): string =>
  page({
    title: 'Done',
    mode,
    cli: <>The same in a terminal: <code>tollgate account show</code></>,
    children: (
      <div class="narrow">
        <h1>Thank you</h1>
        <div class="note note-done">
          <Mark shape="tick" />
          <p><strong>{message}</strong></p>
        </div>
        <p>You can close this page; a waiting terminal notices by itself.</p>
      </div>
    ),
  });
