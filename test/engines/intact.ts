/** What must be true after anything that was done to a server under the load of invitations, or to what it keeps them in. */
import assert from 'node:assert/strict';
import { ask, untilReady, type ServerProcess } from './processes.ts';

const last = (text: string): any => JSON.parse(text.trim().split('\n').at(-1) ?? '{}');
/** As of this position at least. */
const itemsOf = async (server: ServerProcess, path: string, position: string): Promise<any[]> => {
  const items: any[] = [];
  for (let cursor = ''; ; ) {
    const page = JSON.parse((await ask(server, 'GET', `${path}?limit=1000&after=${position}${cursor}`)).text);
    items.push(...page.items);
    if (page.next === undefined) return items;
    cursor = `&cursor=${page.next}`;
  }
};
/** Everything acknowledged is there, once, readable; the log verifies; every read model is what the log makes of it. */
export const intact = async (server: ServerProcess, acknowledged: ReadonlySet<string>): Promise<void> => {
  await untilReady(server, 200);
  const { position, items } = JSON.parse((await ask(server, 'GET', '/projections')).text);
  const invites = await itemsOf(server, '/invites', position);
  assert.deepEqual(invites.map(({ email }) => email).sort(), [...acknowledged].sort(), 'every acknowledged address is there once, and its key opens it');
  assert.partialDeepStrictEqual(last((await ask(server, 'GET', '/audit/verify')).text), { done: true, ok: true, failures: [] });
  for (const { name } of items) {
    assert.partialDeepStrictEqual(last((await ask(server, 'POST', `/projections/${name}/rebuild`)).text), { done: true, equal: true, differences: [], swapped: true }, name);
  }
};
