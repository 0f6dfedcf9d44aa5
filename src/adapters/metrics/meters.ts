/**
 * What happens in this process, counted as it happens. Plain numbers in arrays and maps: measuring costs the hot paths next to
 * nothing, and the library that writes the text is loaded by the first who asks for it.
 */
export type Labels = Readonly<Record<string, string>>;

/** How often a value fell into each range. */
export class Distribution {
  /** Upper bounds, rising; what is above the last is counted one place further. */
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }
  observe(value: number): void {
    let place = 0;
    while (place < this.bounds.length && value > (this.bounds[place] as number)) place += 1;
    this.counts[place] = (this.counts[place] as number) + 1;
    this.sum += value;
  }
}

/** One metric: a count or a distribution for each combination of labels that has occurred. Labels come from closed lists only. */
export class Family<T> {
  readonly name: string;
  readonly help: string;
  readonly entries = new Map<string, { readonly labels: Labels; value: T }>();
  readonly #make: () => T;
  constructor(name: string, help: string, make: () => T) {
    this.name = name;
    this.help = help;
    this.#make = make;
  }
  /** `key` must say the same as the labels; they are made for a new one only. */
  at(key: string, labels: () => Labels): { value: T } {
    let entry = this.entries.get(key);
    if (!entry) {
      entry = { labels: labels(), value: this.#make() };
      this.entries.set(key, entry);
    }
    return entry;
  }
}

const secondsBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const sizeBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const durations = (name: string, help: string): Family<Distribution> => new Family(name, help, () => new Distribution(secondsBounds));
const counts = (name: string, help: string): Family<number> => new Family(name, help, () => 0);

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
const mailOutcomes: Readonly<Record<string, string>> = { MailQueued: 'queued', MailSent: 'sent', MailAttemptFailed: 'failed for now', MailGivenUp: 'given up', MailRetried: 'tried again by staff' };
const webhookOutcomes: Readonly<Record<string, string>> = { WebhookReceived: 'received', WebhookApplied: 'applied', WebhookIgnored: 'ignored' };

export class Meters {
  readonly http = durations('tollgate_http_request_duration_seconds', 'Time to answer, by route pattern; answers that go on (logs, events) are left out');
  readonly commands = durations('tollgate_command_duration_seconds', 'Time to decide a command and make it durable, by what became of it');
  readonly commits = durations('tollgate_commit_duration_seconds', 'Time of one shared commit of the log: write, and fsync');
  readonly batches = new Family('tollgate_commit_batch_size', 'Appends that shared one commit of the log', () => new Distribution(sizeBounds));
  readonly events = counts('tollgate_events_total', 'Events appended by this process, by type');
  readonly verdicts = counts('tollgate_gate_verdicts_total', 'Answers of the gate, by service level and action');
  readonly webhooks = counts('tollgate_webhooks_total', 'Incoming webhooks, by what became of them');
  readonly mails = counts('tollgate_mails_total', 'Mails, by what became of them');
  readonly #now: () => number;

  /** `now`: seconds that only grow, from anywhere. */
  constructor(now: () => number) {
    this.#now = now;
  }

  answered(method: string, route: string, status: number, seconds: number): void {
    const known = methods.has(method) ? method : 'other';
    const family = Math.floor(status / 100);
    this.http.at(`${known} ${route} ${family}`, () => ({ method: known, route, status: `${family}xx` })).value.observe(seconds);
  }
  verdict(level: string, action: string, allow: boolean): void {
    this.verdicts.at(`${level} ${action} ${allow}`, () => ({ level, action, allow: String(allow) })).value += 1;
  }
  /** A command begins; call the answer with what became of it. */
  command(type: string): (outcome: string) => void {
    const begun = this.#now();
    return (outcome) => this.commands.at(`${type} ${outcome}`, () => ({ command: type, outcome })).value.observe(this.#now() - begun);
  }
  /** A shared commit begins; call the answer with how many appends it held. */
  commit(): (appends: number) => void {
    const begun = this.#now();
    return (appends) => {
      this.commits.at('', () => ({})).value.observe(this.#now() - begun);
      this.batches.at('', () => ({})).value.observe(appends);
    };
  }
  appended(events: readonly { readonly type: string }[]): void {
    for (const { type } of events) {
      this.events.at(type, () => ({ type })).value += 1;
      const [mail, webhook] = [mailOutcomes[type], webhookOutcomes[type]];
      if (mail !== undefined) this.mails.at(mail, () => ({ outcome: mail })).value += 1;
      if (webhook !== undefined) this.webhooks.at(webhook, () => ({ outcome: webhook })).value += 1;
    }
  }
}
