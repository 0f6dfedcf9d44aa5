/**
 * The machine dies at every named point between two durable steps, once each: a few journeys are walked, the disk is copied at
 * every point, and each copy is started anew and walked to its end. The points come from the reactors themselves.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import test from 'node:test';
import {
  diskNow, eventsOf, giveCard, invite, linesOf, login, mailsTo, openSession, parked, payByCard, redeem, repeatedMails, running, runWorkload, signUp, startSystem, storedEvents, taken, tokenIn, workloadNamed, type Customer, type Started,
} from './system.ts';
import { helloUrl } from '../git/hello.ts';
import { mongoServer } from '../contracts/mongodb.ts';
import { logInFolder } from './log-for.ts';
import { reactors } from '../../src/commands/reactors/registry.ts';
import { stepsOf } from '../../src/commands/reactors/reactor.ts';
import { day, hour, minute } from '../../src/domain/instant.ts';

/** A copy of the disk is a crash only where the log is on it. */
const onDisk = { skip: logInFolder ? false : 'the log is not in the folder' };
const ada = 'ada@example.com';
/** A journey's client knows nothing but the address: wherever the world stands, it goes on from there. */
type Journey = { readonly prepare: (started: Started) => Promise<void>; readonly walk: (started: Started) => Promise<void>; readonly resume: (started: Started) => Promise<void>; readonly check: (started: Started) => Promise<void> };

/** Walks a journey and copies the disk when each step is first met that has not been met before; or after every commit. */
const crashes = async (journey: Journey, met: ReadonlySet<string>, commits = false): Promise<Map<string, string>> => {
  const disks = new Map<string, string>();
  let watching = false;
  let data = '';
  const copy = (name: string): void => {
    if (watching && !disks.has(name) && !met.has(name)) disks.set(name, diskNow(data));
  };
  const started = await startSystem(commits ? {} : { at: copy });
  ({ data } = started);
  try {
    await journey.prepare(started);
    await started.settled();
    watching = true;
    if (commits) started.adapters.store.onAdvanced(() => copy(`commit ${disks.size + 1}`));
    await journey.walk(started);
    await started.settled();
    watching = false;
    await journey.check(started);
  } finally {
    watching = false;
    await started.stop();
  }
  return disks;
};

/** What holds after every journey, however often the machine died on the way. */
const intact = async (started: Started): Promise<void> => {
  assert.deepEqual(await parked(started), []);
  const repeated = repeatedMails(started);
  assert.equal(new Set(repeated).size, repeated.length, 'none is sent three times');
  // On an engine each step takes longer, and mails of two streams can be under way at once.
  assert.ok(repeated.length <= (mongoServer === undefined ? 1 : 2), `at most the mail under way is sent again: ${repeated.join(' ')}`);
  const verified = linesOf(await started.call('GET', '/audit/verify', { token: started.operator })).at(-1);
  assert.partialDeepStrictEqual(verified, { done: true, ok: true, failures: [] });
  for (const name of started.system.rim.models.keys()) {
    const rebuilt = linesOf(await started.call('POST', `/projections/${name}/rebuild`, { token: started.operator })).at(-1);
    assert.partialDeepStrictEqual(rebuilt, { done: true, equal: true }, name);
  }
};

const survives = async (disk: string, { resume, check }: Journey): Promise<void> => {
  const started = await startSystem({ data: disk });
  try {
    await started.settled();
    await resume(started);
    await started.settled();
    await check(started);
    await intact(started);
  } finally {
    await started.stop();
  }
};

const fromGit = { source: undefined, git: helloUrl, ref: 'v1' };
const customerOf = async (started: Started): Promise<Customer> => {
  const { session } = await login(started, ada);
  return { email: ada, access: session.accessToken, refresh: session.refreshToken, account: session.account, namespace: session.namespace, signupToken: '' };
};

