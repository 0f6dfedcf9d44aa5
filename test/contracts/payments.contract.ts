/** What every payment provider promises; `payments.spec.ts` lists the adapters. Nothing in here waits for time to pass. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Stripe from 'stripe';
import { minute, plus, second, toEpochMs, type Instant } from '../../src/domain/instant.ts';
import { Refused } from '../../src/domain/ports/failures.ts';
import type { Charge, Payments, Reference } from '../../src/domain/ports/payments.ts';

export interface PaymentsSubject {
  readonly payments: Payments;
  /** Plays the customer: stores a card that pays, or one that is declined when it is charged, on the page of an open checkout. */
  storeCard(checkoutId: string, card: 'pays' | 'declined-when-charged'): Promise<void>;
  /** The secret with which this provider signs webhooks, and any other that is accepted meanwhile. */
  readonly secrets: readonly string[];
  now(): Instant;
  close(): Promise<void>;
}

let serial = 0;
/** Keys are for ever at a provider, so every run needs its own. */
const fresh = (word: string): string => `${word}-${process.pid}-${performance.timeOrigin}-${(serial += 1)}`;
export const price = { amount: 3_500, currency: 'USD' };
export const urls = { returnUrl: 'http://127.0.0.1:8081/subscribe/done?flow=1', cancelUrl: 'http://127.0.0.1:8081/subscribe' };

const reference = (): Reference & { subscription: string } => ({ purpose: 'signup', person: fresh('person'), subscription: fresh('subscription') });
const paid = (charge: Charge): Exclude<Charge, { status: 'declined' }> => {
  assert.notEqual(charge.status, 'declined');
  return charge as Exclude<Charge, { status: 'declined' }>;
};
const refusedWith = (...codes: string[]) => (error: unknown): boolean => error instanceof Refused && codes.includes(error.code);

export const paymentsContract = (name: string, open: () => Promise<PaymentsSubject>): void => {
  const promise = (text: string, run: (subject: PaymentsSubject) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      const subject = await open();
      try {
        await run(subject);
      } finally {
        await subject.close();
      }
    });
  };
  checkoutPromises(promise);
  chargePromises(promise);
  subscriptionPromises(promise);
  webhookPromises(promise);
};
type Promised = (text: string, run: (subject: PaymentsSubject) => Promise<void>) => void;

const checkout = ({ payments }: PaymentsSubject, about: Reference) => payments.createCheckout({ key: fresh('checkout'), reference: about, email: 'someone@example.com', ...urls });
const storeMethod = async (subject: PaymentsSubject, about: Reference, card: 'pays' | 'declined-when-charged' = 'pays'): Promise<string> => {
  const { id } = await checkout(subject, about);
  await subject.storeCard(id, card);
  return (await subject.payments.readCheckout(id))!.method!;
};

const checkoutPromises = (promise: Promised): void => {
  promise('a checkout is open until a method is stored, then complete; it gives our reference back', async (subject) => {
    const about = reference();
    const { id, url } = await checkout(subject, about);
    assert.match(url, /^https?:\/\/\S+$/);
    assert.deepEqual(await subject.payments.readCheckout(id), { id, status: 'open', reference: about });
    await subject.storeCard(id, 'pays');
    const complete = await subject.payments.readCheckout(id);
    assert.deepEqual({ ...complete, method: typeof complete?.method }, { id, status: 'complete', reference: about, method: 'string' });
  });
  promise('the same key gives the same checkout', async ({ payments }) => {
    const input = { key: fresh('checkout'), reference: reference(), email: 'someone@example.com', ...urls };
    assert.deepEqual(await payments.createCheckout(input), await payments.createCheckout(input));
    const other = await payments.createCheckout({ ...input, key: fresh('checkout') });
    assert.notEqual(other.id, (await payments.createCheckout(input)).id);
  });
  promise('what does not exist is undefined', async ({ payments }) => {
    assert.equal(await payments.readCheckout('cs_test_none'), undefined);
    assert.equal(await payments.readInvoice('in_none'), undefined);
    assert.equal(await payments.readSubscription('sub_none'), undefined);
  });
};

