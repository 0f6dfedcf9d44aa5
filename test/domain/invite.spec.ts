/** Who may sign up. */
import test from 'node:test';
import fc from 'fast-check';
import { invite, type InviteCommand } from '../../src/domain/invite/decide.ts';
import { now, specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';
import { email, person } from './samples.ts';

const given = specify(invite);
const add = { type: 'AddInvite', person, email } as const;
const revoke = { type: 'RevokeInvite', person } as const;
const added = { type: 'InviteAdded', data: { person, email, at: now } } as const;
const revoked = { type: 'InviteRevoked', data: { person, at: now } } as const;

test('a person is invited', () => void given().when(add).then(added));
test('inviting twice changes nothing', () => void given(added).when(add).thenNothing());
test('somebody whose invite was revoked can be invited again', () => void given(added, revoked).when(add).then(added));
test('an invite is revoked', () => void given(added).when(revoke).then(revoked));
test('revoking twice changes nothing', () => void given(added, revoked).when(revoke).thenNothing());
test('an invite that never was cannot be revoked', () => void given().when(revoke).thenRejected('InviteNotFound'));

laws(invite, fc.constantFrom<Asked<InviteCommand>>(add, revoke));
