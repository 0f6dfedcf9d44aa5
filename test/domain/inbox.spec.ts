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
const replay = { type: 'ReplayWebhook', webhookId: 'stripe.test.evt_1' } as const;
const replayed = (n: number): InboxEvent => ({ type: 'WebhookReplayed', data: { provider: 'stripe', eventId: 'evt_1', n, at: now } });
test('a webhook is acted on again, as often as it is asked for', () => {
  given(received, applied).when(replay).then(replayed(1));
  given(received, ignored).when(replay).then(replayed(1));
  given(received, applied, replayed(1), ignored).when(replay).then(replayed(2));
});
test('one that is still to be acted on needs no replay', () => {
  given(received).when(replay).thenNothing();
  given(received, applied, replayed(1)).when(replay).thenNothing();
});
test('a webhook that never came cannot be replayed', () => void given().when(replay).thenRejected('WebhookNotFound'));
test('to do: a replay is a deed of its own, so that it is not answered from the record of the first', () => {
  given(received, applied, replayed(1)).thenTodo({ do: 'ApplyWebhook', key: 'stripe.test.evt_1.1' });
  given(received, applied, replayed(1), applied).thenTodo();
});
test('to do: a received webhook waits to be applied', () => given(received).thenTodo({ do: 'ApplyWebhook', key: 'stripe.test.evt_1' }));
test('to do: nothing before it came, nothing once applied or ignored', () => {
  given().thenTodo();
  given(received, applied).thenTodo();
  given(received, ignored).thenTodo();
});

laws(inbox, fc.constantFrom<Asked<InboxCommand>>(ingest, apply, ignore, replay), todo);
