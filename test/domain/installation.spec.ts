/** One installation: founded once, its operator's token, and the mock clock. */
import test from 'node:test';
import fc from 'fast-check';
import { installation, type InstallationCommand } from '../../src/domain/installation/decide.ts';
import type { InstallationEvent } from '../../src/domain/installation/events.ts';
import { now, specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';
import { logId, operatorId, tenantId } from './samples.ts';

const given = specify(installation);
const ids = { logId, format: 1, tenantId };
const found = { type: 'FoundInstallation', ...ids, mode: 'mock' } as const;
const founded: InstallationEvent = { type: 'InstallationFounded', data: { ...ids, mode: 'mock', at: now } };
const production: InstallationEvent = { type: 'InstallationFounded', data: { ...ids, mode: 'production', at: now } };
const issue = { type: 'IssueOperatorToken', logId, operatorId, hash: 'abc' } as const;
const advance = (offsetMs: number) => ({ type: 'AdvanceClock', logId, offsetMs }) as const;
const advanced = (offsetMs: number): InstallationEvent => ({ type: 'ClockAdvanced', data: { offsetMs } });

test('an installation is founded', () => void given().when(found).then(founded));
test('founding twice changes nothing, not even its mode', () => void given(founded).when({ ...found, mode: 'production' }).thenNothing());
test('an operator token is issued', () => void given(founded).when(issue).then({ type: 'OperatorTokenIssued', data: { operatorId, hash: 'abc', at: now } }));
test('the same operator token again changes nothing', () => void given(founded).when(issue).when(issue).thenNothing());
test('another operator token replaces the one before', () => void given(founded).when(issue).when({ ...issue, hash: 'def' }).thenTypes('OperatorTokenIssued'));
test('the clock of a mock installation is advanced', () => void given(founded).when(advance(1)).then(advanced(1)));
test('advancing the clock to where it stands changes nothing', () => void given(founded, advanced(5)).when(advance(5)).thenNothing());
test('the clock does not go back', () => void given(founded, advanced(5)).when(advance(4)).thenRejected('ClockMovesForward'));
test('the clock of a real installation is not advanced', () => void given(production).when(advance(1)).thenRejected('ClockNotMovable'));
test('nor that of none', () => void given().when(advance(1)).thenRejected('ClockNotMovable'));

laws(installation, fc.oneof<fc.Arbitrary<Asked<InstallationCommand>>[]>(
  fc.constantFrom('mock' as const, 'production' as const).map((mode) => ({ ...found, mode })),
  fc.constantFrom('a', 'b').map((hash) => ({ ...issue, hash })),
  fc.integer({ min: -5, max: 1_000_000 }).map(advance),
));
