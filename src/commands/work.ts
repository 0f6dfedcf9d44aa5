import { line, type CatalogEntry, type Gathering } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { applyWebhooks } from './reactors/apply-webhooks.ts';
import { reactors } from './reactors/registry.ts';
import { IsStreamId, IsText, Maybe } from './validation.ts';
import { streamName } from '../domain/ids.ts';
import { inbox, reject as rejectInbox } from '../domain/inbox/decide.ts';
import { reject, work, type ParkWork, type ReleaseWork as ReleaseCommand } from '../domain/work/decide.ts';

export class ReleaseWork extends CommandMessage {
  @Field("Reactor that parked it, as 'reactor list' names it", 'send-mail') @IsStreamId() readonly reactor!: string;
  @Field('Whose work: the id of the mail, workload, subscription and so on, or its stream', 'mail_0123456789abcdefghjk') @IsStreamId() readonly subject!: string;
  @Field('Key of one deed; all that wait there when left out') @Maybe() @IsText(1, 300) readonly key?: string;
}
export class ParkWebhook extends CommandMessage {
  @Field("Webhook to take aside before it is acted on, as 'webhook list' shows it", 'stripe.mock.evt_1') @IsStreamId() readonly webhookId!: string;
}
export class ReleaseWebhook extends CommandMessage {
  @Field('Webhook that was parked and shall be acted on', 'stripe.mock.evt_1') @IsStreamId() readonly webhookId!: string;
}

const workId = (c: { readonly reactor: string; readonly subject: string }) => `${c.reactor}.${c.subject}`;
const ofWebhook = (webhookId: string, { tenant }: Gathering) => ({ reactor: applyWebhooks.name, subject: streamName(inbox.category, tenant, webhookId) });
const byStaff = 'parked by staff';

/** Work that waits for staff: parked by reactors, taken aside and released by people. */
export const workCommands: readonly CatalogEntry[] = [
  line<ParkWork>(work, 'ParkWork', { permission: 'work.park', id: workId }),
  line<ReleaseCommand, ReleaseWork>(work, 'ReleaseWork', {
    message: ReleaseWork, permission: 'work.release', id: workId,
    fields: async ({ reactor: name, subject, key }, { tenant }) => {
      const reactor = reactors.find((candidate) => candidate.name === name);
      if (!reactor) return reject('ReactorNotFound', { name });
      const { category } = reactor.decider;
      const stream = subject.startsWith(`${category}-`) ? subject : streamName(category, tenant, subject);
      return { reactor: name, subject: stream, ...(key === undefined ? {} : { key }) };
    },
    open: { audience: 'operator', noun: 'reactor', verb: 'retry', summary: 'Release parked work, so that it is tried again' },
  }),
  line<ParkWork, ParkWebhook>(work, 'ParkWork', {
    as: 'ParkWebhook', message: ParkWebhook, permission: 'work.park', id: workId,
    fields: async ({ webhookId }, gathering) => {
      const state = await gathering.lookup(inbox, webhookId);
      if (state.status === 'none') return rejectInbox('WebhookNotFound');
      return { ...ofWebhook(webhookId, gathering), deeds: applyWebhooks.todo(state).map(({ key, do: deed }) => ({ key, deed, attempts: 0, error: byStaff })) };
    },
    open: { audience: 'operator', noun: 'webhook', verb: 'park', summary: 'Take a webhook aside before it is acted on' },
  }),
  line<ReleaseCommand, ReleaseWebhook>(work, 'ReleaseWork', {
    as: 'ReleaseWebhook', message: ReleaseWebhook, permission: 'work.release', id: workId,
    fields: async ({ webhookId }, gathering) => ofWebhook(webhookId, gathering),
    open: { audience: 'operator', noun: 'webhook', verb: 'release', summary: 'Act on a parked webhook after all' },
  }),
];
