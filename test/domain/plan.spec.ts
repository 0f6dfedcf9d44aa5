/** What is on sale. */
import test from 'node:test';
import fc from 'fast-check';
import { plan, type PlanCommand } from '../../src/domain/plan/decide.ts';
import type { PlanEvent } from '../../src/domain/plan/events.ts';
import { specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';
import { planId, terms } from './samples.ts';

const given = specify(plan);
const offer = { type: 'OfferPlan', ...terms } as const;
const reprice = (amount: number, currency = 'USD') => ({ type: 'RepricePlan', planId, price: { amount, currency } }) as const;
const retire = { type: 'RetirePlan', planId } as const;
const offered: PlanEvent = { type: 'PlanOffered', data: terms };
const repriced = (amount: number): PlanEvent => ({ type: 'PlanRepriced', data: { planId, price: { amount, currency: 'USD' } } });
const retired: PlanEvent = { type: 'PlanRetired', data: { planId } };

test('a plan is offered', () => void given().when(offer).then(offered));
test('offering it twice changes nothing', () => void given(offered).when(offer).thenNothing());
test('offering it does not bring a retired plan back', () => void given(offered, retired).when(offer).thenNothing());
test('a plan is repriced', () => void given(offered).when(reprice(4000)).then(repriced(4000)));
test('the same price again changes nothing', () => void given(offered, repriced(4000)).when(reprice(4000)).thenNothing());
test('a plan keeps its currency', () => void given(offered).when(reprice(3500, 'EUR')).thenRejected('CurrencyIsFixed'));
test('a retired plan is not repriced', () => void given(offered, retired).when(reprice(1)).thenRejected('PlanNotOnSale'));
test('an unknown plan is not repriced', () => void given().when(reprice(1)).thenRejected('PlanNotFound'));
test('a plan is retired', () => void given(offered).when(retire).then(retired));
test('retiring it twice changes nothing', () => void given(offered, retired).when(retire).thenNothing());
test('an unknown plan is not retired', () => void given().when(retire).thenRejected('PlanNotFound'));

laws(plan, fc.oneof<fc.Arbitrary<Asked<PlanCommand>>[]>(fc.constant(offer), fc.tuple(fc.nat(3), fc.constantFrom('USD', 'EUR')).map(([amount, currency]) => reprice(amount, currency)), fc.constant(retire)));
