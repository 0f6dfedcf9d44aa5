import { line, type CatalogEntry } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { IsIdOf } from './validation.ts';
import type { SubscriptionId } from '../domain/ids.ts';
import type { CancelSubscription as CancelCommand, ResumeSubscription as ResumeCommand } from '../domain/subscription/cancelling.ts';
import {
  subscription, type AdvanceSubscription, type ChoosePaymentMethod, type ObserveInvoice, type ObserveProviderState, type RecordCancellation, type RecordLevelTold, type RecordMethodAttached, type RecordNotice, type StartSubscription,
} from '../domain/subscription/decide.ts';

export class CancelSubscription extends CommandMessage {
  @Field('Subscription to end with its paid period; where nothing is paid, at once') @IsIdOf('sub') readonly subscriptionId!: SubscriptionId;
}
export class ResumeSubscription extends CommandMessage {
  @Field('Subscription whose cancellation is withdrawn') @IsIdOf('sub') readonly subscriptionId!: SubscriptionId;
}

const id = (c: { readonly subscriptionId: string }) => c.subscriptionId;
export const subscriptionCommands: readonly CatalogEntry[] = [
  line<StartSubscription>(subscription, 'StartSubscription', { permission: 'subscription.start', id }),
  line<ObserveInvoice>(subscription, 'ObserveInvoice', { permission: 'subscription.observe', id }),
  line<ObserveProviderState>(subscription, 'ObserveProviderState', { permission: 'subscription.observe', id }),
  line<AdvanceSubscription>(subscription, 'AdvanceSubscription', { permission: 'subscription.advance', id }),
  line<CancelCommand, CancelSubscription>(subscription, 'CancelSubscription', {
    message: CancelSubscription, permission: 'subscription.cancel', id,
    open: { audience: 'customer', noun: 'subscription', verb: 'cancel', gate: 'billing', summary: 'End a subscription with its paid period' },
  }),
  line<ResumeCommand, ResumeSubscription>(subscription, 'ResumeSubscription', {
    message: ResumeSubscription, permission: 'subscription.resume', id,
    open: { audience: 'customer', noun: 'subscription', verb: 'resume', gate: 'billing', summary: 'Withdraw a cancellation before it takes effect' },
  }),
  line<RecordCancellation>(subscription, 'RecordCancellation', { permission: 'subscription.record', id }),
  line<ChoosePaymentMethod>(subscription, 'ChoosePaymentMethod', { permission: 'subscription.choose', id }),
  line<RecordMethodAttached>(subscription, 'RecordMethodAttached', { permission: 'subscription.record', id }),
  line<RecordNotice>(subscription, 'RecordNotice', { permission: 'subscription.record', id }),
  line<RecordLevelTold>(subscription, 'RecordLevelTold', { permission: 'subscription.record', id }),
];
