/** Ids and terms that specifications share. */
import type { Actor } from '../../src/domain/decider.ts';
import type { AccountId, FlowId, LogId, MailId, NamespaceId, OperatorId, PersonId, PlanId, SessionId, SubscriptionId, TenantId, WorkloadId } from '../../src/domain/ids.ts';
import { personal } from '../../src/domain/personal.ts';
import type { PlanTerms } from '../../src/domain/plan/events.ts';

const filled = <P extends string>(prefix: P, digit: string): `${P}_${string}` => `${prefix}_${digit.repeat(20)}`;
export const person: PersonId = filled('per', '1');
export const accountId: AccountId = filled('acc', '1');
export const otherAccountId: AccountId = filled('acc', '2');
export const subscriptionId: SubscriptionId = filled('sub', '1');
export const namespaceId: NamespaceId = filled('ns', '1');
export const otherNamespaceId: NamespaceId = filled('ns', '2');
export const workloadId: WorkloadId = filled('wl', '1');
export const otherWorkloadId: WorkloadId = filled('wl', '2');
export const sessionId: SessionId = filled('ses', '1');
export const flowId: FlowId = filled('flw', '1');
export const otherFlowId: FlowId = filled('flw', '2');
export const operatorId: OperatorId = filled('opr', '1');
export const tenantId: TenantId = filled('ten', '1');
export const logId: LogId = filled('log', '1');
export const mailId: MailId = filled('mail', '1');
export const planId: PlanId = filled('pln', '1');
export const email = personal(person, 'email', 'ada@example.com');
export const customer: Actor = { kind: 'account', id: accountId, person, session: sessionId, namespaces: [namespaceId] };
export const stranger: Actor = { kind: 'account', id: otherAccountId, person: filled('per', '2'), session: filled('ses', '2'), namespaces: [otherNamespaceId] };
export const operator: Actor = { kind: 'operator', id: operatorId };
export const terms: PlanTerms = {
  planId, name: 'Dev', price: { amount: 3500, currency: 'USD' }, interval: 'month',
  limits: { workloads: 2, cpuMillis: 500, memoryMiB: 512, diskMiB: 1024 },
  policy: { graceDays: 7, warnHours: 24, limitedDays: 14, suspendedDays: 30 },
};
