import type { Event } from '../decider.ts';
import type { PlanId } from '../ids.ts';
import type { Money } from '../money.ts';

/** Workloads in all; the rest is for each of them. Plans of before limits on processes have none named: see `processesDefault`. */
export type PlanLimits = { readonly workloads: number; readonly cpuMillis: number; readonly memoryMiB: number; readonly diskMiB: number; readonly processes?: number };
/** Processes and threads at once, where a plan does not say. */
export const processesDefault = 256;
/** What happens after a missed payment: days of grace (with a warning so many hours before its end), then limited, then suspended. */
export type DunningPolicy = { readonly graceDays: number; readonly warnHours: number; readonly limitedDays: number; readonly suspendedDays: number };
/** What a customer agrees to: copied into their subscription, so that later changes of the plan never reach it. */
export type PlanTerms = { readonly planId: PlanId; readonly name: string; readonly price: Money; readonly interval: 'month'; readonly limits: PlanLimits; readonly policy: DunningPolicy };

/** These names are the storage format. */
export type PlanEvent =
  | Event<'PlanOffered', PlanTerms>
  | Event<'PlanRepriced', { planId: PlanId; price: Money }>
  | Event<'PlanRetired', { planId: PlanId }>;
export const upcasts = {};
