/** Work that failed too often waits for the operator. */
import test from 'node:test';
import fc from 'fast-check';
import { work, type WorkCommand } from '../../src/domain/work/decide.ts';
import { now, specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';

const given = specify(work);
const ids = { reactor: 'send-mail', subject: 'mail-t.m' };
const park = { type: 'ParkWork', ...ids, key: 'm.6', attempts: 7, error: 'refused' } as const;
const release = { type: 'ReleaseWork', ...ids } as const;
const parked = { type: 'WorkParked', data: { ...ids, key: 'm.6', attempts: 7, error: 'refused', at: now } } as const;
const released = { type: 'WorkReleased', data: { ...ids, at: now } } as const;

test('work is parked', () => void given().when(park).then(parked));
test('parking twice changes nothing', () => void given(parked).when({ ...park, attempts: 8 }).thenNothing());
test('parked work is released', () => void given(parked).when(release).then(released));
test('releasing twice is refused: the second asker is told that nothing waits', () => void given(parked, released).when(release).thenRejected('WorkNotParked'));
test('work that was never parked is not released', () => void given().when(release).thenRejected('WorkNotParked'));
test('released work can be parked again', () => void given(parked, released).when(park).then(parked));

laws(work, fc.constantFrom<Asked<WorkCommand>>(park, release));
