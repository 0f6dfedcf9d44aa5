/**
 * Instants are ISO 8601 UTC strings in milliseconds ("2026-11-21T07:52:26.000Z"): they sort as text,
 * survive JSON unchanged, and are only ever *given* (by the Clock port), never read here.
 */
export type Instant = string & { readonly __instant: never };

export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The instant `milliseconds` after `instant`. */
export const plus = (instant: Instant, milliseconds: number): Instant => fromEpochMs(toEpochMs(instant) + milliseconds);

/** The same day and time of day one month later; the last day of that month where it has no such day. */
export const plusMonths = (instant: Instant, months: number): Instant => {
  const from = new Date(instant);
  const to = new Date(from);
  to.setUTCDate(1);
  to.setUTCMonth(from.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate();
  to.setUTCDate(Math.min(from.getUTCDate(), lastDay));
  return to.toISOString() as Instant;
};

export const toEpochMs = (instant: Instant): number => Date.parse(instant);
export const fromEpochMs = (epochMs: number): Instant => new Date(epochMs).toISOString() as Instant;

/** The later (earlier) of instants; undefined ones do not count. */
export const latest = (a: Instant, b: Instant): Instant => (a >= b ? a : b);
export const earliest = (...instants: readonly (Instant | undefined)[]): Instant | undefined =>
  instants.reduce<Instant | undefined>((min, i) => (i !== undefined && (min === undefined || i < min) ? i : min), undefined);

/** An instant from text that a person or program gave; undefined when it is none. */
export const parseInstant = (text: string): Instant | undefined => {
  const epochMs = /^\d{4}-\d{2}(-\d{2})?/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(epochMs) ? undefined : fromEpochMs(epochMs);
};

/** Longer durations than a century are nobody's intention. */
const durationMaxMs = 100 * 366 * day;
/** Milliseconds from "90s", "10m", "2h", "40d", "1w" or ISO 8601 "P1DT2H"; undefined when it is no duration. */
export const parseDuration = (text: string): number | undefined => {
  const duration = anyDuration(text);
  return duration !== undefined && duration <= durationMaxMs ? duration : undefined;
};
const anyDuration = (text: string): number | undefined => {
  const short = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text.trim());
  if (short) return Math.round(Number(short[1]) * { ms: 1, s: second, m: minute, h: hour, d: day, w: 7 * day }[short[2] as 'ms']);
  const iso = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text.trim());
  if (!iso || text.trim().length < 3) return undefined;
  const [, w = 0, d = 0, h = 0, m = 0, s = 0] = iso;
  return Number(w) * 7 * day + Number(d) * day + Number(h) * hour + Number(m) * minute + Number(s) * second;
};
