/** The simulated payment provider's own page. It takes the names of test cards, never a card number. */
import type { JSX } from 'preact';
import { Problem, type Refusal } from './parts.tsx';
import { page, type Frame } from './shell.tsx';

export type TestCard = { readonly name: string; readonly meaning: string };
export type CheckoutProps = Frame & {
  readonly id: string;
  readonly purpose: 'signup' | 'pay';
  /** As people read it: "35.00 USD". */
  readonly amount: string;
  /** The card wants its holder to confirm: asked once more, with the card carried along. */
  readonly askConfirmation: boolean;
  readonly card?: string;
  /** This browser redeems the payment token by itself. */
  readonly goesOn?: boolean;
  readonly problem?: string | Refusal;
  readonly cards: readonly TestCard[];
};

const Summary = ({ purpose, amount, goesOn }: CheckoutProps): JSX.Element => (
  <dl class="facts">
    <div><dt>For</dt><dd>{purpose === 'signup' ? 'A new subscription' : 'An open payment, and those to come'}</dd></div>
    <div><dt>Amount</dt><dd class="figure">{amount}</dd></div>
    <div><dt>Charged</dt><dd>{purpose === 'signup' ? (goesOn ? 'As soon as the card is stored' : 'When the terminal redeems the payment token') : 'At once, if a payment is open'}</dd></div>
  </dl>
);

const CardForm = ({ id, card, problem, cards }: CheckoutProps): JSX.Element => (
  <form method="post" action={`/checkout/${encodeURIComponent(id)}`} class="form">
    {problem ? <Problem id="problem" problem={problem} /> : null}
    <div class="field">
      <label for="card">Test card</label>
      <input id="card" name="card" type="text" list="cards" required autocomplete="off" autocapitalize="none" spellcheck={false} value={card ?? ''}
        aria-describedby={problem ? 'problem card-hint' : 'card-hint'} />
      <datalist id="cards">{cards.map(({ name, meaning }) => <option key={name} value={name}>{meaning}</option>)}</datalist>
      <p class="hint" id="card-hint">One of the names below. Never a real card number.</p>
    </div>
    <div class="actions"><button type="submit">Store this card</button></div>
    <dl class="cards" aria-label="Test cards">
      {cards.map(({ name, meaning }) => <div key={name}><dt><code>{name}</code></dt><dd>{meaning}</dd></div>)}
    </dl>
  </form>
);

const ConfirmForm = ({ id, card, problem }: CheckoutProps): JSX.Element => (
  <form method="post" action={`/checkout/${encodeURIComponent(id)}`} class="form">
    {problem ? <Problem id="problem" problem={problem} /> : null}
    <h2>Your bank asks: is this you?</h2>
    <p>The card <code>{card ?? ''}</code> is stored only after you confirm it.</p>
    <input type="hidden" name="card" value={card ?? ''} />
    <div class="actions">
      <button type="submit" name="confirmed" value="yes">Yes, store this card</button>
      <a href={`/checkout/${encodeURIComponent(id)}`}>Use another card</a>
    </div>
  </form>
);

export const checkoutPage = (props: CheckoutProps): string => {
  const command = props.purpose === 'signup' ? 'tollgate login --otp EMAIL' : 'tollgate account pay';
  return page({
    title: props.askConfirmation ? 'Confirm your card' : 'Checkout',
    frame: props,
    cli: <>In a terminal <code>{command}</code> leads here and waits until you are done.</>,
    children: (
      <div class="narrow">
        <h1>Checkout</h1>
        <p class="lead">This is a simulation. It stands where the payment provider’s page would be; no money moves.</p>
        <Summary {...props} />
        {props.askConfirmation ? <ConfirmForm {...props} /> : <CardForm {...props} />}
      </div>
    ),
  });
};
