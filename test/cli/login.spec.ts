import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Machine, firstLine } from './run-cli.ts';
import { SignupScene, StandIn, oneTimeToken, paymentToken, problem } from './stand-in.ts';

const setting = async () => {
  const standIn = await StandIn.start();
  const scene = new SignupScene(standIn);
  const machine = new Machine({ TOLLGATE_URL: standIn.url });
  return { standIn, scene, machine, async [Symbol.asyncDispose]() {
    machine[Symbol.dispose]();
    await standIn[Symbol.asyncDispose]();
  } };
};
const login = ['login', '--otp', 'ada@example.com'];

describe('login --otp', { concurrency: 4 }, () => {
  test('both tokens from a pipe lead to a session that is kept, and the sign-up is forgotten', async () => {
    await using at = await setting();
    const { code, stdout } = await at.machine.run([...login, '--json'], `${oneTimeToken}\n${paymentToken}\n`);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { account: 'acc_0123456789abcdefghjk', email: 'ada@example.com', namespace: 'brave-red-fox', env: 'server', url: at.standIn.url });
    const kept = at.machine.config().credentials[at.standIn.url];
    assert.equal(kept?.customer?.accessToken, 'access-0');
    assert.equal(kept?.signup, undefined);
  });

  test('an account that exists needs no payment token, and the subscribe page is not mentioned', async () => {
    await using at = await setting();
    at.scene.hasAccount = true;
    const { code, stderr } = await at.machine.run(login, `${oneTimeToken}\n`);
    assert.equal(code, 0);
    assert.doesNotMatch(stderr, /subscribe/);
  });

  test('the subscribe address is printed only after the one-time token', async () => {
    await using at = await setting();
    const run = at.machine.start(login);
    await run.said('paste it here');
    assert.doesNotMatch(run.stderr, /subscribe/);
    run.type(oneTimeToken);
    await run.said('/subscribe');
    run.type(paymentToken);
    const { code } = await run.ended; // its input was never ended
    assert.equal(code, 0);
  });

  test('a finished page is noticed without any line, and without waiting for the end of input', async () => {
    await using at = await setting();
    const run = at.machine.start(login);
    run.type(oneTimeToken);
    await run.said('/subscribe');
    at.scene.shown = paymentToken;
    assert.equal((await run.ended).code, 0);
    assert.equal(at.standIn.of('POST /sessions/payment')[0]?.body.paymentToken, paymentToken);
  });

  test('end of input is no error while it waits for the page', async () => {
    await using at = await setting();
    const run = at.machine.start(login);
    run.type(oneTimeToken);
    run.endInput();
    await run.said('/subscribe');
    const looks = at.standIn.of('GET /sessions/signup').length;
    while (at.standIn.of('GET /sessions/signup').length < looks + 2) await new Promise((resolve) => setTimeout(resolve, 50));
    at.scene.shown = paymentToken;
    assert.equal((await run.ended).code, 0);
  });

  test('a wrong one-time token is asked again; so is what is no token at all, without a try lost', async () => {
    await using at = await setting();
    const { code, stderr } = await at.machine.run(login, `nonsense\n${'0'.repeat(40)}\n\n  \`${oneTimeToken.toUpperCase()}\`. \n${paymentToken}\n`);
    assert.equal(code, 0);
    assert.match(stderr, /no one-time token/);
    assert.match(stderr, /4 tries left/);
    assert.deepEqual(at.standIn.of('POST /sessions/otp/verify').map(({ body }) => body.token), ['0'.repeat(40), oneTimeToken]);
  });

  test('wrong lines and then the end of input: exit 3', async () => {
    await using at = await setting();
    const wrongOtp = await at.machine.run(login, `${'0'.repeat(40)}\n`);
    assert.equal(wrongOtp.code, 3);
    assert.match(wrongOtp.stderr, /tries left/);
    const none = await at.machine.run(login, '');
    assert.equal(none.code, 3);
    const wrongPayment = await at.machine.run(login, `${oneTimeToken}\nnonsense`); // a last line without its end counts
    assert.equal(wrongPayment.code, 3);
    assert.match(wrongPayment.stderr, /no such payment token/);
  });

  test('a wrong payment token is asked again', async () => {
    await using at = await setting();
    const { code, stderr } = await at.machine.run(login, `${oneTimeToken}\nnonsense\n${paymentToken}\n`);
    assert.equal(code, 0);
    assert.equal(stderr.split('/subscribe').length - 1, 2, 'where to get one is said again');
  });

  test('--timeout ends the wait with 7, and the next call goes on without a one-time token', async () => {
    await using at = await setting();
    const first = await at.machine.run([...login, '--timeout', '1s'], `${oneTimeToken}\n`);
    assert.equal(first.code, 7);
    assert.match(first.stderr, /Go on any time with 'tollgate login --otp ada@example.com'/);
    assert.deepEqual(at.machine.config().credentials[at.standIn.url]?.signup, { email: 'ada@example.com', token: 'signup-token' });
    const second = await at.machine.run(['login', '--otp', 'Ada@Example.com '], `${paymentToken}\n`);
    assert.equal(second.code, 0);
    assert.equal(at.standIn.of('POST /sessions/otp').length, 1, 'no second mail');
  });

  test('a sign-up that was completed meanwhile is only opened', async () => {
    await using at = await setting();
    await at.machine.run([...login, '--timeout', '100ms'], `${oneTimeToken}\n`);
    at.scene.status = 'completed';
    assert.equal((await at.machine.run(login)).code, 0);
  });

  test('another address does not go on with the sign-up that is held', async () => {
    await using at = await setting();
    await at.machine.run([...login, '--timeout', '100ms'], `${oneTimeToken}\n`);
    const { code, stderr } = await at.machine.run(['login', '--otp', 'eve@example.com']);
    assert.equal(code, 5);
    assert.equal(firstLine(stderr), 'This address is not invited.');
  });

  test('a declined card is told, and a pasted token that failed ends with 3 at the end of input', async () => {
    await using at = await setting();
    at.scene.outcome = 'declined';
    const { code, stderr } = await at.machine.run(login, `${oneTimeToken}\n${paymentToken}\n`);
    assert.equal(code, 3);
    assert.match(stderr, /insufficient funds\nGive another card on the page/);
  });

  test('a payment that settles late is waited for', async () => {
    await using at = await setting();
    at.scene.outcome = 'settling';
    const run = at.machine.start(login);
    run.type(oneTimeToken);
    run.type(paymentToken);
    await run.said('settling');
    at.scene.status = 'completed';
    assert.equal((await run.ended).code, 0);
  });

  test('Ctrl-C ends with 130 and says how to go on', async () => {
    await using at = await setting();
    const run = at.machine.start(login);
    run.type(oneTimeToken);
    await run.said('/subscribe');
    run.child.kill('SIGINT');
    const { code, stderr } = await run.ended;
    assert.equal(code, 130);
    assert.match(stderr, /Go on with: tollgate login --otp ada@example\.com/);
  });

  test('a server that is away for a moment does not end the wait', async () => {
    await using at = await setting();
    const run = at.machine.start(login);
    const standing = at.standIn.routes.get('GET /sessions/signup');
    at.standIn.on('GET /sessions/signup', () => ({ ...problem(503, 'Unavailable', 'starting'), headers: { 'retry-after': '0' } }));
    run.type(oneTimeToken);
    await run.said('The server is away');
    if (standing) at.standIn.on('GET /sessions/signup', standing);
    at.scene.shown = paymentToken;
    assert.equal((await run.ended).code, 0);
  });

  test('`resend` at the prompt asks for another mail', async () => {
    await using at = await setting();
    const { code } = await at.machine.run(login, `resend\n${oneTimeToken}\n${paymentToken}\n`);
    assert.equal(code, 0);
    assert.equal(at.standIn.of('POST /sessions/otp/resend')[0]?.body.flowId, 'flw_1');
  });

  test('--no-input refuses to ask and names the flag', async () => {
    await using at = await setting();
    const { code, stderr } = await at.machine.run([...login, '--no-input'], `${oneTimeToken}\n`);
    assert.equal(code, 2);
    assert.match(stderr, /--no-input/);
    assert.equal(at.standIn.asked.length, 0);
  });

  test('no one-time token travels over plain http beyond this machine', async () => {
    using machine = new Machine({ TOLLGATE_URL: 'http://tollgate.example.com' });
    const { code, stderr } = await machine.run(login, `${oneTimeToken}\n`);
    assert.equal(code, 2);
    assert.match(firstLine(stderr), /plain http/);
  });
});
