/** Addresses of customers beside their ids, opened only here at the rim. */
import type { Rim } from './rim.ts';
import { account } from '../../domain/account/decide.ts';
import { isId, type AccountId, type CustomerId, type PersonId } from '../../domain/ids.ts';
import type { Personal } from '../../domain/personal.ts';
import { signup } from '../../domain/signup/decide.ts';

const sealedAddressOf = async ({ handler }: Pick<Rim, 'handler'>, owner: CustomerId): Promise<Personal | undefined> => {
  if (!isId(owner, 'acc')) return (await handler.lookup(signup, owner as PersonId)).email;
  const state = await handler.lookup(account, owner as AccountId);
  return state.status === 'none' ? undefined : state.email;
};
/** The clear address of an account or person; `erased` once its key is gone, undefined where there is nobody of that id. */
export const addressOf = async (rim: Pick<Rim, 'handler' | 'vault'>, owner: unknown): Promise<string | undefined> => {
  if (!isId(owner)) return undefined;
  const sealed = await sealedAddressOf(rim, owner as CustomerId);
  return sealed && ((await rim.vault.open(sealed)) ?? 'erased');
};
/** The document with `email` beside the field that names its customer, where there is one. */
export const withAddress = async (rim: Pick<Rim, 'handler' | 'vault'>, field: string | undefined, document: unknown): Promise<unknown> => {
  if (field === undefined) return document;
  const email = await addressOf(rim, (document as Readonly<Record<string, unknown>>)[field]);
  return email === undefined ? document : { ...(document as object), email };
};
