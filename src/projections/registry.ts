import { gate } from './gate.ts';
import { accounts, invites, mails, namespaces, plans, signups, subscriptions, webhooks } from './models.ts';
import { parked } from './parked.ts';
import type { Projection } from './projection.ts';
import { invoices } from './invoices.ts';
import { sessions } from './sessions.ts';
import { workloads } from './workloads.ts';

/** Every read model there is. */
export const projections: readonly Projection[] = [gate, invites, plans, signups, accounts, subscriptions, invoices, sessions, namespaces, workloads, mails, webhooks, parked];
