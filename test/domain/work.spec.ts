/** Work that failed too often waits for staff: deed by deed, with whose it is. */
import test from 'node:test';
import fc from 'fast-check';
import { accountId } from './samples.ts';
import { work, type WorkCommand } from '../../src/domain/work/decide.ts';
import { now, specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';

const given = specify(work);
const ids = { reactor: 'send-mail', subject: 'mail-t.m' };
const deed = (key: string) => ({ key, deed: 'SendMail', attempts: 7, error: 'refused' });
const park = (...keys: string[]) => ({ type: 'ParkWork', ...ids, deeds: keys.map(deed), owner: accountId }) as const;
const release = { type: 'ReleaseWork', ...ids } as const;
const parked = (key: string) => ({ type: 'WorkParked', data: { ...ids, key, attempts: 7, error: 'refused', at: now, deed: 'SendMail', owner: accountId } }) as const;
const released = { type: 'WorkReleased', data: { ...ids, at: now } } as const;
const releasedOne = (key: string) => ({ type: 'WorkReleased', data: { ...ids, at: now, key } }) as const;
/** As it was written before deeds were told apart. */
const parkedOfOld = { type: 'WorkParked', data: { ...ids, key: 'm.6', attempts: 7, error: 'refused', at: now } } as const;

test('work is parked, with what deed it was and whose', () => void given().when(park('m.6')).then(parked('m.6')));
test('whose it is need not be known', () => {
  const { owner: _, ...nobodys } = park('m.6');
  given().when(nobodys).then({ type: 'WorkParked', data: { ...ids, key: 'm.6', attempts: 7, error: 'refused', at: now, deed: 'SendMail' } });
});
test('parking the same deed twice changes nothing', () => void given(parked('m.6')).when(park('m.6')).thenNothing());
test('a second deed of the same subject is an event of its own', () => void given(parked('m.6')).when(park('m.7')).then(parked('m.7')));
test('of several, those that wait already are left out', () => void given(parked('m.6')).when(park('m.6', 'm.7', 'm.8')).then(parked('m.7'), parked('m.8')));
test('nothing to do, nothing to park', () => void given().when(park()).thenRejected('WorkNotWaiting'));
test('all that waits is released', () => void given(parked('m.6'), parked('m.7')).when(release).then(released));
test('one deed is released, the others wait on', () => {
  given(parked('m.6'), parked('m.7')).when({ ...release, key: 'm.6' }).then(releasedOne('m.6'));
  given(parked('m.6'), parked('m.7'), releasedOne('m.6')).when(park('m.7')).thenNothing();
  given(parked('m.6'), parked('m.7'), releasedOne('m.6')).when(park('m.6')).then(parked('m.6'));
});
test('releasing twice is refused: the second asker is told that nothing waits', () => {
  given(parked('m.6'), released).when(release).thenRejected('WorkNotParked');
  given(parked('m.6'), parked('m.7'), releasedOne('m.6')).when({ ...release, key: 'm.6' }).thenRejected('WorkNotParked');
});
test('work that was never parked is not released', () => void given().when(release).thenRejected('WorkNotParked'));
test('released work can be parked again', () => void given(parked('m.6'), released).when(park('m.6')).then(parked('m.6')));
test('events from before deeds were told apart count: parked under their key, and released with everything', () => {
  given(parkedOfOld).when(park('m.6')).thenNothing();
  given(parkedOfOld).when({ ...release, key: 'm.6' }).then(releasedOne('m.6'));
  given(parkedOfOld, released).when(release).thenRejected('WorkNotParked');
});

laws(work, fc.constantFrom<Asked<WorkCommand>>(park('m.6'), park('m.7'), park('m.6', 'm.8'), park(), release, { ...release, key: 'm.6' }));
