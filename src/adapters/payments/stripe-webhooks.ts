/** Whether a webhook is Stripe's, and which object it names. Nothing else of its body is believed: the object is read again. */
import { fromEpochMs, toEpochMs, type Instant } from '../../domain/instant.ts';
import { Refused } from '../../domain/ports/failures.ts';
import type { ProviderEvent } from '../../domain/ports/payments.ts';
import { loadStripe } from './stripe-package.ts';

export const signatureHeader = 'stripe-signature';
const toleranceS = 300;

const badSignature = (detail: string): Refused => new Refused('BadSignature', detail);
const notAnEvent = (detail: string): Refused => new Refused('NotAnEvent', detail);

/**
 * The event in `raw`, signed with one of `secrets` (several while one is being rolled) at most five minutes before or after `now`.
 * With `livemode`, an event of the other mode is refused.
 */
export const verifyStripeWebhook = async (
  raw: Uint8Array, headers: Readonly<Record<string, string | undefined>>, secrets: readonly string[], now: Instant, expected: { readonly livemode?: boolean } = {},
): Promise<ProviderEvent> => {
  const header = Object.entries(headers).find(([name]) => name.toLowerCase() === signatureHeader)?.[1];
  if (typeof header !== 'string' || header === '') throw badSignature('The webhook has no Stripe-Signature header; only the payment provider may call this address.');
  const body = textOf(raw);
  checkSignedAt(header, now);
  const { webhooks } = await loadStripe();
  const signed = secrets.some((secret) => {
    try {
      return webhooks.signature?.verifyHeader(body, header, secret, toleranceS, undefined, toEpochMs(now)) === true;
    } catch {
      return false; // whatever it finds wrong with a header from outside, the answer is the same
    }
  });
  if (!signed) throw badSignature('The webhook is signed with none of the configured secrets, or its body was changed; compare the signing secret with the one the provider shows.');
  return eventOf(body, expected.livemode);
};

/** Strictly UTF-8, byte order mark kept: text that only decodes to what was signed is not what was signed. */
const textOf = (raw: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw badSignature('The body of the webhook is no UTF-8 text.');
  }
};

/** Stripe's own check refuses only what is too old; a time in the future would be good for as long as it is ahead. */
const checkSignedAt = (header: string, now: Instant): void => {
  const times = header.split(',').filter((part) => part.trim().startsWith('t='));
  const time = /^t=(\d{1,12})$/.exec(times[0] ?? '')?.[1];
  if (times.length !== 1 || time === undefined) throw badSignature('The Stripe-Signature header has no single time.');
  const ageS = Math.floor(toEpochMs(now) / 1_000) - Number(time);
  if (Math.abs(ageS) > toleranceS) throw badSignature(`The webhook was signed ${Math.abs(ageS)} seconds ${ageS > 0 ? 'ago' : 'ahead of this clock'}; at most ${toleranceS} are accepted.`);
};

const kinds: Readonly<Record<string, ProviderEvent['object']['kind']>> = { 'checkout.session': 'checkout', invoice: 'invoice', subscription: 'subscription' };
const latestEpochS = 253_402_300_799; // the last second of the year 9999, where ISO 8601 instants still sort as text

const eventOf = (body: string, livemode: boolean | undefined): ProviderEvent => {
  const event = fieldsOf(parse(body));
  if (event?.['object'] === 'v2.core.event') throw notAnEvent('This is a thin event; register the address for snapshot events.');
  const { id, type, created } = event ?? {};
  const object = fieldsOf(fieldsOf(event?.['data'])?.['object']);
  if (event?.['object'] !== 'event' || !object) throw notAnEvent('The body of the webhook is no Stripe event.');
  // The id becomes part of a stream's name.
  if (typeof id !== 'string' || !/^evt_[A-Za-z0-9_]{1,200}$/.test(id)) throw notAnEvent('The event has no id of the form evt_...');
  if (typeof type !== 'string' || !/^[a-z0-9_.]{1,200}$/.test(type)) throw notAnEvent('The event has no type.');
  if (typeof created !== 'number' || !Number.isInteger(created) || created < 0 || created > latestEpochS) throw notAnEvent('The event has no time of creation.');
  if (livemode !== undefined && event['livemode'] !== livemode) throw new Refused('WrongMode', `This address takes ${livemode ? 'live' : 'test'} events only.`);
  return { id, type, at: fromEpochMs(created * 1_000), object: objectOf(object) };
};

/** Some objects, like the preview of an invoice, have no id: nothing can be read again, and nothing needs to be. */
const objectOf = (object: Readonly<Record<string, unknown>>): ProviderEvent['object'] => {
  const { id, object: name } = object;
  if (typeof id !== 'string' || id === '') return { kind: 'other', id: '' };
  return { kind: typeof name === 'string' && Object.hasOwn(kinds, name) ? kinds[name]! : 'other', id };
};
const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined);
const parse = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    throw notAnEvent('The body of the webhook is no JSON.');
  }
};
