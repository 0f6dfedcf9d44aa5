/** One simulation: a script carried out on a world; at each check everything settles and every promise is looked at. */
import { createHash } from 'node:crypto';
import { Customers } from './customers.ts';
import { brokenPromise } from './invariants.ts';
import type { Step } from './script.ts';
import { World, type WorldOptions } from './world.ts';
import { day, minute } from '../../src/domain/instant.ts';

export type Outcome = {
  /** What was broken, and at which step (from 0) it was found; undefined when every promise held. */
  readonly broken?: { readonly step: number; readonly what: string };
  /** Over every byte of the log. */
  readonly logDigest: string;
  readonly events: number;
  readonly turns: number;
};

/** Faults that wait to strike do not pile up: eight in a row park what they strike, and rightly so. */
const atMost = (count: number): number => Math.min(count, 3);
const setFault = ({ payments: { faults }, mailFaults }: World, { what, count }: Extract<Step, { do: 'fault' }>): void => {
  switch (what) {
    case 'payments fail': faults.unavailableBefore = atMost(faults.unavailableBefore + count); break;
    case 'payments answer is lost': faults.unavailableAfter = atMost(faults.unavailableAfter + count); break;
    case 'webhooks twice': faults.duplicateWebhooks += count; break;
    case 'webhooks late': faults.lateWebhooks += count; break;
    case 'webhooks reordered': faults.reorderWebhooks = !faults.reorderWebhooks; break;
    case 'mails fail': mailFaults.unavailableBefore += count; break;
    case 'mail answer is lost': mailFaults.unavailableAfter += count; break;
  }
};
/** The world turns kind: from now on everything must come right within a bound. */
const withoutFaults = async (world: World): Promise<void> => {
  Object.assign(world.payments.faults, { unavailableBefore: 0, unavailableAfter: 0, duplicateWebhooks: 0, lateWebhooks: 0, reorderWebhooks: false });
  Object.assign(world.mailFaults, { unavailableBefore: 0, unavailableAfter: 0 });
  await world.pass(day);
};

class Simulation {
  readonly #world: World;
  readonly #customers: Customers;
  /** Crashes and lost answers of the carrier: each excuses one repeated mail. */
  #excuses = 0;
  constructor(options: WorldOptions) {
    this.#world = new World(options);
    this.#customers = new Customers(this.#world);
  }

  async run(script: readonly Step[]): Promise<Outcome> {
    const world = this.#world;
    try {
      await world.boot();
      for (const [step, what] of script.entries()) {
        const broken = await this.#take(what).catch((error: unknown) => String(error));
        if (broken !== undefined) return await this.#outcome({ step, what: broken });
      }
      await withoutFaults(world);
      const broken = await brokenPromise(world, this.#customers, this.#excuses);
      return await this.#outcome(broken === undefined ? undefined : { step: script.length, what: `after all faults have ended: ${broken}` });
    } finally {
      await world.close();
    }
  }

  /** What it broke, if anything. */
  async #take(step: Step): Promise<string | undefined> {
    const world = this.#world;
    world.draw(String(step.n));
    switch (step.do) {
      case 'ask': this.#customers.ask(step.what, step.who, step.n); break;
      case 'turns': for (let taken = 0; taken < step.count && (await world.turns.take()); taken += 1); break;
      case 'pass': await world.pass(step.ms); break;
      case 'fault': setFault(world, step); this.#excuses += step.what === 'mail answer is lost' ? step.count : 0; break;
      case 'crash': await world.crash(); this.#excuses += 1; break;
      case 'check':
        await world.pass(minute);
        return brokenPromise(world, this.#customers, this.#excuses);
    }
    return undefined;
  }

  async #outcome(broken: Outcome['broken']): Promise<Outcome> {
    const hash = createHash('sha256');
    let events = 0;
    for await (const page of this.#world.store.readAll(0n)) {
      for (const { stream, revision, id, type, data, meta } of page) {
        hash.update(JSON.stringify([stream, revision, id, type, data, meta]));
        events += 1;
      }
    }
    return { ...(broken === undefined ? {} : { broken }), logDigest: hash.digest('hex'), events, turns: this.#world.turns.taken };
  }
}

export const simulate = (script: readonly Step[], options: WorldOptions): Promise<Outcome> => new Simulation(options).run(script);
