import { subjectOf, type CustomerId } from '../domain/ids.ts';
import type { Recorded } from '../domain/ports/log.ts';
import type { WorkEvent } from '../domain/work/events.ts';
import { projection } from './projection.ts';

type ParkedDeed = { key: string; deed?: string; error: string; attempts: number; since: string };
/** One document per subject at a reactor. What stands at the top is of the deed that was parked last; `since` is when the first was. */
type ParkedView = { id: string; reactor: string; subject: string; owner?: CustomerId; deed?: string; error: string; attempts: number; since: string; deeds: ParkedDeed[] };

const viewOf = (view: Omit<ParkedView, 'deed' | 'error' | 'attempts' | 'since'>): ParkedView | undefined => {
  const [first, last] = [view.deeds[0], view.deeds.at(-1)];
  if (!first || !last) return undefined;
  const { deed, error, attempts } = last;
  return { id: view.id, reactor: view.reactor, subject: view.subject, ...(view.owner === undefined ? {} : { owner: view.owner }), ...(deed === undefined ? {} : { deed }), error, attempts, since: first.since, deeds: view.deeds };
};

/** Work that failed too often or was taken aside, until it is released. Staff only: errors name inner things, and releasing is staff's decision. */
export const parked = projection<ParkedView>({
  name: 'parked', version: 1, summary: 'Work that waits for staff, and whose it is', indexes: ['reactor', 'owner'], readableBy: 'work.read', scope: 'staff', category: 'work', customer: 'owner',
  columns: ['reactor', 'subject', 'email', 'deed', 'attempts', 'since', 'error'],
  events: ['WorkParked', 'WorkReleased'], keys: (event) => [subjectOf(event.stream)],
  evolve: (view, event: Recorded<WorkEvent>, id) => {
    const { type, data } = event as WorkEvent;
    const others = view?.deeds.filter(({ key }) => data.key !== undefined && key !== data.key) ?? [];
    if (type === 'WorkReleased') return view && viewOf({ ...view, deeds: others });
    const { reactor, subject, key, deed, error, attempts, at, owner = view?.owner } = data;
    return viewOf({ id, reactor, subject, ...(owner === undefined ? {} : { owner }), deeds: [...others, { key, ...(deed === undefined ? {} : { deed }), error, attempts, since: at }] });
  },
});
