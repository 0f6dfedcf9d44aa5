/** What happens in a simulation, drawn from the seed: many customers and operators, time, faults and crashes. */
import { drawing } from './turns.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { day, hour, minute, second } from '../../src/domain/instant.ts';

export const asks = [
  'go on', 'invite', 'revoke', 'start', 'start again', 'verify', 'guess', 'checkout', 'card', 'redeem', 'redeem twice', 'open session', 'sign out everywhere', 'run', 'run twice', 'update', 'kill', 'pay', 'cancel', 'resume', 'offer', 'reprice', 'rebuild', 'workload dies', 'workload is lost', 'retry mails',
] as const;
export type AskName = (typeof asks)[number];
type Deed =
  | { readonly do: 'ask'; readonly what: AskName; readonly who: number }
  | { readonly do: 'turns'; readonly count: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'fault'; readonly what: 'payments fail' | 'payments answer is lost' | 'webhooks twice' | 'webhooks late' | 'webhooks reordered' | 'mails fail' | 'mail answer is lost'; readonly count: number }
  | { readonly do: 'crash' }
  | { readonly do: 'check' };
/** `n` is its own for ever, whatever is left out around it: chance within the step is drawn by it. */
export type Step = Deed & { readonly n: number };

/** What a step is, in a line. */
export const told = (step: Step): string => {
  switch (step.do) {
    case 'ask': return `customer ${step.who}: ${step.what} (${step.n})`;
    case 'turns': return `${step.count} turns`;
    case 'pass': return `${step.ms / minute} minutes pass`;
    case 'fault': return `fault: ${step.what}, ${step.count} times`;
    case 'crash': return 'crash';
    case 'check': return 'check';
  }
};

const customers = 4;
const weights: Readonly<Partial<Record<AskName, number>>> = { 'go on': 60, invite: 4, start: 5, verify: 4, checkout: 4, card: 6, redeem: 6, 'redeem twice': 4, 'open session': 4, run: 6, 'run twice': 2, update: 3, kill: 2, pay: 6, cancel: 2, resume: 2, 'workload dies': 2, rebuild: 1 };
const weighted: readonly AskName[] = asks.flatMap((name) => Array.from({ length: weights[name] ?? 1 }, () => name));
const faults = ['payments fail', 'payments answer is lost', 'webhooks twice', 'webhooks late', 'webhooks reordered', 'mails fail', 'mail answer is lost'] as const;
/** Mostly short: a one-time token lives for an hour. */
const spans = [second, second, second, minute, minute, minute, 20 * minute, 2 * hour, day, 8 * day, 31 * day, 31 * day] as const;
const checkEvery = 40;

const drawn = (draw: (below: number) => number): Deed => {
  const kind = draw(100);
  if (kind < 58) return { do: 'ask', what: weighted[draw(weighted.length)] as AskName, who: draw(customers) };
  if (kind < 82) return { do: 'turns', count: 1 + draw(draw(4) === 0 ? 150 : 30) };
  if (kind < 89) return { do: 'pass', ms: spans[draw(spans.length)] as number };
  return kind < 95 ? { do: 'fault', what: faults[draw(faults.length)] as (typeof faults)[number], count: 1 + draw(3) } : { do: 'crash' };
};
/** Every customer begins with an invitation; now and then everything settles and is looked at, and at the end. */
export const scriptOf = (seed: number, steps: number): readonly Step[] => {
  const draw = drawing(new SeededRandom(`script ${seed}`));
  return Array.from({ length: steps }, (_, n): Step => {
    if (n < customers) return { do: 'ask', what: 'invite', who: n, n };
    const deed = drawn(draw);
    return { ...(n % checkEvery === checkEvery - 1 || n === steps - 1 ? { do: 'check' } : deed), n };
  });
};
