import type { PlanEvent, PlanTerms } from './events.ts';

export type Plan = { readonly status: 'none' } | { readonly status: 'offered' | 'retired'; readonly terms: PlanTerms };
export const initial: Plan = { status: 'none' };
export const evolve = (state: Plan, event: PlanEvent): Plan => {
  switch (event.type) {
    case 'PlanOffered': return { status: 'offered', terms: event.data };
    case 'PlanRepriced': return state.status === 'none' ? state : { ...state, terms: { ...state.terms, price: event.data.price } };
    case 'PlanRetired': return state.status === 'none' ? state : { ...state, status: 'retired' };
  }
};
