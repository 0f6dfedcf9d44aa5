import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { ClaimEvent } from './events.ts';
import { evolve, initial, type Claim } from './state.ts';

export type ClaimName = Command<'ClaimName', { kind: string; value: string; holder: string }>;
export type ClaimCommand = ClaimName;

export const reject = rejections({
  NameTaken: ['conflict', "The name '{value}' is taken.", 'Choose another one.'],
});

const decide = ({ kind, value, holder }: ClaimCommand, state: Claim): Decision<ClaimEvent> => {
  if (state.holder === undefined) return [{ type: 'NameClaimed', data: { kind, value, holder } }];
  return state.holder === holder ? [] : reject('NameTaken', { value });
};
export const claim: Decider<ClaimCommand, Claim, ClaimEvent> = { category: 'claim', initial, decide, evolve };
