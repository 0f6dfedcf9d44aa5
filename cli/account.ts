/** `account`: service level, plan, paying. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from './command.ts';
import { Failure } from './exit-codes.ts';
import { clientFor, wholeList } from './here.ts';
import { onInterrupt } from './interrupt.ts';
import { money, shown, withLocalTimes } from './output.ts';

const lookEveryMs = 1_000;

export const show = async (call: Call): Promise<void> => {
  const account = await clientFor('customer', call).json({ path: '/account' });
  await call.out.result(account, async () => {
    const { email, account: id, level, reason, nextStep, since, plan, paidThrough, endsAt, endedAt, keptUntil, namespaces = [] } = account;
    await call.out.record({
      account: id, email, 'service level': level, since, why: withLocalTimes(reason), 'next step': nextStep,
      plan: plan && `${plan.name}, ${money(plan.price)} a month`, paidThrough, endsAt, endedAt, keptUntil, namespaces: namespaces.map(({ name }: { name: string }) => name),
    });
  });
};

/** Newest first. */
export const invoices = async (call: Call): Promise<void> => {
  const list = await wholeList(clientFor('customer', call), '/invoices', {}, call.options['limit']);
  const at = (name: string) => (row: Record<string, unknown>) => shown(row[name]);
  await call.out.result(list, async () => {
    if (list.items.length === 0) return call.out.note('No invoices yet.');
    await call.out.table(list.items, [
      { title: 'invoice', value: at('id') }, { title: 'amount', value: at('amount') }, { title: 'status', value: at('status') },
      { title: 'from', value: at('periodStart') }, { title: 'to', value: at('periodEnd') }, { title: 'paid at', value: at('paidAt') },
    ]);
  });
};

/** Where one is logged in; a star marks the session of this call. */
export const sessions = async (call: Call): Promise<void> => {
  const { options, out } = call;
  const client = clientFor('customer', call);
  const closing: string | undefined = options['close'];
  if (closing !== undefined) {
    await client.json({ method: 'POST', path: '/sessions/close', body: { sessionId: closing }, repeatable: true });
    return out.result({ closed: closing }, () => out.data(`Ended: ${closing}`));
  }
  const list = await client.json<{ items: Record<string, unknown>[] }>({ path: '/account/sessions' });
  const at = (name: string) => (row: Record<string, unknown>) => shown(row[name]);
  await out.result(list, async () => {
    await out.table(list.items, [{ title: '', value: ({ current }) => (current ? '*' : ' ') }, { title: 'id', value: at('id') }, { title: 'kind', value: at('kind') }, { title: 'opened at', value: at('openedAt') }, { title: 'last used', value: at('lastUsed') }]);
    out.note("End one: 'tollgate account sessions --close ID'. End all: 'tollgate logout --everywhere'.");
  });
};

/** Prints where to pay and waits until it is done. */
export const pay = async (call: Call): Promise<void> => {
  const { options, out } = call;
  const client = clientFor('customer', call);
  const { randomUUID } = await import('node:crypto');
  const started = await client.json<{ url: string; checkoutId: string }>({ method: 'POST', path: '/account/pay', headers: { 'idempotency-key': randomUUID() }, repeatable: true });
  if (options['wait'] === false) return out.result(started, () => out.data(started.url));
  if (out.json) out.note(`Pay at ${started.url}`);
  else await out.data(started.url);
  out.note('Waiting until the page is done ... (Ctrl-C stops waiting, not paying)');
  onInterrupt("Stopped waiting. The page stays valid; 'tollgate account show' tells how it went.");
  const deadlineMs = Date.now() + (options['timeout'] as number);
  let settling = false;
  for (;;) {
    const { status, level } = await client.json<{ status: string; level: string }>({ path: `/account/pay/${started.checkoutId}` });
    if (status === 'done') return out.result({ ...started, status, level }, () => out.data(`Paid. Service level: ${level}`));
    if (status === 'settling' && !settling) out.note('The card is taken; the payment is settling ...');
    settling ||= status === 'settling';
    if (status !== 'open' && status !== 'settling') throw new Failure('refused', `the checkout is ${status}`, "Start again: 'tollgate account pay'.", { code: 'CheckoutOver' });
    if (Date.now() >= deadlineMs) throw new Failure('gaveUp', 'gave up waiting for the payment', `The page stays valid: ${started.url}. 'tollgate account show' tells how it went.`, { code: 'GaveUpWaiting' });
    await sleep(Math.min(lookEveryMs, Math.max(1, deadlineMs - Date.now())));
  }
};

export const help = async ({ out }: Call): Promise<void> => {
  await out.result({ commands: ['tollgate account show', 'tollgate account plan', 'tollgate account pay', 'tollgate account cancel', 'tollgate account resume', 'tollgate account invoices', 'tollgate account sessions'] }, () => out.data(helpText));
};
const helpText = `How paying works

  tollgate account show        service level, plan, until when it is paid, and what to do next
  tollgate account pay         prints the address of a page that takes a card, and waits until it is done
  tollgate account pay --no-wait   only prints the address
  tollgate account plan        what is paid for, and when it renews
  tollgate account invoices    what was charged, for which period, and whether it was paid
  tollgate account sessions    where you are logged in; --close ID ends one
  tollgate account cancel      ends it with the paid period; says first what that means
  tollgate account resume      takes that back, as long as it has not ended

Not subscribed yet (payment required)? Log in once more: 'tollgate login --otp EMAIL' goes on with your sign-up, tells
the address of the subscribe page, and creates your account as soon as the payment token of that page is redeemed.

Service levels
  full        everything works
  limited     a payment was missed and its grace period is over: reading works, running and changing do not
  suspended   still not paid: workloads are stopped, their data is kept
  disabled    by staff: write to the operator of the platform

A payment with 'tollgate account pay' brings everything back at once; workloads start again by themselves.
Refused because of the service level, a command exits with 6.`;
