/** What the pages say of an account: from its streams, and what runs from its read model. */
import { ownerOf, standingOf } from './account.controller.ts';
import { requireAccount, type Caller } from './caller.ts';
import { ownSessions } from './own-sessions.controller.ts';
import { waitFor } from './queries.ts';
import type { Rim } from './rim.ts';
import type { InvoiceShown, SessionShown, WorkloadShown } from '../../../web/pages.ts';
import { countOf, formatCpu, formatMebibytes } from '../../../web/format.ts';
import type { Account } from '../../domain/account/state.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { Money } from '../../domain/money.ts';
import type { PlanTerms } from '../../domain/plan/events.ts';
import { signup } from '../../domain/signup/decide.ts';
import type { ActiveSubscription } from '../../domain/subscription/state.ts';
import type { ModelRunner } from '../../projections/runner.ts';

export type AccountFacts = { readonly owner: Extract<Account, { status: 'active' }>; readonly paid: ActiveSubscription; readonly reason: string; readonly nextStep: string; readonly payable: boolean };

export const accountFacts = async (rim: Rim, caller: Caller): Promise<AccountFacts> => {
  const { owner, paid } = await ownerOf(rim, requireAccount(caller).id);
  return { owner, paid, payable: paid.phase.name !== 'active', ...standingOf(paid, caller.level) };
};

/** "10 workloads, each with 1 CPU, 512 MiB memory and 1 GiB disk". */
export const limitsOf = ({ workloads, cpuMillis, memoryMiB, diskMiB }: PlanTerms['limits']): string =>
  `${countOf(workloads, 'workload')}, each with ${formatCpu(cpuMillis)}, ${formatMebibytes(memoryMiB)} memory and ${formatMebibytes(diskMiB)} disk`;

/** What is known of the card, in words: its number is never ours to know. */
export const cardOf = async (rim: Rim, { person, method }: ActiveSubscription): Promise<string> => {
  const { tokens } = await rim.handler.lookup(signup, person);
  const checkoutId = method?.checkoutId ?? tokens.find(({ status }) => status === 'redeemed')?.checkoutId;
  const card = checkoutId === undefined ? undefined : (await rim.mock?.desk.view(checkoutId))?.card;
  return card === undefined ? 'stored with the payment provider' : `test card ‘${card}’, stored with the simulated provider`;
};

const shownMax = 100;
/** What runs in all of the customer's namespaces; with `after`, as of that write of theirs. */
export const workloadsOf = async (rim: Rim, { namespaces }: Caller, after: string | undefined): Promise<readonly WorkloadShown[]> => {
  const runner = rim.models.get('workloads') as ModelRunner;
  await waitFor(rim, runner, after);
  const pages = await Promise.all(namespaces.map(async ({ id, name }) => {
    const { items } = await runner.collection.query({ where: { namespaceId: id }, limit: shownMax });
    return items.map(({ document }) => ({ ...(document as unknown as WorkloadShown), namespace: name }));
  }));
  return pages.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
};

type InvoiceDocument = { readonly id: string; readonly at: string; readonly amount?: Money; readonly status: string; readonly periodEnd?: string; readonly failures: number };
/** Newest first. */
export const invoicesOf = async (rim: Rim, accountId: AccountId): Promise<readonly InvoiceShown[]> => {
  const { items } = await (rim.models.get('invoices') as ModelRunner).collection.query({ where: { accountId }, limit: shownMax });
  return items.map(({ document }) => {
    const { failures, status, ...invoice } = document as unknown as InvoiceDocument;
    return { ...invoice, status: failures === 0 || status !== 'open' ? status : `open, declined ${failures === 1 ? 'once' : `${failures} times`}` };
  });
};

const kinds: Readonly<Record<string, string>> = { web: 'A browser', cli: 'A terminal' };
/** Where this customer is signed in, this browser among them. */
export const sessionsOf = async (rim: Rim, caller: Caller): Promise<readonly SessionShown[]> =>
  (await ownSessions(rim, caller)).map(({ id, kind, openedAt, lastUsed, current }) => ({ id, via: kinds[kind] ?? kind, openedAt, current, ...(kind === 'web' ? {} : { lastUsed }) }));
