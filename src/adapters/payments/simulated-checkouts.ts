/** The simulated provider's pages where a card is stored: no money moves here. Every method belongs into a transaction. */
import { plus, type Instant } from '../../domain/instant.ts';
import { formatMoney, type Money } from '../../domain/money.ts';
import { Refused } from '../../domain/ports/failures.ts';
import type { Checkout, Payments } from '../../domain/ports/payments.ts';
import type { Random } from '../../domain/ports/random.ts';
import { behaviourOf, cardNamed, cardNames, testCards, type CardName, type TestCard } from './cards.ts';
import { providerId } from './provider-ids.ts';
import { referenceOf, type CheckoutRow, type InvoiceRow, type SimulatedDatabase, type SubscriptionRow } from './simulated-database.ts';
import type { Outbox } from './simulated-outbox.ts';
import { stripeCheckout } from './stripe-shapes.ts';

/** What the page shows. */
export interface CheckoutView {
  readonly id: string;
  readonly status: Checkout['status'];
  readonly purpose: 'signup' | 'pay';
  /** A card was handed in whose bank asks once more; handing in another one is still possible. */
  readonly needsConfirmation: boolean;
  readonly card?: CardName;
  /** What storing the card will try to take at once; absent where it takes nothing. The price of a sign-up is not known here. */
  readonly amount?: Money;
  readonly amountText: string;
  readonly cards: readonly TestCard[];
  /** Where the browser goes on, once complete. */
  readonly returnUrl?: string;
  readonly cancelUrl: string;
}
export type CardOutcome =
  | { readonly outcome: 'complete'; readonly returnUrl: string }
  | { readonly outcome: 'confirm' }
  | { readonly outcome: 'refused'; readonly message: string }
  | { readonly outcome: 'unknown-card'; readonly message: string; readonly known: readonly string[] }
  | { readonly outcome: 'closed'; readonly message: string };

/** Against the testing of stolen cards: after so many tries the checkout closes. */
export const triesPerCheckout = 10;
const closed: CardOutcome = { outcome: 'closed', message: 'This checkout is closed. Go back to where you came from and start a new one.' };

export class Checkouts {
  readonly #database: SimulatedDatabase;
  readonly #random: Random;
  readonly #outbox: Outbox;
  readonly #openMs: number;

  constructor(database: SimulatedDatabase, random: Random, outbox: Outbox, openMs: number) {
    this.#database = database;
    this.#random = random;
    this.#outbox = outbox;
    this.#openMs = openMs;
  }

