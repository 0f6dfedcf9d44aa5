/** The end of `account pay`: the card is replaced, the open payment paid or settling. */
import { Cmd, Mark } from './parts.tsx';
import { page, type Frame } from './shell.tsx';

export type PaymentDoneProps = Frame & { readonly message: string };

export const paymentDonePage = ({ message, ...frame }: PaymentDoneProps): string =>
  page({
    title: 'Done',
    frame,
    cli: <>The same in a terminal: <Cmd>tollgate account show</Cmd></>,
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

/** A payment whose outcome is not known yet: said as it is, with a way to look again. The script looks by itself. */
export const paymentPendingPage = ({ again, ...frame }: Frame & { readonly again: string }): string =>
  page({
    title: 'Payment under way',
    frame,
    cli: <>The same in a terminal: <Cmd>tollgate login --otp EMAIL</Cmd> takes the sign-up up where it stands.</>,
    children: (
      <div class="narrow">
        <h1>The payment is under way</h1>
        <p class="lead">Your bank has not answered yet. Your account opens as soon as it does; nothing is charged twice.</p>
        <section class="panel" data-look-again={again}>
          <p>You can leave this page and come back to it.</p>
          <p class="actions"><a class="button" href={again}>Look again</a></p>
        </section>
      </div>
    ),
  });
