import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { PlanId } from '../ids.ts';
import type { Money } from '../money.ts';
import type { PlanEvent, PlanTerms } from './events.ts';
import { evolve, initial, type Plan } from './state.ts';

export type OfferPlan = Command<'OfferPlan', PlanTerms>;
export type RepricePlan = Command<'RepricePlan', { planId: PlanId; price: Money }>;
export type RetirePlan = Command<'RetirePlan', { planId: PlanId }>;
export type PlanCommand = OfferPlan | RepricePlan | RetirePlan;

export const reject = rejections({
  PlanNotFound: ['not-found', 'There is no such plan.', "See 'tollgate plan list'."],
  PlanNotOnSale: ['conflict', 'This plan is no longer on sale.', "Choose another one: 'tollgate plan list'."],
  CurrencyIsFixed: ['invalid', 'A plan keeps its currency ({currency}).', 'Offer a new plan for another currency.'],
});

const offer = (command: OfferPlan, state: Plan): Decision<PlanEvent> => {
  if (state.status !== 'none') return [];
  const { planId, name, price, interval, limits, policy } = command;
  return [{ type: 'PlanOffered', data: { planId, name, price, interval, limits, policy } }];
};
const reprice = ({ planId, price }: RepricePlan, state: Plan): Decision<PlanEvent> => {
  if (state.status === 'none') return reject('PlanNotFound');
  if (state.status === 'retired') return reject('PlanNotOnSale');
  if (state.terms.price.currency !== price.currency) return reject('CurrencyIsFixed', { currency: state.terms.price.currency });
  return state.terms.price.amount === price.amount ? [] : [{ type: 'PlanRepriced', data: { planId, price } }];
};
const retire = ({ planId }: RetirePlan, state: Plan): Decision<PlanEvent> => {
  if (state.status === 'none') return reject('PlanNotFound');
  return state.status === 'retired' ? [] : [{ type: 'PlanRetired', data: { planId } }];
};

const decide = (command: PlanCommand, state: Plan): Decision<PlanEvent> => {
  switch (command.type) {
    case 'OfferPlan': return offer(command, state);
    case 'RepricePlan': return reprice(command, state);
    case 'RetirePlan': return retire(command, state);
  }
};
export const plan: Decider<PlanCommand, Plan, PlanEvent> = { category: 'plan', initial, decide, evolve };
