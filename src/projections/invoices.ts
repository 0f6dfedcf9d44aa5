import type { AccountId, SubscriptionId } from '../domain/ids.ts';
import type { Money } from '../domain/money.ts';
import type { Recorded } from '../domain/ports/log.ts';
import type { SubscriptionEvent } from '../domain/subscription/events.ts';
import { projection } from './projection.ts';

type InvoiceView = {
  id: string; accountId: AccountId; subscriptionId: SubscriptionId; status: 'paid' | 'open' | 'void'; amount?: Money; periodStart?: string; periodEnd?: string;
  /** How often it was tried in vain. */
  failures: number; paidAt?: string; at: string;
};
type Charged = Extract<SubscriptionEvent, { type: 'SubscriptionStarted' | 'PaymentSucceeded' | 'PaymentFailed' | 'InvoiceVoided' }>;
const given = <T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

/** What was asked for, for which period, and whether it came. Every month is its own invoice, found by the provider's number of it. */
export const invoices = projection<InvoiceView>({
  name: 'invoices', version: 1, summary: 'What was charged, for which period, and whether it was paid', indexes: ['accountId', 'status', 'subscriptionId'], readableBy: 'invoice.read', scope: { own: 'account', field: 'accountId' },
  columns: ['id', 'amount', 'status', 'periodStart', 'periodEnd', 'paidAt'],
  events: ['SubscriptionStarted', 'PaymentSucceeded', 'PaymentFailed', 'InvoiceVoided'], keys: (event: Recorded<Charged>) => [event.data.invoiceId],
  evolve: (view, recorded: Recorded<Charged>, id) => {
    const event = recorded as unknown as Charged;
    const { subscriptionId, accountId, at } = event.data;
    const known = view ?? { id, accountId, subscriptionId, failures: 0 };
    switch (event.type) {
      case 'SubscriptionStarted': return { ...known, status: 'paid', ...given({ amount: event.data.terms.price, periodStart: event.data.periodStart, periodEnd: event.data.paidThrough }), paidAt: at, at };
      case 'PaymentSucceeded': return { ...known, status: 'paid', ...given({ amount: event.data.amount, periodStart: event.data.periodStart, periodEnd: event.data.paidThrough }), paidAt: at, at };
      case 'PaymentFailed': return { ...known, status: 'open', failures: event.data.attempt, ...given({ amount: event.data.amount, periodStart: event.data.periodStart, periodEnd: event.data.periodEnd }), at };
      case 'InvoiceVoided': return { ...known, status: 'void', at };
    }
  },
});
