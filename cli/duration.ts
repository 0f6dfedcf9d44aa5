/** Durations as people type them: 90s, 10m, 2h, 40d, 1w. */
import { usage } from './exit-codes.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
export const durationMs = (flag: string) => (text: string): number => {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text.trim());
  if (!parts) throw usage(`${flag} must be a duration like 90s, 10m or 2h, not '${text}'`, `For example ${flag} 10m.`);
  return Math.round(Number(parts[1]) * (unitMs[parts[2] as string] as number));
};
