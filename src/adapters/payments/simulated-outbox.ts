/** The simulated provider's webhooks: stored with the change they tell of, then posted until they are taken. */
import { day, hour, minute, plus, second, toEpochMs, type Instant } from '../../domain/instant.ts';
import type { Random } from '../../domain/ports/random.ts';
import { strikes, type PaymentFaults } from './faults.ts';
import { providerId } from './provider-ids.ts';
import type { EventRow, SimulatedDatabase } from './simulated-database.ts';
import { loadStripe } from './stripe-package.ts';
import { stripeEvent } from './stripe-shapes.ts';
import { signatureHeader } from './stripe-webhooks.ts';

/** Posts a webhook and answers the status it got; throwing counts as not delivered. */
export type Post = (body: string, headers: Record<string, string>) => Promise<number>;
export type SentEvent = { readonly id: string; readonly type: string; readonly at: Instant; readonly object: string; readonly tries: number; readonly delivered: boolean };

const firstWaitsMs = [5 * second, minute, 10 * minute];
const givenUpAfterMs = 3 * day;
const waitMs = (tries: number): number => firstWaitsMs[tries - 1] ?? hour;

export class Outbox {
  readonly #database: SimulatedDatabase;
  readonly #random: Random;
  readonly #secret: string;
  readonly #faults: PaymentFaults;
  readonly #underWay = new Set<number>();

  constructor(database: SimulatedDatabase, random: Random, secret: string, faults: PaymentFaults) {
    this.#database = database;
    this.#random = random;
    this.#secret = secret;
    this.#faults = faults;
  }
  /** Call it inside the transaction of the change. */
  record(type: string, object: { readonly id: string; readonly object: string }, at: Instant): void {
    const id = providerId('evt', this.#random);
    this.#database.run('INSERT INTO events (id, type, at, body, tries, next_at) VALUES (?, ?, ?, ?, 0, ?)', id, type, at, JSON.stringify(stripeEvent(id, type, at, object)), at);
  }
  nextDueAt(): Instant | undefined {
    return this.#database.get<{ due: Instant | null }>('SELECT min(next_at) AS due FROM events WHERE next_at IS NOT NULL')?.due ?? undefined;
  }
  /** Oldest first, delivered ones too. */
  sent(): SentEvent[] {
    return this.#database.all<EventRow>('SELECT * FROM events ORDER BY n').map(({ id, type, at, body, tries, delivered_at }) => ({
      id, type, at, object: (JSON.parse(body) as { data: { object: { id: string } } }).data.object.id, tries, delivered: delivered_at !== null,
    }));
  }
  /** Posts everything due at `now`, each once; answers how many it posted. One that is not taken holds up no other, as at Stripe. */
  async deliver(post: Post, now: Instant): Promise<number> {
    const rows = this.#database.all<EventRow>('SELECT * FROM events WHERE next_at <= ? ORDER BY n', now).filter(({ n }) => !this.#underWay.has(n));
    if (this.#faults.reorderWebhooks) rows.reverse();
    for (const { n } of rows) this.#underWay.add(n);
    let posted = 0;
    try {
      for (const row of rows) {
        if (await this.#deliverOne(row, post, now)) posted += 1;
        this.#underWay.delete(row.n);
      }
    } finally {
      for (const { n } of rows) this.#underWay.delete(n);
    }
    return posted;
  }
  async #deliverOne(row: EventRow, post: Post, now: Instant): Promise<boolean> {
    if (row.tries === 0 && strikes(this.#faults, 'loseWebhooks')) {
      this.#database.run('UPDATE events SET next_at = NULL WHERE n = ?', row.n);
      return false;
    }
    if (row.tries === 0 && strikes(this.#faults, 'lateWebhooks')) {
      this.#database.run('UPDATE events SET next_at = ? WHERE n = ?', plus(now, this.#faults.lateByMs), row.n);
      return false;
    }
    // Signed anew for every try, so that a late one is not refused for its age.
    const { webhooks } = await loadStripe();
    const headers = { 'content-type': 'application/json; charset=utf-8', [signatureHeader]: webhooks.generateTestHeaderString({ payload: row.body, secret: this.#secret, timestamp: Math.floor(toEpochMs(now) / 1_000) }) };
    if (strikes(this.#faults, 'duplicateWebhooks')) await taken(post, row.body, headers);
    const delivered = await taken(post, row.body, headers);
    const tries = row.tries + 1;
    const givenUp = now >= plus(row.at, givenUpAfterMs);
    this.#database.run('UPDATE events SET tries = ?, next_at = ?, delivered_at = ? WHERE n = ?', tries, delivered || givenUp ? null : plus(now, waitMs(tries)), delivered ? now : null, row.n);
    return true;
  }
}

const taken = async (post: Post, body: string, headers: Record<string, string>): Promise<boolean> => {
  try {
    const status = await post(body, { ...headers });
    return status >= 200 && status < 300;
  } catch {
    return false;
  }
};
