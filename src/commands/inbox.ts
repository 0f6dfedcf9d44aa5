import { line, type CatalogEntry } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { IsIdOf, IsStreamId } from './validation.ts';
import type { MailId } from '../domain/ids.ts';
import { inbox, type ApplyWebhook, type IngestWebhook, type ReplayWebhook as ReplayCommand } from '../domain/inbox/decide.ts';
import { mail, type QueueMail, type RecordMailOutcome, type RetryMail as RetryCommand } from '../domain/mail/decide.ts';

/** Webhooks are one stream each: `<provider>.<mode>.<provider's event id>`. */
export const inboxId = (webhook: { readonly provider: string; readonly mode: string; readonly eventId: string }): string => `${webhook.provider}.${webhook.mode}.${webhook.eventId}`;

export class RetryMail extends CommandMessage {
  @Field('Mail that was given up and shall be tried again') @IsIdOf('mail') readonly mailId!: MailId;
}
export class ReplayWebhook extends CommandMessage {
  @Field("Webhook to act on again, as 'webhook list' shows it", 'stripe.mock.evt_1') @IsStreamId() readonly webhookId!: string;
}

export const inboxCommands: readonly CatalogEntry[] = [
  line<IngestWebhook>(inbox, 'IngestWebhook', { permission: 'webhook.receive', id: inboxId }),
  line<ApplyWebhook>(inbox, 'ApplyWebhook', { permission: 'webhook.apply', id: (c) => c.inboxId }),
  line<ReplayCommand, ReplayWebhook>(inbox, 'ReplayWebhook', {
    message: ReplayWebhook, permission: 'webhook.replay', id: (c) => c.webhookId,
    open: { audience: 'operator', noun: 'webhook', verb: 'replay', summary: 'Act on a stored webhook again; harmless, because what it names is read anew' },
  }),
  line<QueueMail>(mail, 'QueueMail', { permission: 'mail.queue', id: (c) => c.mailId }),
  line<RecordMailOutcome>(mail, 'RecordMailOutcome', { permission: 'mail.record', id: (c) => c.mailId }),
  line<RetryCommand, RetryMail>(mail, 'RetryMail', {
    message: RetryMail, permission: 'mail.retry', id: (c) => c.mailId,
    open: { audience: 'operator', noun: 'mail', verb: 'retry', summary: 'Try a mail again that was given up' },
  }),
];
