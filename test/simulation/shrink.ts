/** Makes a failing script short: steps are left out, in ever smaller pieces, as long as it still fails. */
import type { Step } from './script.ts';

/** `fails` says whether a script still shows the failure. At most `triesMax` scripts are tried. */
export const shrink = async (script: readonly Step[], fails: (script: readonly Step[]) => Promise<boolean>, triesMax = 200): Promise<readonly Step[]> => {
  let shortest = script;
  let tries = 0;
  for (let size = Math.ceil(script.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < shortest.length && tries < triesMax; ) {
      const candidate = [...shortest.slice(0, from), ...shortest.slice(from + size)];
      tries += 1;
      if (candidate.length > 0 && (await fails(candidate))) shortest = candidate;
      else from += size;
    }
  }
  return shortest;
};
