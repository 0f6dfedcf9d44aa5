import { line, type CatalogEntry } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { IsIdOf, IsLabel, IsWhole, Maybe } from './validation.ts';
import { Matches } from 'class-validator';
import type { PlanId } from '../domain/ids.ts';
import { processesDefault } from '../domain/plan/events.ts';
import { plan, type OfferPlan as OfferPlanCommand, type RepricePlan as RepricePlanCommand, type RetirePlan as RetirePlanCommand } from '../domain/plan/decide.ts';

const amountMax = 100_000_000;
const currency = () => Matches(/^[A-Z]{3}$/, { message: '$property must be an ISO 4217 code, e.g. USD' });

export class OfferPlan extends CommandMessage {
  @Field('Name customers see', 'developer') @IsLabel() readonly name!: string;
  @Field('Price a month in minor units (3500 = 35.00)', '3500') @IsWhole(1, amountMax) readonly amount!: number;
  @Field('Currency of the price', 'USD') @currency() readonly currency!: string;
  @Field('Workloads a namespace may have (10)') @Maybe() @IsWhole(1, 1000) readonly workloads?: number;
  @Field('CPU of each workload in thousandths of a core (1000)') @Maybe() @IsWhole(50, 64_000) readonly cpuMillis?: number;
  @Field('Memory of each workload in MiB (512)') @Maybe() @IsWhole(32, 262_144) readonly memoryMiB?: number;
  @Field('Disk of each workload in MiB (1024)') @Maybe() @IsWhole(16, 1_048_576) readonly diskMiB?: number;
  @Field(`Processes and threads of each workload at once (${processesDefault})`) @Maybe() @IsWhole(4, 100_000) readonly processes?: number;
  @Field('Days of grace after a missed payment; 0 limits at once (7)') @Maybe() @IsWhole(0, 365) readonly graceDays?: number;
  @Field('Hours before the end of grace at which a warning goes out (24)') @Maybe() @IsWhole(0, 720) readonly warnHours?: number;
  @Field('Days limited (read-only) before suspension (14)') @Maybe() @IsWhole(0, 365) readonly limitedDays?: number;
  @Field('Days suspended (stopped, data kept) before the end (30)') @Maybe() @IsWhole(0, 365) readonly suspendedDays?: number;
}
export class RepricePlan extends CommandMessage {
  @Field('Plan to reprice') @IsIdOf('pln') readonly planId!: PlanId;
  @Field('New price a month in minor units; who has subscribed keeps the old one', '3900') @IsWhole(1, amountMax) readonly amount!: number;
  @Field('Currency, which must be the plan\'s', 'USD') @currency() readonly currency!: string;
}
export class RetirePlan extends CommandMessage {
  @Field('Plan to take off sale; who has subscribed keeps it') @IsIdOf('pln') readonly planId!: PlanId;
}

export const planCommands: readonly CatalogEntry[] = [
  line<OfferPlanCommand, OfferPlan>(plan, 'OfferPlan', {
    permission: 'plan.offer', id: (c) => c.planId,
    fields: async (m, { derive, commandId }) => ({
      planId: derive.id('pln', commandId), name: m.name, price: { amount: m.amount, currency: m.currency }, interval: 'month',
      limits: { workloads: m.workloads ?? 10, cpuMillis: m.cpuMillis ?? 1000, memoryMiB: m.memoryMiB ?? 512, diskMiB: m.diskMiB ?? 1024, processes: m.processes ?? processesDefault },
      policy: { graceDays: m.graceDays ?? 7, warnHours: m.warnHours ?? 24, limitedDays: m.limitedDays ?? 14, suspendedDays: m.suspendedDays ?? 30 },
    }),
    message: OfferPlan, open: { audience: 'operator', noun: 'plan', verb: 'offer', summary: 'Put a plan on sale' },
  }),
  line<RepricePlanCommand, RepricePlan>(plan, 'RepricePlan', {
    permission: 'plan.reprice', id: (c) => c.planId,
    fields: async (m) => ({ planId: m.planId, price: { amount: m.amount, currency: m.currency } }),
    message: RepricePlan, open: { audience: 'operator', noun: 'plan', verb: 'reprice', summary: 'Change a plan\'s price for new subscribers' },
  }),
  line<RetirePlanCommand, RetirePlan>(plan, 'RetirePlan', {
    permission: 'plan.retire', id: (c) => c.planId,
    message: RetirePlan, open: { audience: 'operator', noun: 'plan', verb: 'retire', summary: 'Take a plan off sale' },
  }),
];
