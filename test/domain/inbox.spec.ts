/** A webhook: received once, applied or ignored once. */
import test from 'node:test';
import fc from 'fast-check';
import { inbox, type InboxCommand } from '../../src/domain/inbox/decide.ts';
import type { InboxEvent } from '../../src/domain/inbox/events.ts';
import { todo } from '../../src/domain/inbox/todo.ts';
import { personal } from '../../src/domain/personal.ts';
import { now, specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';

const given = specify(inbox, todo);
const body = personal('key_11111111111111111111', 'webhookBody', '{}');
const named = { provider: 'stripe', mode: 'test', eventId: 'evt_1', object: { kind: 'invoice', id: 'in_1' }, body };
const ingest = { type: 'IngestWebhook', ...named, webhookType: 'invoice.paid' } as const;
const apply = { type: 'ApplyWebhook', inboxId: 'stripe.test.evt_1', outcome: { applied: true, effect: 'ObserveInvoice' } } as const;
const ignore = { ...apply, outcome: { applied: false, reason: 'of another application' } } as const;
const received: InboxEvent = { type: 'WebhookReceived', data: { ...named, type: 'invoice.paid', at: now } };
const applied: InboxEvent = { type: 'WebhookApplied', data: { provider: 'stripe', eventId: 'evt_1', effect: 'ObserveInvoice' } };
const ignored: InboxEvent = { type: 'WebhookIgnored', data: { provider: 'stripe', eventId: 'evt_1', reason: 'of another application' } };

test('a webhook is received', () => void given().when(ingest).then(received));
test('the same webhook delivered twice is received once', () => void given(received).when(ingest).thenNothing());
test('even after it has been applied', () => void given(received, applied).when(ingest).thenNothing());
test('a received webhook is applied', () => void given(received).when(apply).then(applied));
test('applying twice changes nothing', () => void given(received, applied).when(apply).thenNothing());
test('a webhook that means nothing to us is ignored, with the reason', () => void given(received).when(ignore).then(ignored));
test('an applied webhook is not ignored afterwards', () => void given(received, applied).when(ignore).thenNothing());
test('a webhook that never came cannot be applied', () => void given().when(apply).thenRejected('WebhookNotFound'));
test('to do: a received webhook waits to be applied', () => given(received).thenTodo({ do: 'ApplyWebhook', key: 'stripe.test.evt_1' }));
test('to do: nothing before it came, nothing once applied or ignored', () => {
  given().thenTodo();
  given(received, applied).thenTodo();
  given(received, ignored).thenTodo();
});

laws(inbox, fc.constantFrom<Asked<InboxCommand>>(ingest, apply, ignore), todo);
