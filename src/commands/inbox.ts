import { line, type CatalogEntry } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { IsIdOf } from './validation.ts';
import type { MailId } from '../domain/ids.ts';
import { inbox, type ApplyWebhook, type IngestWebhook } from '../domain/inbox/decide.ts';
import { mail, type QueueMail, type RecordMailOutcome, type RetryMail as RetryCommand } from '../domain/mail/decide.ts';
import { work, type ParkWork, type ReleaseWork } from '../domain/work/decide.ts';

/** Webhooks are one stream each: `<provider>.<mode>.<provider's event id>`. */
export const inboxId = (webhook: { readonly provider: string; readonly mode: string; readonly eventId: string }): string => `${webhook.provider}.${webhook.mode}.${webhook.eventId}`;

export class RetryMail extends CommandMessage {
  @Field('Mail that was given up and shall be tried again') @IsIdOf('mail') readonly mailId!: MailId;
}

const workId = (c: { readonly reactor: string; readonly subject: string }) => `${c.reactor}.${c.subject}`;

export const inboxCommands: readonly CatalogEntry[] = [
  line<IngestWebhook>(inbox, 'IngestWebhook', { permission: 'webhook.receive', id: inboxId }),
  line<ApplyWebhook>(inbox, 'ApplyWebhook', { permission: 'webhook.apply', id: (c) => c.inboxId }),
  line<QueueMail>(mail, 'QueueMail', { permission: 'mail.queue', id: (c) => c.mailId }),
  line<RecordMailOutcome>(mail, 'RecordMailOutcome', { permission: 'mail.record', id: (c) => c.mailId }),
  line<RetryCommand, RetryMail>(mail, 'RetryMail', {
    message: RetryMail, permission: 'mail.retry', id: (c) => c.mailId,
    open: { audience: 'operator', noun: 'mail', verb: 'retry', summary: 'Try a mail again that was given up' },
  }),
  line<ParkWork>(work, 'ParkWork', { permission: 'work.park', id: workId }),
  line<ReleaseWork>(work, 'ReleaseWork', { permission: 'work.release', id: workId }),
];
