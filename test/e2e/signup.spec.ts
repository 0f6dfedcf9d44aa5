/** Signing up over HTTP: invitations, mails and their limits, one-time and payment tokens, every card. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  eventsOf, giveCard, invite, login, mailsTo, newestOtp, openSession, outside, payByCard, redeem, refusal, signUp, startOtp, storedEvents, taken, verifyOtp, verifySignup, withSystem, type Answer, type Started,
} from './system.ts';
import { day, hour, minute, second, toEpochMs, type Instant } from '../../src/domain/instant.ts';
import { ManualClock } from '../../src/adapters/system/clock.ts';

const ada = 'ada@example.com';
const askOtp = (started: Started, email: string): Promise<Answer> => started.call('POST', '/sessions/otp', { body: { email } });
/** A clock that stands still, so that boundaries can be met to the millisecond. */
const standing = () => ({ clock: new ManualClock('2026-11-21T12:00:00.000Z' as Instant) });

test('who is not invited is told so plainly: no mail, no person, no event', () => withSystem(async (started) => {
  const [events, files] = [await storedEvents(started), outside(started)];
  const { detail, nextStep } = refusal(await askOtp(started, 'eve@example.com'), 403, 'NotInvited');
  assert.match(detail, /not been invited/);
  assert.notEqual(nextStep, '');
  assert.deepEqual(await storedEvents(started), events);
  assert.equal(await started.adapters.keyring.find('eve@example.com'), undefined);
  await started.settled();
  assert.deepEqual(outside(started), files);
  for (const path of ['/sessions/otp/resend', '/sessions/otp/verify']) {
    refusal(await started.call('POST', path, { body: { email: 'eve@example.com', flowId: `flw_${'1'.repeat(20)}`, ...(path.endsWith('verify') ? { token: 'a'.repeat(40) } : {}) } }), 410, 'OtpExpired');
  }
  assert.equal(await started.adapters.keyring.find('eve@example.com'), undefined);
  assert.deepEqual(await storedEvents(started), events);
}));

test('who asks for many uninvited addresses is stopped', () => withSystem(async (started) => {
  const answers: number[] = [];
  for (let n = 0; n < 32; n += 1) answers.push((await askOtp(started, `guess${n}@example.com`)).status);
  assert.deepEqual([...new Set(answers.slice(0, 30))], [403]);
  assert.deepEqual([...new Set(answers.slice(30))], [429]);
}));

test('a revoked invite admits nobody new, but whoever has an account signs in all the same', () => withSystem(async (started) => {
  await signUp(started, ada);
  await invite(started, 'bob@example.com');
  for (const email of [ada, 'bob@example.com']) await started.call('POST', '/commands/RevokeInvite', { token: started.operator, body: { email } });
  refusal(await askOtp(started, 'bob@example.com'), 403, 'NotInvited');
  assert.equal((await login(started, ada)).status, 'signed-in');
}));

test('with invites switched off anybody gets in; switched on again only the invited', () => withSystem(async (started) => {
  const turn = (to: string) => started.call('POST', '/commands/SwitchInvites', { token: started.operator, body: { to } });
  assert.equal((await turn('off')).status, 200);
  assert.equal((await login(started, 'eve@example.com')).status, 'payment-required');
  assert.deepEqual((await turn('off')).json.events, [], 'nothing had to change');
  await turn('on');
  refusal(await askOtp(started, 'mallory@example.com'), 403, 'NotInvited');
}));

test('an invite holds for every spelling of the address that normalises to it, and for no other', () => withSystem(async (started) => {
  await invite(started, ' Ada.Lovelace@Example.COM '.trim());
  assert.equal((await askOtp(started, 'ada.lovelace@example.com')).status, 200);
  refusal(await askOtp(started, 'adalovelace@example.com'), 403, 'NotInvited');
  refusal(await askOtp(started, 'ada.lovelace+x@example.com'), 403, 'NotInvited');
}));

