/** Every aggregate's upcasts, by event type. */
import { upcasts as account } from './domain/account/events.ts';
import { upcasts as claim } from './domain/claim/events.ts';
import { upcasts as inbox } from './domain/inbox/events.ts';
import { upcasts as installation } from './domain/installation/events.ts';
import { upcasts as invite } from './domain/invite/events.ts';
import { upcasts as mail } from './domain/mail/events.ts';
import { upcasts as namespace } from './domain/namespace/events.ts';
import { upcasts as password } from './domain/password/events.ts';
import { upcasts as plan } from './domain/plan/events.ts';
import { upcasts as session } from './domain/session/events.ts';
import { upcasts as signup } from './domain/signup/events.ts';
import { upcasts as subscription } from './domain/subscription/events.ts';
import { upcasts as tenant } from './domain/tenant/events.ts';
import { upcasts as work } from './domain/work/events.ts';
import { upcasts as workload } from './domain/workload/events.ts';
import type { Upcast } from './domain/schema.ts';

export const upcasters: Readonly<Record<string, readonly Upcast[] | undefined>> = {
  ...account, ...claim, ...inbox, ...installation, ...invite, ...mail, ...namespace, ...password, ...plan, ...session, ...signup, ...subscription, ...tenant, ...work, ...workload,
};
