import { line, type CatalogEntry } from './catalog-entry.ts';
import {
  subscription, type AdvanceSubscription, type ChoosePaymentMethod, type ObserveInvoice, type ObserveProviderState, type RecordLevelTold, type RecordMethodAttached, type RecordNotice, type StartSubscription,
} from '../domain/subscription/decide.ts';

const id = (c: { readonly subscriptionId: string }) => c.subscriptionId;
export const subscriptionCommands: readonly CatalogEntry[] = [
  line<StartSubscription>(subscription, 'StartSubscription', { permission: 'subscription.start', id }),
  line<ObserveInvoice>(subscription, 'ObserveInvoice', { permission: 'subscription.observe', id }),
  line<ObserveProviderState>(subscription, 'ObserveProviderState', { permission: 'subscription.observe', id }),
  line<AdvanceSubscription>(subscription, 'AdvanceSubscription', { permission: 'subscription.advance', id }),
  line<ChoosePaymentMethod>(subscription, 'ChoosePaymentMethod', { permission: 'subscription.choose', id }),
  line<RecordMethodAttached>(subscription, 'RecordMethodAttached', { permission: 'subscription.record', id }),
  line<RecordNotice>(subscription, 'RecordNotice', { permission: 'subscription.record', id }),
  line<RecordLevelTold>(subscription, 'RecordLevelTold', { permission: 'subscription.record', id }),
];