/** From an invited address to a customer, with a payment that settles late, after letting a one-time and a payment token expire. */
const signingUp: Journey = {
  prepare: (started) => invite(started, ada),
  walk: async (started) => {
    await login(started, ada);
    await payByCard(started, ada, 'succeeds');
    await started.advance(25 * hour);
    await signingUp.resume(started);
  },
  resume: async (started) => {
    const answer = await login(started, ada);
    if (answer.status === 'signed-in') return;
    const { token } = answer.signup;
    let standing = answer.signup;
    if (standing.status === 'verified' || standing.status === 'declined') standing = (await redeem(started, token, standing.paymentToken ?? (await payByCard(started, ada, 'late')))).json;
    await started.advance(2 * hour);
    assert.equal((await started.call('GET', '/sessions/signup', { token })).json.status, 'completed');
    await openSession(started, ada, token);
  },
  check: async (started) => {
    assert.equal(taken(started).length, 1, 'charged once');
    const counts: Record<string, number> = {};
    for (const { type } of await storedEvents(started)) counts[type] = (counts[type] ?? 0) + 1;
    assert.partialDeepStrictEqual(counts, { SignupStarted: 1, PaymentTokenRedeemed: 1, SubscriptionStarted: 1, AccountCreated: 1, NameClaimed: 1, NamespaceCreated: 1, SignupCompleted: 1 });
    for (const model of ['accounts', 'namespaces', 'subscriptions', 'signups']) assert.equal(await started.system.rim.models.get(model)?.collection.count(), 1, model);
    const customer = await customerOf(started);
    assert.equal((await started.call('GET', '/gate?action=run', { token: customer.access })).json.allow, true);
    assert.notEqual(customer.namespace, undefined);
  },
};

/** Only the redemption, for a crash after each of its commits. */
const buying: Journey = {
  ...signingUp,
  prepare: async (started) => {
    await invite(started, ada);
    await login(started, ada);
    await payByCard(started, ada, 'succeeds');
  },
  walk: (started) => signingUp.resume(started),
};

/** How long a phase lasts at most: a month and a day until a renewal is missed, then as the plan says. */
const phaseDays: Readonly<Record<string, number>> = { active: 32, grace: 7, limited: 14 };
/** A customer whose second payment fails, through grace, limit and suspension to a payment and everything back. */
const lapsing: Journey = {
  prepare: async (started) => void (await signUp(started, ada, 'succeeds-once')),
  walk: async (started) => {
    const customer = await customerOf(started);
    for (const name of ['stays', 'goes']) assert.equal((await runWorkload(started, customer, name)).status, 200);
    assert.equal((await runWorkload(started, customer, 'fetched', fromGit)).status, 200);
    await started.advance(6 * minute);
    await lapsing.resume(started);
  },
  resume: async (started) => {
    let customer = await customerOf(started);
    if (!(await workloadNamed(started, customer, 'stays'))) assert.equal((await runWorkload(started, customer, 'stays')).status, 200);
    if (!(await workloadNamed(started, customer, 'fetched'))) assert.equal((await runWorkload(started, customer, 'fetched', fromGit)).status, 200);
    const goes = await workloadNamed(started, customer, 'goes');
    if (goes) assert.equal((await started.call('POST', '/commands/KillWorkload', { token: customer.access, body: { workloadId: goes.id } })).status, 200);
    await started.settled();
    const phase = async () => (await started.call('GET', '/subscriptions', { token: started.operator })).json.items[0].phase as string;
    const secondPayment = () => started.adapters.payments.charges().filter(({ status }) => status === 'succeeded').length > 1;
    for (let now = await phase(); !secondPayment() && now !== 'suspended'; now = await phase()) await started.advance((phaseDays[now] ?? 0) * day);
    if (!secondPayment()) {
      customer = await customerOf(started);
      const { json } = await started.call('POST', '/account/pay', { token: customer.access });
      assert.equal((await giveCard(started, json.url, 'succeeds')).status, 303);
    }
    await started.advance(10 * minute);
  },
  check: async (started) => {
    const customer = await customerOf(started);
    assert.equal((await started.call('GET', '/gate?action=run', { token: customer.access })).json.allow, true);
    assert.deepEqual(started.adapters.payments.charges().filter(({ status }) => status === 'succeeded').length, 2, 'two months, two payments');
    assert.equal((await eventsOf(started, 'SubscriptionRestored')).length, 1);
    assert.equal((await eventsOf(started, 'SubscriptionLapsed')).length, 1);
    for (const name of ['stays', 'fetched']) assert.equal((await workloadNamed(started, customer, name, running))?.state, 'running', name);
    assert.equal((await eventsOf(started, 'WorkloadSourceFetched')).length, 1, 'recorded once');
    assert.equal(await workloadNamed(started, customer, 'goes'), undefined);
    const [space] = (await started.call('GET', '/namespaces', { token: customer.access })).json.items;
    assert.deepEqual([space.level, space.workloads], ['full', 2], 'no slot is lost or left over');
    const mails = (await started.call('GET', '/mails?limit=1000', { token: started.operator })).json.items.map(({ template }: { template: string }) => template).filter((template: string) => template !== 'one-time-token');
    assert.deepEqual(mails.sort(), ['grace-ending', 'limited', 'payment-failed', 'receipt', 'receipt', 'restored', 'suspended', 'welcome']);
  },
};

