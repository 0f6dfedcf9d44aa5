/** An account: made once, and "log out everywhere". */
import test from 'node:test';
import fc from 'fast-check';
import { account, type AccountCommand } from '../../src/domain/account/decide.ts';
import type { AccountEvent } from '../../src/domain/account/events.ts';
import { plus } from '../../src/domain/instant.ts';
import { now, specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';
import { accountId, customer, email, person, stranger, subscriptionId } from './samples.ts';

const given = specify(account);
const create = { type: 'CreateAccount', accountId, person, email, subscriptionId } as const;
const revoke = { type: 'RevokeSessions', accountId } as const;
const created: AccountEvent = { type: 'AccountCreated', data: { accountId, person, email, subscriptionId, at: now } };
const revokedAt = (at: typeof now): AccountEvent => ({ type: 'SessionsRevoked', data: { accountId, person, cutoff: at } });

test('an account is created', () => void given().when(create).then(created));
test('creating it twice changes nothing', () => void given(created).when(create).thenNothing());
test('its sessions are revoked by their owner', () => void given(created).when({ ...revoke, facts: { actor: customer } }).then(revokedAt(now)));
test('revoking them again at the same instant changes nothing', () => void given(created, revokedAt(now)).when(revoke).thenNothing());
test('revoking them later moves the cut-off', () => {
  const later = plus(now, 1);
  given(created, revokedAt(now)).when({ ...revoke, facts: { now: later } }).then(revokedAt(later));
});
test('somebody else cannot revoke them, nor learn that the account exists', () => void given(created).when({ ...revoke, facts: { actor: stranger } }).thenRejected('AccountNotFound'));
test('there is nothing to revoke where there is no account', () => void given().when(revoke).thenRejected('AccountNotFound'));

laws(account, fc.oneof<fc.Arbitrary<Asked<AccountCommand>>[]>(fc.constant(create), fc.constantFrom(customer, stranger).map((actor) => ({ ...revoke, facts: { actor } }))));