const chargePromises = (promise: Promised): void => {
  promise('subscribing charges the first month and tells which', async (subject) => {
    const about = reference();
    const method = await storeMethod(subject, about);
    const charge = paid(await subject.payments.subscribe({ key: fresh('charge'), reference: about, method, price, description: 'Plan developer' }));
    assert.equal(charge.status, 'paid');
    const { invoice } = charge;
    assert.deepEqual([invoice.status, invoice.amount, invoice.attempts, invoice.reference, invoice.providerSubscription], ['paid', price, 1, about, charge.providerSubscription]);
    assert.ok(invoice.periodEnd > plus(invoice.periodStart, 27 * 24 * 60 * minute) && invoice.periodEnd < plus(invoice.periodStart, 32 * 24 * 60 * minute));
    assert.deepEqual(await subject.payments.readInvoice(invoice.id), invoice);
    assert.deepEqual(await subject.payments.readSubscription(charge.providerSubscription), { id: charge.providerSubscription, reference: about, status: 'active', latestInvoice: invoice.id, cancelAtPeriodEnd: false });
  });
  promise('the same key gives the same charge; other parameters under it are refused', async (subject) => {
    const about = reference();
    const input = { key: fresh('charge'), reference: about, method: await storeMethod(subject, about), price, description: 'Plan developer' };
    const first = await subject.payments.subscribe(input);
    assert.deepEqual(await subject.payments.subscribe(input), first);
    await assert.rejects(subject.payments.subscribe({ ...input, price: { amount: 1, currency: 'USD' } }), Refused);
    assert.deepEqual(await subject.payments.subscribe(input), first);
  });
  promise('two calls at once under one key are one charge', async (subject) => {
    const about = reference();
    const input = { key: fresh('charge'), reference: about, method: await storeMethod(subject, about), price, description: 'Plan developer' };
    const [one, two] = await Promise.all([subject.payments.subscribe(input), subject.payments.subscribe(input)]);
    assert.deepEqual(one, two);
  });
  promise('a declined charge is an outcome, not an error; it stays declined under its key', async (subject) => {
    const about = reference();
    const input = { key: fresh('charge'), reference: about, method: await storeMethod(subject, about, 'declined-when-charged'), price, description: 'Plan developer' };
    const declined = await subject.payments.subscribe(input);
    assert.equal(declined.status, 'declined');
    assert.notEqual((declined as { reason: string }).reason, '');
    assert.deepEqual(await subject.payments.subscribe(input), declined);
    const good = await subject.payments.subscribe({ ...input, key: fresh('charge'), method: await storeMethod(subject, about) });
    assert.equal(good.status, 'paid', 'another method under another key is charged');
  });
  promise('a method that does not exist, or is of somebody else, is refused', async (subject) => {
    const about = reference();
    const method = await storeMethod(subject, reference());
    for (const wrong of ['pm_none', method]) {
      await assert.rejects(subject.payments.subscribe({ key: fresh('charge'), reference: about, method: wrong, price, description: 'Plan developer' }), Refused);
    }
  });
};

const subscriptionPromises = (promise: Promised): void => {
  const subscribed = async (subject: PaymentsSubject) => {
    const about = reference();
    const charge = paid(await subject.payments.subscribe({ key: fresh('charge'), reference: about, method: await storeMethod(subject, about), price, description: 'Plan developer' }));
    return { id: charge.providerSubscription, about };
  };
  promise('cancelling at the end of the period can be taken back', async (subject) => {
    const { id } = await subscribed(subject);
    await subject.payments.cancel({ key: fresh('cancel'), providerSubscription: id, when: 'period-end' });
    assert.deepEqual(pick(await subject.payments.readSubscription(id)), ['active', true]);
    await subject.payments.uncancel({ key: fresh('uncancel'), providerSubscription: id });
    assert.deepEqual(pick(await subject.payments.readSubscription(id)), ['active', false]);
  });
  promise('cancelling now ends it; cancelling again changes nothing; taking it back is refused', async (subject) => {
    const { id } = await subscribed(subject);
    for (let again = 0; again < 2; again += 1) {
      await subject.payments.cancel({ key: fresh('cancel'), providerSubscription: id, when: 'now' });
      assert.deepEqual(pick(await subject.payments.readSubscription(id)), ['canceled', false]);
    }
    await assert.rejects(subject.payments.uncancel({ key: fresh('uncancel'), providerSubscription: id }), Refused);
  });
  promise('another method for a paid subscription takes no money', async (subject) => {
    const { id, about } = await subscribed(subject);
    const before = await subject.payments.readSubscription(id);
    await subject.payments.replaceMethod({ key: fresh('method'), providerSubscription: id, method: await storeMethod(subject, about) });
    assert.deepEqual(await subject.payments.readSubscription(id), before);
  });
  promise('deeds on a subscription that does not exist are refused', async (subject) => {
    const about = reference();
    const method = await storeMethod(subject, about);
    await assert.rejects(subject.payments.replaceMethod({ key: fresh('method'), providerSubscription: 'sub_none', method }), Refused);
    await assert.rejects(subject.payments.cancel({ key: fresh('cancel'), providerSubscription: 'sub_none', when: 'now' }), Refused);
    await assert.rejects(subject.payments.uncancel({ key: fresh('uncancel'), providerSubscription: 'sub_none' }), Refused);
  });
};
const pick = (subscription: Awaited<ReturnType<Payments['readSubscription']>>) => [subscription?.status, subscription?.cancelAtPeriodEnd];

export const webhookBody = (changes: object = {}): string =>
  JSON.stringify({ id: 'evt_1Example', object: 'event', api_version: '2026-10-28.endive', created: 1_790_000_000, livemode: false, type: 'invoice.paid', data: { object: { id: 'in_1Example', object: 'invoice', status: 'paid' } }, ...changes });
const signed = (body: string, secret: string, at: Instant): string => Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: Math.floor(toEpochMs(at) / 1_000) });
const bytesOf = (body: string): Uint8Array => new TextEncoder().encode(body);

