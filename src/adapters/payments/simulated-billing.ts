/**
 * What a provider does with subscriptions by itself: periods, invoices, charges, tries. Every method belongs into a transaction.
 *
 * One invoice at a time: while one is open or settling, no next period begins and nothing piles up. Paid before its period is
 * over, it leaves the anchor where it was (the customer paid late for the same month); paid after it, the period and the anchor
 * start at the moment of payment (nobody pays for a month that has wholly passed).
 */
import { day, hour, latest, plus, plusMonths, type Instant } from '../../domain/instant.ts';
import { Refused } from '../../domain/ports/failures.ts';
import type { Charge, Payments, ProviderInvoice } from '../../domain/ports/payments.ts';
import type { Random } from '../../domain/ports/random.ts';
import { behaviourOf, type ChargeOutcome } from './cards.ts';
import { providerId } from './provider-ids.ts';
import { referenceOf, type ChargeRow, type InvoiceRow, type MethodRow, type SimulatedDatabase, type SubscriptionRow } from './simulated-database.ts';
import type { Outbox } from './simulated-outbox.ts';
import { stripeInvoice, stripeSubscription } from './stripe-shapes.ts';

/** A declined renewal is tried again so long after its first try; then the subscription is `unpaid`. */
export const retryAfterDays = [3, 5, 7] as const;
const settlesAfterMs = hour;

export class Billing {
  readonly #database: SimulatedDatabase;
  readonly #random: Random;
  readonly #outbox: Outbox;

  constructor(database: SimulatedDatabase, random: Random, outbox: Outbox) {
    this.#database = database;
    this.#random = random;
    this.#outbox = outbox;
  }