test('an address gets at most five mails an hour, resends included, and is told when the next may be sent', () => withSystem(async (started) => {
  await invite(started, ada);
  const flowId = await startOtp(started, ada);
  const resend = () => started.call('POST', '/sessions/otp/resend', { body: { email: ada, flowId } });
  for (const ask of [resend, resend, () => askOtp(started, ada), () => askOtp(started, ada)]) {
    await started.advance(minute);
    assert.equal((await ask()).status, 200);
  }
  const refused = await askOtp(started, ada);
  const { resetAt } = refusal(refused, 429, 'TooManyMails');
  assert.ok(Number(refused.headers.get('retry-after')) > 3000);
  refusal(await resend(), 429, 'TooManyMails');
  assert.equal((await mailsTo(started, ada)).length, 5);
  await started.advance(toEpochMs(resetAt) - toEpochMs(started.adapters.clock.now()));
  assert.equal((await askOtp(started, ada)).status, 200, 'an hour after the first one');
  refusal(await askOtp(started, ada), 429, 'TooManyMails');
}, standing()));

test('one caller gets at most twenty mails an hour, whatever the addresses', () => withSystem(async (started) => {
  const statuses: number[] = [];
  for (let n = 0; n < 22; n += 1) {
    await invite(started, `p${n}@example.com`);
    statuses.push((await askOtp(started, `p${n}@example.com`)).status);
  }
  assert.deepEqual(statuses, [...Array<number>(20).fill(200), 429, 429]);
  await started.advance(hour);
  assert.equal((await askOtp(started, 'p21@example.com')).status, 200);
}, standing()));

test('a one-time token holds until its hour is over: a millisecond before it does, at its end it does not', () => withSystem(async (started) => {
  for (const [email, waitMs, expected] of [[ada, hour - 1, 200], ['bob@example.com', hour, 410], ['cyd@example.com', hour + 1, 410]] as const) {
    await invite(started, email);
    const { json } = await askOtp(started, email);
    assert.equal(toEpochMs(json.expiresAt) - toEpochMs(started.adapters.clock.now()), hour);
    const token = await newestOtp(started, email);
    await started.advance(waitMs);
    const answer = await verifyOtp(started, email, json.flowId, token);
    assert.equal(answer.status, expected, `${email}: ${answer.text}`);
    if (expected === 410) refusal(answer, 410, 'OtpExpired');
  }
}, standing()));

test('a payment token holds for 24 hours: a millisecond before their end it does, then it has expired and a new one works', () => withSystem(async (started) => {
  for (const [email, waitMs, expected] of [[ada, day - 1, 200], ['bob@example.com', day, 410]] as const) {
    await invite(started, email);
    const token = await verifySignup(started, email);
    const paymentToken = await payByCard(started, email, 'succeeds');
    await started.advance(waitMs);
    const answer = await redeem(started, token, paymentToken);
    assert.equal(answer.status, expected, answer.text);
    if (expected === 200) continue;
    refusal(answer, 410, 'PaymentTokenExpired');
    assert.equal((await started.call('GET', '/sessions/signup', { token })).json.paymentToken, undefined);
    const again = await redeem(started, token, await payByCard(started, email, 'succeeds'));
    assert.equal(again.json.status, 'completed', again.text);
  }
  assert.equal(taken(started).length, 2);
}, standing()));

test('of several payment tokens any one works, once; then the others are refused', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const first = await payByCard(started, ada, 'succeeds');
  const second = await payByCard(started, ada, 'confirm');
  assert.notEqual(first, second);
  const done = await redeem(started, token, first);
  assert.equal(done.json.status, 'completed', done.text);
  assert.equal((await redeem(started, token, first)).json.status, 'completed', 'the same token of the same sign-up');
  refusal(await redeem(started, token, second), 409, 'PaymentTokenUsed');
  assert.equal(taken(started).length, 1);
}));

test('an unknown payment token, and somebody else\'s, are told apart and charge nobody', () => withSystem(async (started) => {
  await invite(started, ada);
  await invite(started, 'bob@example.com');
  const [adas, bobs] = [await verifySignup(started, ada), await verifySignup(started, 'bob@example.com')];
  const paymentToken = await payByCard(started, 'bob@example.com', 'succeeds');
  refusal(await redeem(started, adas, paymentToken), 403, 'PaymentTokenNotYours');
  for (const unknown of ['f'.repeat(40), `${paymentToken.split('.')[0]?.replace(/.$/, 'z')}`, 'nonsense', `${(await started.call('GET', '/sessions/signup', { token: adas })).json.signupId}.1.${'0'.repeat(40)}`]) {
    const answer = await redeem(started, adas, unknown);
    assert.ok([403, 404].includes(answer.status), answer.text);
  }
  refusal(await redeem(started, bobs, `${paymentToken.slice(0, -1)}${paymentToken.endsWith('0') ? '1' : '0'}`), 404, 'PaymentTokenUnknown');
  assert.deepEqual(started.adapters.payments.charges(), []);
  refusal(await started.call('POST', '/sessions/payment', { body: { paymentToken } }), 401);
  assert.equal((await redeem(started, bobs, `  ${paymentToken}\n`)).json.status, 'completed', 'pasted with blanks around it');
}));