const webhookPromises = (promise: Promised): void => {
  promise('a webhook signed with any of the secrets names its object; the header may be written in any case', async ({ payments, secrets, now }) => {
    const body = webhookBody();
    for (const secret of secrets) {
      for (const header of ['stripe-signature', 'Stripe-Signature']) {
        assert.deepEqual(await payments.verifyWebhook(bytesOf(body), { [header]: signed(body, secret, now()) }, now()), {
          id: 'evt_1Example', type: 'invoice.paid', at: '2026-09-21T14:13:20.000Z', object: { kind: 'invoice', id: 'in_1Example' },
        });
      }
    }
  });
  promise('what is not signed by the provider is refused', async ({ payments, secrets, now }) => {
    const body = webhookBody();
    const good = signed(body, secrets[0]!, now());
    const time = good.split(',')[0]!;
    const wrong: Record<string, [string, string | undefined]> = {
      'no header': [body, undefined], 'empty header': [body, ''], 'another secret': [body, signed(body, 'whsec_of_somebody_else', now())], 'an empty secret': [body, signed(body, ' ', now())],
      'an altered body': [body.replace('in_1Example', 'in_2Example'), good], 'a byte more': [`${body} `, good], 'a byte order mark': [`\uFEFF${body}`, good], 'an empty body': ['', good],
      'no signature': [body, time], 'a signature without a value': [body, `${time},v1`], 'another scheme only': [body, good.replace('v1=', 'v0=')], 'nonsense': [body, 'nonsense'],
      'no time': [body, good.slice(time.length + 1)], 'a time in words': [body, good.replace(time, 't=now')], 'another time': [body, good.replace(time, `t=${Number(time.slice(2)) - 1}`)], 'two times': [body, `${good},${time}`],
    };
    for (const [what, [text, header]] of Object.entries(wrong)) {
      await assert.rejects(payments.verifyWebhook(bytesOf(text), header === undefined ? {} : { 'stripe-signature': header }, now()), refusedWith('BadSignature'), what);
    }
    const notText = new Uint8Array([...bytesOf(body), 0xff]);
    await assert.rejects(payments.verifyWebhook(notText, { 'stripe-signature': good }, now()), refusedWith('BadSignature'));
  });
  promise('a webhook is good for five minutes before and after its signing, by the clock given', async ({ payments, secrets, now }) => {
    const body = webhookBody();
    const verify = (seconds: number) => payments.verifyWebhook(bytesOf(body), { 'stripe-signature': signed(body, secrets[0]!, plus(now(), seconds * second)) }, now());
    for (const seconds of [-300, -299, 0, 299, 300]) assert.equal((await verify(seconds)).id, 'evt_1Example', `${seconds} s`);
    for (const seconds of [-86_400, -302, 302, 86_400]) await assert.rejects(verify(seconds), refusedWith('BadSignature'), `${seconds} s`);
  });
  promise('a signed body that is no event is refused, whatever it is', async ({ payments, secrets, now }) => {
    const bodies = ['{', 'null', '[]', '"evt_1"', '{}', webhookBody({ object: 'invoice' }), webhookBody({ object: 'v2.core.event' }), webhookBody({ id: 'in_1' }), webhookBody({ id: 'evt_1.2' }), webhookBody({ id: 7 }),
      webhookBody({ type: '' }), webhookBody({ created: '1790000000' }), webhookBody({ created: 1e300 }), webhookBody({ data: {} }), webhookBody({ data: { object: [] } })];
    for (const body of bodies) {
      await assert.rejects(payments.verifyWebhook(bytesOf(body), { 'stripe-signature': signed(body, secrets[0]!, now()) }, now()), refusedWith('NotAnEvent'), body);
    }
  });
  promise('an event of the other mode is refused', async ({ payments, secrets, now }) => {
    const body = webhookBody({ livemode: payments.mode !== 'live' });
    await assert.rejects(payments.verifyWebhook(bytesOf(body), { 'stripe-signature': signed(body, secrets[0]!, now()) }, now()), refusedWith('WrongMode'));
  });
  promise('objects of other kinds, and such without an id, are told as that', async ({ payments, secrets, now }) => {
    const kinds: [object, object][] = [
      [{ id: 'cs_1', object: 'checkout.session' }, { kind: 'checkout', id: 'cs_1' }], [{ id: 'sub_1', object: 'subscription' }, { kind: 'subscription', id: 'sub_1' }],
      [{ id: 'ch_1', object: 'charge' }, { kind: 'other', id: 'ch_1' }], [{ id: 'x', object: 'constructor' }, { kind: 'other', id: 'x' }], [{ object: 'invoice' }, { kind: 'other', id: '' }],
    ];
    for (const [object, expected] of kinds) {
      const body = webhookBody({ data: { object } });
      assert.deepEqual((await payments.verifyWebhook(bytesOf(body), { 'stripe-signature': signed(body, secrets[0]!, now()) }, now())).object, expected);
    }
  });
};
