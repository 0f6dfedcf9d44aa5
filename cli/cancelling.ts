/** `account cancel`, `account resume`, `account plan`: ending the subscription with its consequences first, and thinking better of it. */
import { ask } from './ask.ts';
import type { Call } from './command.ts';
import { Failure } from './exit-codes.ts';
import { clientFor, commandHeaders } from './here.ts';
import { onInterrupt } from './interrupt.ts';
import { LineReader } from './line-reader.ts';
import { localTime, money, withLocalTimes } from './output.ts';

type Answer = { readonly cancelled: boolean; readonly atOnce?: boolean; readonly endsAt?: string; readonly keptUntil?: string; readonly says?: readonly string[]; readonly events: readonly { readonly type: string }[] };

export const cancel = async (call: Call): Promise<void> => {
  const { options, out } = call;
  const client = clientFor('customer', call);
  const post = async (dryRun: boolean) => client.json<Answer>({ method: 'POST', path: '/account/cancel', query: { dryRun: dryRun || undefined }, headers: await commandHeaders(call), repeatable: true });
  const would = await post(true);
  if (options['dryRun'] === true) return out.result(would, () => tell(would));
  if (would.events.length === 0) return out.result(would, async () => {
    out.note('It is cancelled already.');
    await tell(would);
  });
  if (options['confirm'] !== true) {
    onInterrupt('Interrupted. Nothing has changed. Again: tollgate account cancel');
    out.note(`Cancelling means:\n${lines(would)}`);
    const answer = await ask({ out, lines: new LineReader(), instead: "Add --confirm: 'tollgate account cancel --confirm'. --dry-run shows what it would mean." }, "Type 'yes' to cancel: ");
    if (answer.trim().toLowerCase() !== 'yes') throw new Failure('refused', 'not cancelled: the answer was not yes', 'Nothing has changed.', { code: 'NotConfirmed' });
  }
  onInterrupt('');
  const done = await post(false);
  await out.result(done, async () => {
    await out.data(done.atOnce ? 'Cancelled: it has ended.' : `Cancelled: everything works until ${localTime(done.endsAt)}.`);
    if (options['confirm'] === true) await tell(done);
  });

  async function tell(answer: Answer): Promise<void> {
    for (const text of answer.says ?? []) await out.data(withLocalTimes(text));
  }
};
const lines = ({ says = [] }: Answer): string => says.map((text) => `  - ${withLocalTimes(text)}`).join('\n');

export const resume = async (call: Call): Promise<void> => {
  const { options, out } = call;
  const dryRun = options['dryRun'] === true;
  const answer = await clientFor('customer', call).json<{ events: readonly object[]; paidThrough: string }>({ method: 'POST', path: '/account/resume', query: { dryRun: dryRun || undefined }, headers: await commandHeaders(call), repeatable: true });
  const text = answer.events.length === 0 ? 'Nothing is cancelled.' : dryRun ? 'The cancellation would be withdrawn.' : 'The cancellation is withdrawn; everything goes on.';
  await out.result(answer, () => out.data(`${text} The subscription renews on ${localTime(answer.paidThrough)}.`));
};

/** What one pays for, and what it allows. */
export const plan = async (call: Call): Promise<void> => {
  const { plan: terms, phase, paidThrough, cancelAtPeriodEnd, endsAt, endedAt, keptUntil, subscription } = await clientFor('customer', call).json({ path: '/account' });
  const document = { ...terms, subscription, phase, paidThrough, cancelAtPeriodEnd, ...(endsAt === undefined ? {} : { endsAt }), ...(endedAt === undefined ? {} : { endedAt }), ...(keptUntil === undefined ? {} : { keptUntil }) };
  const { workloads, cpuMillis, memoryMiB, diskMiB } = terms.limits;
  await call.out.result(document, () => call.out.record({
    plan: terms.name, price: `${money(terms.price)} a ${terms.interval}`, workloads, 'each of them': `${cpuMillis / 1000} CPU, ${memoryMiB} MiB of memory, ${diskMiB} MiB of disk`,
    phase, paidThrough, ...(cancelAtPeriodEnd ? { endsAt, 'next step': "'tollgate account resume' takes the cancellation back." } : endedAt === undefined ? { 'renews on': paidThrough } : { endedAt, keptUntil }), subscription,
  }));
};