test('a declined card is refused on the page, in words, and another one may be tried there', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const plan = (await started.call('GET', '/plans')).json.items[0].id;
  const url = (await started.form('/subscribe', { email: ada, plan })).headers.get('location') ?? '';
  const refused = await giveCard(started, url, 'declined');
  assert.equal(refused.status, 402);
  assert.match(refused.text, /refused this card/);
  assert.match((await giveCard(started, url, '4242 4242 4242 4242')).text, /no test card/);
  assert.equal((await giveCard(started, url, 'succeeds')).status, 303);
  await started.settled();
  assert.deepEqual(started.adapters.payments.charges(), [], 'a page stores a card and takes no money');
  assert.equal((await redeem(started, token, (await started.call('GET', '/sessions/signup', { token })).json.paymentToken)).json.status, 'completed');
}));

test('the card "confirm" asks once more, and is stored only when its holder says yes', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const url = (await started.form('/subscribe', { email: ada, plan: '' })).headers.get('location') ?? '';
  const asked = await started.form(url, { card: 'confirm' });
  assert.equal(asked.status, 200);
  assert.match(asked.text, /name="confirmed"/);
  assert.equal((await started.call('GET', '/sessions/signup', { token })).json.paymentToken, undefined);
  assert.equal((await started.form(url, { card: 'confirm', confirmed: 'yes' })).status, 303);
  await started.settled();
  assert.ok((await started.call('GET', '/sessions/signup', { token })).json.paymentToken, 'by webhook, though nobody followed the redirect');
}));

test('a card that is declined when charged: told why; a new token with another card works; charged once', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const bad = await payByCard(started, ada, 'charge-fails');
  const declined = await redeem(started, token, bad);
  assert.equal(declined.status, 200);
  assert.equal(declined.json.status, 'declined');
  assert.match(declined.json.detail, /declined/i);
  assert.match(declined.json.nextStep, /another card/);
  refusal(await redeem(started, token, bad), 409, 'PaymentDeclined');
  refusal(await started.call('POST', '/sessions/open', { token }), 409, 'SignupNotComplete');
  const done = await redeem(started, token, await payByCard(started, ada, 'succeeds'));
  assert.equal(done.json.status, 'completed', done.text);
  assert.deepEqual(started.adapters.payments.charges().map(({ status }) => status), ['failed', 'succeeded']);
  assert.equal((await eventsOf(started, 'AccountCreated')).length, 1);
}));

test('a late payment: settling first, complete an hour later by webhook, charged once', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const paymentToken = await payByCard(started, ada, 'late');
  assert.equal((await redeem(started, token, paymentToken)).json.status, 'settling');
  assert.equal((await redeem(started, token, paymentToken)).json.status, 'settling', 'asking again changes nothing');
  refusal(await started.call('POST', '/sessions/open', { token }), 409, 'SignupNotComplete');
  refusal(await started.call('GET', '/gate?action=billing').then((answer) => answer), 401);
  await started.advance(59 * minute);
  assert.equal((await started.call('GET', '/sessions/signup', { token })).json.status, 'settling');
  await started.advance(minute + second);
  assert.equal((await started.call('GET', '/sessions/signup', { token })).json.status, 'completed');
  const customer = await openSession(started, ada, token);
  assert.equal((await started.call('GET', '/gate?action=run', { token: customer.access })).json.allow, true);
  assert.equal(taken(started).length, 1);
}));

test('a late payment whose webhooks are all lost is found by asking', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const paymentToken = await payByCard(started, ada, 'late');
  started.adapters.payments.faults.loseWebhooks = 100;
  await redeem(started, token, paymentToken);
  await started.advance(2 * hour);
  assert.equal((await started.call('GET', '/sessions/signup', { token })).json.status, 'completed');
}));

