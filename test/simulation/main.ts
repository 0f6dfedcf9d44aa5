/** `npm run simulate -- --seed N [--steps N] [--runs N] [--store memory|sqlite]`: simulates, and shrinks what fails to a short list of steps. */
import { parseArgs } from 'node:util';
import { planted, type Plant } from './planted.ts';
import { scriptOf, told, type Step } from './script.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';
import type { StoreKind } from './world.ts';

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' }, steps: { type: 'string', default: '300' }, runs: { type: 'string', default: '1' }, store: { type: 'string', default: 'memory' }, plant: { type: 'string' } } });
const [first, steps, runs] = [Number(values.seed), Number(values.steps), Number(values.runs)];
if (![first, steps, runs].every(Number.isSafeInteger) || !['memory', 'sqlite'].includes(values.store) || (values.plant !== undefined && !Object.hasOwn(planted, values.plant))) {
  process.stderr.write(`--seed, --steps and --runs take whole numbers, --store memory or sqlite, --plant one of ${Object.keys(planted).join(', ')}\n`);
  process.exit(2);
}
const tamper = values.plant === undefined ? {} : { tamper: planted[values.plant as Plant] };
let failed = 0;
for (let seed = first; seed < first + runs; seed += 1) {
  const options = { seed, store: values.store as StoreKind, ...tamper };
  const script = scriptOf(seed, steps);
  const { broken, events, turns, logDigest } = await simulate(script, options);
  if (!broken) {
    process.stdout.write(`seed ${seed}: every promise held in ${script.length} steps, ${turns} turns, ${events} events (log ${logDigest.slice(0, 12)})\n`);
    continue;
  }
  failed += 1;
  process.stdout.write(`seed ${seed}: broken at step ${broken.step}: ${broken.what}\nShrinking ...\n`);
  const ending = (cut: readonly Step[]): readonly Step[] => (cut.at(-1)?.do === 'check' ? cut : [...cut, { do: 'check', n: steps }]);
  const kind = broken.what.split(/\d|[a-z]+_[0-9a-z]{20}/)[0];
  const shortest = await shrink(script.slice(0, broken.step + 1), async (cut) => (await simulate(ending(cut), options)).broken?.what.startsWith(kind ?? '') === true);
  process.stdout.write(`${shortest.length} steps are enough:\n${ending(shortest).map((step) => `  ${told(step)}\n`).join('')}`);
}
process.stdout.write(`${runs - failed} passed, ${failed} failed, 0 skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
