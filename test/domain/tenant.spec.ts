/** The platform itself, and whether signing up needs an invite. */
import test from 'node:test';
import fc from 'fast-check';
import { tenant, type TenantCommand } from '../../src/domain/tenant/decide.ts';
import { specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';
import { tenantId } from './samples.ts';

const given = specify(tenant);
const create = { type: 'CreateTenant', tenantId, name: 'Example' } as const;
const created = { type: 'TenantCreated', data: { tenantId, name: 'Example' } } as const;
const invites = (required: boolean) => ({ type: 'SwitchInvites', tenantId, required }) as const;
const switched = (required: boolean) => ({ type: 'InvitesSwitched', data: { tenantId, required } }) as const;

test('a tenant is created', () => void given().when(create).then(created));
test('creating it twice changes nothing', () => void given(created).when({ ...create, name: 'Other' }).thenNothing());
test('invites are switched off', () => void given(created).when(invites(false)).then(switched(false)));
test('invites are needed from the beginning: switching them on changes nothing', () => void given(created).when(invites(true)).thenNothing());
test('and on again', () => void given(created, switched(false)).when(invites(true)).then(switched(true)));

laws(tenant, fc.oneof<fc.Arbitrary<Asked<TenantCommand>>[]>(fc.constant(create), fc.boolean().map(invites)));