test('one payment token redeemed by many requests at once is one charge, one account', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const paymentToken = await payByCard(started, ada, 'succeeds');
  const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(started, token, paymentToken)));
  assert.deepEqual(answers.map(({ json }) => json.status), Array<string>(8).fill('completed'));
  assert.equal(taken(started).length, 1);
  assert.deepEqual((await eventsOf(started, 'PaymentTokenRedeemed', 'SubscriptionStarted', 'AccountCreated', 'NamespaceCreated', 'NameClaimed', 'SignupCompleted')).map(({ type }) => type).sort(), ['AccountCreated', 'NameClaimed', 'NamespaceCreated', 'PaymentTokenRedeemed', 'SignupCompleted', 'SubscriptionStarted']);
}));

test('two different payment tokens redeemed at once are one charge', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const tokens = [await payByCard(started, ada, 'succeeds'), await payByCard(started, ada, 'succeeds')];
  const statuses = (await Promise.all(tokens.map((paymentToken) => redeem(started, token, paymentToken)))).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 409]);
  assert.equal(taken(started).length, 1);
}));

test('an unknown outcome of a charge is asked for again under its own key, and taken once', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  const paymentToken = await payByCard(started, ada, 'succeeds');
  started.adapters.payments.faults.unavailableAfter = 3;
  await redeem(started, token, paymentToken);
  await started.advance(minute);
  assert.equal((await started.call('GET', '/sessions/signup', { token })).json.status, 'completed');
  assert.equal(taken(started).length, 1);
}));

test('the subscribe page tells nothing about other addresses: one and the same answer, byte for byte', () => withSystem(async (started) => {
  const plan = (await started.call('GET', '/plans')).json.items[0].id as string;
  await signUp(started, 'customer@example.com');
  await invite(started, 'invited@example.com');
  await invite(started, 'unverified@example.com');
  await startOtp(started, 'unverified@example.com');
  await invite(started, 'waiting@example.com');
  const waiting = await verifySignup(started, 'waiting@example.com');
  await redeem(started, waiting, await payByCard(started, 'waiting@example.com', 'late'));
  const answers = await Promise.all(['nobody@example.com', 'customer@example.com', 'invited@example.com', 'unverified@example.com', 'waiting@example.com', 'x@y'].map((email) => started.form('/subscribe', { email, plan })));
  for (const answer of answers) {
    assert.equal(answer.status, answers[0]?.status);
    assert.equal(answer.text, answers[0]?.text);
    const comparable = ({ headers }: Answer) => [...headers].filter(([name]) => !['x-correlation-id', 'date'].includes(name));
    assert.deepEqual(comparable(answer), comparable(answers[0] as Answer));
  }
  assert.equal(answers[0]?.headers.get('location'), null);
  assert.equal(await started.adapters.keyring.find('nobody@example.com'), undefined);
}));

test('forms of the pages answer what is missing instead of failing', () => withSystem(async (started) => {
  for (const fields of [{}, { email: '' }, { email: 'no-address' }, { email: ada, plan: 'pln_nothing' }, { email: ada, plan: '__proto__' }] as Record<string, string>[]) assert.equal((await started.form('/subscribe', fields)).status, 400, JSON.stringify(fields));
  assert.equal((await started.form('/subscribe', { email: `${'a'.repeat(5000)}@example.com`, plan: '' })).status, 400);
  assert.equal((await started.form('/checkout/none', { card: 'succeeds' })).status, 404);
  assert.equal((await started.call('GET', '/subscribe?email=a&email=b')).status, 200);
  assert.equal((await started.call('POST', '/subscribe', { body: { email: ['a'], plan: {} } })).status, 400);
}));

test('at most ten checkouts a day for one sign-up', () => withSystem(async (started) => {
  await invite(started, ada);
  await verifySignup(started, ada);
  const statuses: number[] = [];
  for (let n = 0; n < 12; n += 1) statuses.push((await started.form('/subscribe', { email: ada, plan: '' })).status);
  assert.deepEqual(statuses, [...Array<number>(10).fill(303), 200, 200]);
  await started.advance(day);
  assert.equal((await started.form('/subscribe', { email: ada, plan: '' })).status, 303);
}));