  /** As Stripe with `error_if_incomplete`: a declined first charge leaves neither subscription nor invoice. */
  start({ reference, method: methodId, price, description }: Parameters<Payments['subscribe']>[0], at: Instant): Charge {
    const method = this.#methodOf(methodId, reference.person);
    const subscription: SubscriptionRow = {
      id: providerId('sub', this.#random), purpose: reference.purpose, person: reference.person, subscription: reference.subscription, customer: method.customer, ...price, description, method: method.id,
      status: 'incomplete', anchor: at, months: 1, period_start: at, period_end: plusMonths(at, 1), latest_invoice: '', cancel_at: null, due_at: null,
    };
    const invoice = this.#newInvoice(subscription);
    const outcome = this.#charge(method, price, null, at);
    if (outcome.status === 'declined') return { status: 'declined', reason: 'The card was declined.' };
    this.#database.put('charges', { ...outcome.charge, invoice: invoice.id });
    this.#take(outcome.status, subscription, invoice, at);
    this.#tell('customer.subscription.created', subscription, at);
    if (outcome.status === 'paid') this.#tellInvoice('invoice.paid', subscription, invoice, at);
    return { status: outcome.status, providerSubscription: subscription.id, invoice: readInvoiceRow(invoice, subscription) };
  }

  replaceMethod(id: string, methodId: string, at: Instant): void {
    const subscription = this.#known(id);
    subscription.method = this.#methodOf(methodId, subscription.person).id;
    const unsettled = this.#unsettledOf(id);
    if (subscription.status === 'canceled') return this.#restart(subscription, unsettled, at);
    this.#save(subscription);
    if (unsettled?.status === 'open') this.#collect(subscription, unsettled, at);
    this.#tell('customer.subscription.updated', subscription, at);
  }

  /** Ends it now or at the end of its period. Ending voids the open invoice: nobody is charged after cancelling. */
  cancel(id: string, when: 'now' | 'period-end', at: Instant): void {
    const subscription = this.#known(id);
    if (subscription.status === 'canceled') return;
    if (when === 'now') return this.#end(subscription, at);
    if (subscription.cancel_at !== null) return;
    // Where the period is over already, it ends at once, unless money for the next one is under way: then after that one.
    subscription.cancel_at = latest(subscription.period_end, this.#unsettledOf(id)?.settle_at ?? at);
    this.#save(subscription);
    this.#tell('customer.subscription.updated', subscription, at);
  }
  uncancel(id: string, at: Instant): void {
    const subscription = this.#known(id);
    if (subscription.status === 'canceled') throw new Refused('SubscriptionEnded', 'The subscription has ended; store a payment method to start it again.');
    if (subscription.cancel_at === null) return;
    subscription.cancel_at = null;
    this.#save(subscription);
    this.#tell('customer.subscription.updated', subscription, at);
  }

  /** The period is over: the subscription ends, or the next period's invoice is made and charged. */
  periodEnded(id: string, at: Instant): void {
    const subscription = this.#known(id);
    if (subscription.cancel_at !== null) return this.#end(subscription, at);
    subscription.period_start = subscription.period_end;
    subscription.months += 1;
    subscription.period_end = plusMonths(subscription.anchor, subscription.months);
    const invoice = this.#newInvoice(subscription);
    this.#collect(subscription, invoice, at);
    this.#tell('customer.subscription.updated', subscription, at);
  }
  retry(invoiceId: string, at: Instant): void {
    const invoice = this.#database.byId('invoices', invoiceId)!;
    const subscription = this.#known(invoice.provider_subscription);
    const before = subscription.status;
    this.#collect(subscription, invoice, at);
    if (subscription.status !== before) this.#tell('customer.subscription.updated', subscription, at);
  }
  settle(invoiceId: string, at: Instant): void {
    const invoice = this.#database.byId('invoices', invoiceId)!;
    const subscription = this.#known(invoice.provider_subscription);
    const before = subscription.status;
    this.#database.run("UPDATE charges SET status = 'succeeded' WHERE invoice = ? AND status = 'pending'", invoiceId);
    this.#take('paid', subscription, invoice, at);
    this.#tellInvoice('invoice.paid', subscription, invoice, at);
    if (subscription.status !== before) this.#tell('customer.subscription.updated', subscription, at);
  }

  invoice(id: string): ProviderInvoice | undefined {
    const invoice = this.#database.byId('invoices', id);
    return invoice && readInvoiceRow(invoice, this.#known(invoice.provider_subscription));
  }

  /**
   * An ended subscription begins a new period at once; what was left of the old one was forfeited by ending it. Money of an
   * earlier charge that is still under way is waited for instead of asking twice.
   */
  #restart(subscription: SubscriptionRow, unsettled: InvoiceRow | undefined, at: Instant): void {
    if (unsettled) {
      Object.assign(subscription, { status: 'incomplete', cancel_at: null });
      this.#save(subscription);
      return this.#tell('customer.subscription.updated', subscription, at);
    }
    const restarted: SubscriptionRow = { ...subscription, status: 'incomplete', cancel_at: null, anchor: at, months: 1, period_start: at, period_end: plusMonths(at, 1) };
    const invoice = this.#newInvoice(restarted);
    invoice.attempts = 1;
    const outcome = this.#charge(this.#database.byId('methods', restarted.method)!, invoice, invoice.id, at);
    if (outcome.status !== 'declined') {
      this.#take(outcome.status, restarted, invoice, at);
      if (outcome.status === 'paid') this.#tellInvoice('invoice.paid', restarted, invoice, at);
      return this.#tell('customer.subscription.updated', restarted, at);
    }
    // Declined: it stays ended, and the invoice is closed so that nothing is tried behind the customer's back.
    invoice.status = 'void';
    this.#database.put('invoices', invoice);
    subscription.latest_invoice = invoice.id;
    this.#save(subscription);
    this.#tellInvoice('invoice.payment_failed', subscription, invoice, at);
  }

  #end(subscription: SubscriptionRow, at: Instant): void {
    const open = this.#unsettledOf(subscription.id);
    if (open?.status === 'open') {
      Object.assign(open, { status: 'void', retry_at: null });
      this.#database.put('invoices', open);
    }
    subscription.status = 'canceled';
    this.#save(subscription);
    if (open?.status === 'void') this.#tellInvoice('invoice.voided', subscription, open, at);
    this.#tell('customer.subscription.deleted', subscription, at);
  }

  /** One try to get an invoice paid with the subscription's method. */
  #collect(subscription: SubscriptionRow, invoice: InvoiceRow, at: Instant): void {
    invoice.attempts += 1;
    const outcome = this.#charge(this.#database.byId('methods', subscription.method)!, invoice, invoice.id, at);
    if (outcome.status !== 'declined') {
      this.#take(outcome.status, subscription, invoice, at);
      if (outcome.status === 'paid') this.#tellInvoice('invoice.paid', subscription, invoice, at);
      return;
    }
    const first = (invoice.first_failed_at ??= at);
    invoice.retry_at = retryAfterDays.map((days) => plus(first, days * day)).find((tryAt) => tryAt > at) ?? null;
    subscription.status = invoice.retry_at === null ? 'unpaid' : 'past_due';
    this.#database.put('invoices', invoice);
    this.#save(subscription);
    this.#tellInvoice('invoice.payment_failed', subscription, invoice, at);
  }

