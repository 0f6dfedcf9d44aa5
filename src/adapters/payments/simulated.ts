/**
 * Stands where the payment provider would: it belongs to the outside world, so it has its own database, its own ids, its own
 * clockwork of renewals and tries, and speaks only through answers and signed webhooks. No rule of ours is in here.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '../../domain/canonical-json.ts';
import { day, earliest, minute, type Instant } from '../../domain/instant.ts';
import type { Money } from '../../domain/money.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';
import type { Charge, Checkout, Payments, ProviderEvent, ProviderInvoice, ProviderSubscription } from '../../domain/ports/payments.ts';
import type { Random } from '../../domain/ports/random.ts';
import { noFaults, strikes, type PaymentFaults } from './faults.ts';
import { Billing } from './simulated-billing.ts';
import { Checkouts, type CardOutcome, type CheckoutView } from './simulated-checkouts.ts';
import { referenceOf, SimulatedDatabase, type AnswerRow, type ChargeRow } from './simulated-database.ts';
import { Outbox, type Post, type SentEvent } from './simulated-outbox.ts';
import { verifyStripeWebhook } from './stripe-webhooks.ts';

export interface SimulatedPaymentsOptions {
  /** A file of its own, or `:memory:`. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Webhooks are signed with the first; all of them are accepted. */
  readonly webhookSecrets: readonly string[];
  /** The address of the page of a checkout. */
  readonly checkoutUrl: (id: string) => string;
  /** How long a checkout stays open: 30 minutes to 24 hours, as at Stripe. */
  readonly checkoutOpenMs?: number;
}
/** Money that was moved, or refused, in the order of asking. */
export type ChargeRecord = { readonly id: string; readonly invoice: string | undefined; readonly amount: Money; readonly status: ChargeRow['status']; readonly at: Instant };

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class SimulatedPayments implements Payments {
  readonly provider = 'stripe';
  readonly mode = 'mock';
  readonly faults: PaymentFaults = noFaults();
  readonly #options: SimulatedPaymentsOptions;
  readonly #database: SimulatedDatabase;
  readonly #outbox: Outbox;
  readonly #billing: Billing;
  readonly #checkouts: Checkouts;

  /** Opens or makes the file; throws `DatabaseUnusable`. */
  static open(options: SimulatedPaymentsOptions): SimulatedPayments {
    return new SimulatedPayments(options);
  }
  private constructor(options: SimulatedPaymentsOptions) {
    const { path, random, webhookSecrets, checkoutOpenMs = day } = options;
    if (webhookSecrets[0] === undefined || webhookSecrets[0].trim() === '') throw new RangeError('the simulated payment provider needs a webhook secret');
    if (checkoutOpenMs < 30 * minute || checkoutOpenMs > day) throw new RangeError('a checkout stays open for 30 minutes to 24 hours');
    this.#options = options;
    this.#database = new SimulatedDatabase(path);
    this.#outbox = new Outbox(this.#database, random, webhookSecrets[0], this.faults);
    this.#billing = new Billing(this.#database, random, this.#outbox);
    this.#checkouts = new Checkouts(this.#database, random, this.#outbox, checkoutOpenMs);
  }

  /** The address is not kept: nothing is ever mailed from here. */
  createCheckout({ email: _, ...input }: Parameters<Payments['createCheckout']>[0]): Promise<{ id: string; url: string }> {
    return this.#deed('createCheckout', input, (at) => {
      const { id } = this.#checkouts.create(input, at);
      return { id, url: this.#options.checkoutUrl(id) };
    });
  }
  readCheckout(id: string): Promise<Checkout | undefined> {
    return this.#read(() => this.#checkouts.read(id));
  }
  subscribe(input: Parameters<Payments['subscribe']>[0]): Promise<Charge> {
    return this.#deed('subscribe', input, (at) => {
      const { amount, currency } = input.price;
      if (!Number.isSafeInteger(amount) || amount < 0) throw new Refused('InvalidPrice', 'price.amount must be a whole number of minor units, 0 or more.');
      if (!/^[A-Z]{3}$/.test(currency)) throw new Refused('InvalidPrice', 'price.currency must be an ISO 4217 code such as USD.');
      return this.#billing.start(input, at);
    });
  }
  async replaceMethod(input: Parameters<Payments['replaceMethod']>[0]): Promise<void> {
    await this.#deed('replaceMethod', input, (at) => this.#billing.replaceMethod(input.providerSubscription, input.method, at));
  }
  async cancel(input: Parameters<Payments['cancel']>[0]): Promise<void> {
    await this.#deed('cancel', input, (at) => this.#billing.cancel(input.providerSubscription, input.when, at));
  }
  async uncancel(input: Parameters<Payments['uncancel']>[0]): Promise<void> {
    await this.#deed('uncancel', input, (at) => this.#billing.uncancel(input.providerSubscription, at));
  }
  readInvoice(id: string): Promise<ProviderInvoice | undefined> {
    return this.#read(() => this.#billing.invoice(id));
  }
  readSubscription(id: string): Promise<ProviderSubscription | undefined> {
    return this.#read(() => {
      const row = this.#database.byId('subscriptions', id);
      return row && { id, reference: referenceOf(row), status: row.status, latestInvoice: row.latest_invoice, cancelAtPeriodEnd: row.cancel_at !== null && row.status !== 'canceled' };
    });
  }
  verifyWebhook(raw: Uint8Array, headers: Readonly<Record<string, string | undefined>>, now: Instant): Promise<ProviderEvent> {
    return verifyStripeWebhook(raw, headers, this.#options.webhookSecrets, now, { livemode: false });
  }

  /** For the page of the checkout; undefined when there is none. */
  async checkoutView(id: string): Promise<CheckoutView | undefined> {
    await tick();
    this.#catchUp(this.#options.clock.now());
    return this.#checkouts.view(id);
  }
  /** The page's form was sent: `card` is the name of a test card, `confirmed` whether its holder said yes to the question asked before. */
  async submitCard(id: string, card: string, confirmed: boolean): Promise<CardOutcome> {
    await tick();
    const at = this.#options.clock.now();
    this.#catchUp(at);
    return this.#database.transaction(() => this.#checkouts.submit(id, card, confirmed, at));
  }

  /** When something happens here next by itself: a renewal, a settlement, a try, an expiry, or a webhook to deliver. */
  nextDueAt(): Instant | undefined {
    return earliest(this.#nextDue()?.at, this.#outbox.nextDueAt());
  }
  /** Does all that is due at or before `now`, in order, each at its own instant. Webhooks are only made; `deliver` posts them. */
  async run(now: Instant): Promise<void> {
    await tick();
    this.#catchUp(now);
  }
  /** Posts the webhooks that are due, in order; answers how many it posted. */
  deliver(post: Post, now: Instant): Promise<number> {
    return this.#outbox.deliver(post, now);
  }

  /** For tests and the simulator: every webhook made, every charge asked for, every invoice of a subscription. */
  sentEvents(): readonly SentEvent[] {
    return this.#outbox.sent();
  }
  charges(): readonly ChargeRecord[] {
    return this.#database.all<ChargeRow>('SELECT * FROM charges ORDER BY n').map(({ id, invoice, amount, currency, status, at }) => ({ id, invoice: invoice ?? undefined, amount: { amount, currency }, status, at }));
  }
  invoicesOf(providerSubscription: string): readonly ProviderInvoice[] {
    return this.#database.all<{ id: string }>('SELECT id FROM invoices WHERE provider_subscription = ? ORDER BY n', providerSubscription).map(({ id }) => this.#billing.invoice(id)!);
  }
  async close(): Promise<void> {
    await tick();
    this.#database.close();
  }

  /** A call that changes something: done once per key, its answer recorded with what it did. */
  async #deed<T>(deed: string, { key, ...fields }: { readonly key: string }, work: (at: Instant) => T): Promise<T> {
    await tick();
    if (key.length < 1 || key.length > 255) throw new Refused('InvalidKey', 'key must have 1 to 255 characters.');
    this.#failBefore();
    const at = this.#options.clock.now();
    this.#catchUp(at);
    const fingerprint = hash('sha256', canonicalJson(fields));
    const text = this.#database.transaction(() => {
      const recorded = this.#database.get<AnswerRow>('SELECT * FROM answers WHERE key = ?', key);
      if (recorded) {
        if (recorded.deed !== deed || recorded.fingerprint !== fingerprint) throw new Refused('KeyReused', 'The key was used for something else before; every deed needs a key of its own.');
        return recorded.answer;
      }
      const answer = JSON.stringify(work(at) ?? null);
      this.#database.run('INSERT INTO answers (key, deed, fingerprint, answer) VALUES (?, ?, ?, ?)', key, deed, fingerprint, answer);
      return answer;
    });
    if (strikes(this.faults, 'unavailableAfter')) throw new Unavailable('The payment provider did not answer.');
    return JSON.parse(text) as T;
  }
  async #read<T>(work: () => T): Promise<T> {
    await tick();
    this.#failBefore();
    this.#catchUp(this.#options.clock.now());
    return work();
  }
  #failBefore(): void {
    if (strikes(this.faults, 'unavailableBefore')) throw new Unavailable('The payment provider cannot be reached.');
  }

  #catchUp(now: Instant): void {
    for (let due = this.#nextDue(); due !== undefined && due.at <= now; due = this.#nextDue()) {
      const { kind, id, at } = due;
      this.#database.transaction(() => {
        switch (kind) {
          case 'settle': return this.#billing.settle(id, at);
          case 'expire': return this.#checkouts.expire(id, at);
          case 'retry': return this.#billing.retry(id, at);
          case 'period': return this.#billing.periodEnded(id, at);
        }
      });
    }
  }
  /** Money that comes in goes before anything that could ask for it again at the same instant. */
  #nextDue(): { readonly at: Instant; readonly kind: 'settle' | 'expire' | 'retry' | 'period'; readonly id: string } | undefined {
    return this.#database.get(`
      SELECT * FROM (SELECT settle_at AS at, 0 AS turn, 'settle' AS kind, id FROM invoices WHERE settle_at IS NOT NULL ORDER BY settle_at, n LIMIT 1)
      UNION ALL SELECT * FROM (SELECT expires_at, 1, 'expire', id FROM checkouts WHERE expires_at IS NOT NULL ORDER BY expires_at, n LIMIT 1)
      UNION ALL SELECT * FROM (SELECT retry_at, 2, 'retry', id FROM invoices WHERE retry_at IS NOT NULL ORDER BY retry_at, n LIMIT 1)
      UNION ALL SELECT * FROM (SELECT due_at, 3, 'period', id FROM subscriptions WHERE due_at IS NOT NULL ORDER BY due_at, n LIMIT 1)
      ORDER BY at, turn LIMIT 1`);
  }
}