/** A customer who sets a password by mail, cancels, thinks better of it, cancels for good, and is gone at the end of the period. */
const leaving: Journey = {
  prepare: async (started) => void (await signUp(started, ada)),
  walk: async (started) => {
    const { access } = await customerOf(started);
    for (const path of ['/account/cancel', '/account/resume']) assert.equal((await started.call('POST', path, { token: access })).status, 200);
    await started.settled();
    await leaving.resume(started);
  },
  resume: async (started) => {
    const { json } = await started.call('POST', '/sessions/password/reset', { body: { email: ada } });
    const mail = (await mailsTo(started, ada)).find(({ subject }) => subject.includes('new Tollgate password'));
    await started.call('POST', '/sessions/password/reset/confirm', { body: { email: ada, flowId: json.flowId, token: tokenIn(mail?.text ?? ''), password: 'ada likes engines' } });
    await started.settled();
    await started.advance(minute);
    const { access } = await customerOf(started);
    assert.equal((await started.call('POST', '/account/cancel', { token: access })).status, 200);
    await started.advance(40 * day);
  },
  check: async (started) => {
    assert.equal((await started.call('POST', '/sessions/password', { body: { email: ada, password: 'ada likes engines' } })).json.status, 'signed-in');
    assert.equal(taken(started).length, 1, 'one month, one payment');
    assert.deepEqual((await eventsOf(started, 'SubscriptionEnded')).map(({ cause }) => cause), ['cancelled']);
    const [{ providerSubscription }] = (await started.call('GET', '/subscriptions', { token: started.operator })).json.items;
    assert.equal((await started.adapters.payments.readSubscription(providerSubscription))?.status, 'canceled');
  },
};

const eachDisk = async (t: test.TestContext, journey: Journey, disks: ReadonlyMap<string, string>): Promise<void> => {
  await Promise.all([...disks].map(([step, disk]) => t.test(`the machine dies at ${step}`, async () => {
    try {
      await survives(disk, journey);
    } finally {
      await rm(disk, { recursive: true, force: true });
    }
  })));
};

test('defect 2: the machine may die at any step of any reactor: no second charge, no orphan', { concurrency: 3, ...onDisk }, async (t) => {
  const steps = stepsOf(reactors);
  const met = new Set<string>();
  for (const journey of [signingUp, lapsing, leaving]) {
    const disks = await crashes(journey, met);
    await eachDisk(t, journey, disks);
    for (const step of disks.keys()) met.add(step);
  }
  assert.deepEqual(steps.filter((step) => !met.has(step)), [], 'every step is on the way of a journey');
  assert.deepEqual([...met].filter((step) => !steps.includes(step)), [], 'and every step met has a name');
});

test('defect 2: the machine may die after any commit between the payment token and the account', { concurrency: 3, ...onDisk }, async (t) => {
  const disks = await crashes(buying, new Set(), true);
  assert.ok(disks.size >= 8, `there are several: ${disks.size}`);
  await eachDisk(t, buying, disks);
});
