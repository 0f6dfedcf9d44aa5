/** Whose a workload is: for staff, who see everybody's. */
import type { Client } from './client.ts';
import { wholeList } from './here.ts';
import type { Column } from './output.ts';

type Owned = { readonly namespaceId: string };
type Home = { readonly name: string; readonly owner: string };

const homes = async (client: Client): Promise<ReadonlyMap<string, Home>> => {
  const [namespaces, accounts] = await Promise.all([wholeList(client, '/namespaces', {}), wholeList(client, '/accounts', {})]);
  const emails = new Map(accounts.items.map(({ id, email }) => [id as string, email as string]));
  return new Map(namespaces.items.map(({ id, name, accountId }) => [id as string, { name: name as string, owner: emails.get(accountId as string) ?? '' }]));
};

export const staffColumns = async (client: Client): Promise<readonly Column[]> => {
  if (!client.staff) return [];
  const known = await homes(client);
  return [
    { title: 'namespace', value: ({ namespaceId }: Owned) => known.get(namespaceId)?.name ?? '' },
    { title: 'owner', value: ({ namespaceId }: Owned) => known.get(namespaceId)?.owner ?? '' },
  ];
};
export const staffRows = async (client: Client, { namespaceId }: Owned): Promise<object> => {
  const home = client.staff ? (await homes(client)).get(namespaceId) : undefined;
  return { namespace: home?.name, owner: home?.owner };
};