  /** Money has come, or is on its way. */
  #take(status: 'paid' | 'pending', subscription: SubscriptionRow, invoice: InvoiceRow, at: Instant): void {
    invoice.status = status;
    invoice.attempts = Math.max(invoice.attempts, 1);
    invoice.retry_at = null;
    invoice.settle_at = status === 'pending' ? plus(at, settlesAfterMs) : null;
    if (status === 'paid') {
      invoice.paid_at = at;
      if (subscription.status !== 'canceled') this.#beginPaidPeriod(subscription, invoice, at);
    }
    this.#database.put('invoices', invoice);
    this.#save(subscription);
  }
  #beginPaidPeriod(subscription: SubscriptionRow, invoice: InvoiceRow, at: Instant): void {
    if (at >= invoice.period_end) {
      Object.assign(subscription, { anchor: at, months: 1 });
      Object.assign(invoice, { period_start: at, period_end: plusMonths(at, 1) });
    }
    subscription.status = 'active';
    subscription.period_start = invoice.period_start;
    subscription.period_end = invoice.period_end;
    if (subscription.cancel_at !== null) subscription.cancel_at = invoice.period_end;
  }

  /** Takes money, or tries to; the charge is on record whatever became of it. */
  #charge(method: MethodRow, { amount, currency }: { readonly amount: number; readonly currency: string }, invoice: string | null, at: Instant): { readonly status: ChargeOutcome; readonly charge: ChargeRow } {
    const earlier = this.#database.get<{ count: number }>("SELECT count(*) AS count FROM charges WHERE method = ? AND status = 'succeeded'", method.id)!.count;
    const status = amount === 0 ? 'paid' : behaviourOf(method.card).charge(earlier);
    const charge: ChargeRow = { id: providerId('ch', this.#random), method: method.id, invoice, amount, currency, status: ({ paid: 'succeeded', pending: 'pending', declined: 'failed' } as const)[status], at };
    this.#database.put('charges', charge);
    return { status, charge };
  }

  #newInvoice(subscription: SubscriptionRow): InvoiceRow {
    const invoice: InvoiceRow = {
      id: providerId('in', this.#random), provider_subscription: subscription.id, amount: subscription.amount, currency: subscription.currency, status: 'open', attempts: 0,
      period_start: subscription.period_start, period_end: subscription.period_end, first_failed_at: null, retry_at: null, settle_at: null, paid_at: null,
    };
    subscription.latest_invoice = invoice.id;
    return invoice;
  }
  #unsettledOf(id: string): InvoiceRow | undefined {
    return this.#database.get<InvoiceRow>("SELECT * FROM invoices WHERE provider_subscription = ? AND status IN ('open', 'pending')", id);
  }
  /** Writes it with the instant at which its period ends for it: none while an invoice is open, or when it has ended. */
  #save(subscription: SubscriptionRow): void {
    subscription.due_at = subscription.status === 'canceled' ? null : (subscription.cancel_at ?? (subscription.status === 'active' ? subscription.period_end : null));
    this.#database.put('subscriptions', subscription);
  }
  #known(id: string): SubscriptionRow {
    const subscription = this.#database.byId('subscriptions', id);
    if (!subscription) throw new Refused('UnknownSubscription', 'The payment provider knows no such subscription.');
    return subscription;
  }
  /** A stored method belongs to one customer, as at Stripe. */
  #methodOf(id: string, person: string): MethodRow {
    const method = this.#database.byId('methods', id);
    const customer = this.#database.get<{ id: string }>('SELECT id FROM customers WHERE person = ?', person);
    if (!method || method.customer !== customer?.id) throw new Refused('UnknownMethod', 'The payment provider knows no such payment method of this customer; store one on its page first.');
    return method;
  }
  #tell(type: string, subscription: SubscriptionRow, at: Instant): void {
    this.#outbox.record(type, stripeSubscription(subscription), at);
  }
  #tellInvoice(type: string, subscription: SubscriptionRow, invoice: InvoiceRow, at: Instant): void {
    this.#outbox.record(type, stripeInvoice(invoice, subscription), at);
  }
}

export const readInvoiceRow = (row: InvoiceRow, subscription: SubscriptionRow): ProviderInvoice => ({
  id: row.id, providerSubscription: row.provider_subscription, reference: referenceOf(subscription), status: row.status, amount: { amount: row.amount, currency: row.currency },
  attempts: row.attempts, periodStart: row.period_start, periodEnd: row.period_end,
});
