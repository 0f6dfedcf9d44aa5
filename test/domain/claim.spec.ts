/** A unique name that is not personal: the first one has it. */
import test from 'node:test';
import fc from 'fast-check';
import { claim } from '../../src/domain/claim/decide.ts';
import { specify } from '../given.ts';
import { laws } from './laws.ts';

const given = specify(claim);
const ask = (holder: string) => ({ type: 'ClaimName', kind: 'namespace', value: 'calm-red-fox', holder }) as const;
const claimed = { type: 'NameClaimed', data: { kind: 'namespace', value: 'calm-red-fox', holder: 'ns_a' } } as const;

test('a free name is claimed', () => void given().when(ask('ns_a')).then(claimed));
test('its holder claims it twice: nothing changes', () => void given(claimed).when(ask('ns_a')).thenNothing());
test('no name is claimed twice', () => void given(claimed).when(ask('ns_b')).thenRejected('NameTaken'));

laws(claim, fc.constantFrom('ns_a', 'ns_b').map(ask));