  create({ reference, returnUrl, cancelUrl }: Omit<Parameters<Payments['createCheckout']>[0], 'key' | 'email'>, at: Instant): { id: string } {
    for (const [field, url] of Object.entries({ returnUrl, cancelUrl })) {
      if (!/^(https?:\/\/[^\s/]\S*|\/(?![/\\])\S*)$/.test(url)) throw new Refused('InvalidUrl', `${field} is no web address; give one that begins with http:// or https://.`);
    }
    const { purpose, person, subscription } = reference;
    const row: CheckoutRow = {
      id: providerId('cs_test', this.#random), purpose, person, subscription: subscription ?? null, customer: this.#customerOf(person), return_url: returnUrl, cancel_url: cancelUrl,
      status: 'open', method: null, attempts: 0, confirming: null, expires_at: plus(at, this.#openMs),
    };
    this.#database.put('checkouts', row);
    return { id: row.id };
  }

  read(id: string): Checkout | undefined {
    const row = this.#database.byId('checkouts', id);
    return row && { id, status: row.status, reference: referenceOf(row), ...(row.method === null ? {} : { method: row.method }) };
  }

  view(id: string): CheckoutView | undefined {
    const row = this.#database.byId('checkouts', id);
    if (!row) return undefined;
    const amount = this.#dueOf(row);
    return {
      id, status: row.status, purpose: row.purpose, cards: testCards, cancelUrl: row.cancel_url,
      needsConfirmation: row.status === 'open' && row.confirming !== null, ...this.#cardOf(row),
      ...(amount ? { amount } : {}), amountText: amount ? formatMoney(amount) : row.purpose === 'signup' ? 'Nothing yet: the card is only stored' : 'Nothing is due',
      ...(row.status === 'complete' ? { returnUrl: returnUrlOf(row) } : {}),
    };
  }

  submit(id: string, text: string, confirmed: boolean, at: Instant): CardOutcome {
    const row = this.#database.byId('checkouts', id);
    if (row?.status === 'complete') return { outcome: 'complete', returnUrl: returnUrlOf(row) }; // the button was pressed twice
    if (row?.status !== 'open') return closed;
    row.attempts += 1;
    if (row.attempts > triesPerCheckout) {
      this.#expire(row, at);
      return closed;
    }
    const outcome = this.#answer(row, cardNamed(text), confirmed, at);
    this.#database.put('checkouts', row);
    return outcome;
  }
  expire(id: string, at: Instant): void {
    this.#expire(this.#database.byId('checkouts', id)!, at);
  }

  #answer(row: CheckoutRow, card: CardName | undefined, confirmed: boolean, at: Instant): CardOutcome {
    const asked = row.confirming;
    row.confirming = null;
    // What was typed is not repeated: it may be a real card's number.
    if (!card) return { outcome: 'unknown-card', message: `There is no test card of that name; type one of ${cardNames.join(', ')}.`, known: cardNames };
    const { page } = behaviourOf(card);
    if (page === 'refused') return { outcome: 'refused', message: 'The bank refused this card. Try another one.' };
    if (page === 'confirm' && !(confirmed && asked === card)) {
      row.confirming = card;
      return { outcome: 'confirm' };
    }
    row.method = providerId('pm', this.#random);
    this.#database.put('methods', { id: row.method, customer: row.customer, card });
    Object.assign(row, { status: 'complete', expires_at: null });
    this.#outbox.record('checkout.session.completed', stripeCheckout(row), at);
    return { outcome: 'complete', returnUrl: returnUrlOf(row) };
  }
  #expire(row: CheckoutRow, at: Instant): void {
    Object.assign(row, { status: 'expired', expires_at: null, confirming: null });
    this.#database.put('checkouts', row);
    this.#outbox.record('checkout.session.expired', stripeCheckout(row), at);
  }
  #customerOf(person: string): string {
    const known = this.#database.get<{ id: string }>('SELECT id FROM customers WHERE person = ?', person);
    if (known) return known.id;
    const id = providerId('cus', this.#random);
    this.#database.run('INSERT INTO customers (id, person) VALUES (?, ?)', id, person);
    return id;
  }
  /** The card that was stored here, or that waits to be confirmed. */
  #cardOf({ method, confirming }: CheckoutRow): { readonly card?: CardName } {
    const card = method === null ? confirming : this.#database.byId('methods', method)?.card;
    return card ? { card } : {};
  }
  /** The open invoice of the subscription that is paid here, or the month with which an ended one starts again. */
  #dueOf({ purpose, subscription }: CheckoutRow): Money | undefined {
    if (purpose !== 'pay' || subscription === null) return undefined;
    const found = this.#database.get<SubscriptionRow>('SELECT * FROM subscriptions WHERE subscription = ? ORDER BY n DESC LIMIT 1', subscription);
    if (!found) return undefined;
    const unsettled = this.#database.get<InvoiceRow>("SELECT * FROM invoices WHERE provider_subscription = ? AND status IN ('open', 'pending')", found.id);
    const due = unsettled?.status === 'open' || (found.status === 'canceled' && !unsettled);
    return due ? { amount: found.amount, currency: found.currency } : undefined;
  }
}

/** `returnUrl?checkout=ID`; what stands in it already is kept. */
const returnUrlOf = ({ id, return_url: url }: CheckoutRow): string => {
  const [address = '', fragment] = url.split('#', 2);
  return `${address}${address.includes('?') ? '&' : '?'}checkout=${encodeURIComponent(id)}${fragment === undefined ? '' : `#${fragment}`}`;
};
