/** The watch when things do not go well: a server that cannot tell, a stream that is cut, a server that is away for a while. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { Machine, type Run } from './run-cli.ts';
import { problem, session, StandIn } from './stand-in.ts';

const workload = (state: string, name = 'hello') => ({ id: `wl_${name}`, name, state, generation: 1, incarnation: 1, namespaceId: 'ns_1', at: '2026-11-21T08:00:00.000Z' });
const setting = async () => {
  const standIn = await StandIn.start();
  const machine = new Machine({ TOLLGATE_URL: standIn.url });
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ credentials: { [standIn.url]: { customer: session() } } }), { mode: 0o600 });
  /** What runs, and the position it is of. */
  const world = { state: 'pending', position: 1, away: false };
  standIn.on('GET /workloads', () => (world.away ? { cut: true } : { body: { items: [workload(world.state)], position: String(world.position) } }));
  return { standIn, machine, world, async [Symbol.asyncDispose]() {
    machine[Symbol.dispose]();
    await standIn[Symbol.asyncDispose]();
  } };
};
const shows = async (run: Run, text: string): Promise<void> => {
  while (!run.stdout.includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
};
const interrupted = async (run: Run) => {
  run.child.kill('SIGINT');
  const ended = await run.ended;
  assert.equal(ended.code, 130);
  return ended;
};
/** A stream that says what it is given, one frame after the other. */
class Frames implements AsyncIterable<string> {
  #waiting: (string | undefined)[] = [];
  #wake = (): void => undefined;
  say(event: string, data: object): void {
    this.#push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  cut(): void {
    this.#push(undefined);
  }
  #push(frame: string | undefined): void {
    this.#waiting.push(frame);
    this.#wake();
  }
  async *[Symbol.asyncIterator](): AsyncIterator<string> {
    for (;;) {
      while (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      const frame = this.#waiting.shift();
      if (frame === undefined) return;
      yield frame;
    }
  }
}

describe('status --watch', { concurrency: 4 }, () => {
  test('a server from before it could tell is looked at again and again', async () => {
    await using at = await setting();
    at.standIn.on('GET /events', problem(404, 'NotFound', 'There is no such page or call.'));
    const run = at.machine.start(['status', '--watch']);
    await shows(run, 'pending');
    at.world.state = 'running';
    await shows(run, 'running');
    const { stderr } = await interrupted(run);
    assert.deepEqual([stderr.trim(), at.standIn.of('GET /events').length], ['', 1]);
  });

  test('told of a change it reads again; of one it has seen already, or of nothing, it does not', async () => {
    await using at = await setting();
    const frames = new Frames();
    at.standIn.on('GET /events', { events: frames });
    const run = at.machine.start(['status', '--watch']);
    frames.say('ready', { models: ['workloads'], position: '1' });
    await shows(run, 'pending');
    frames.say('change', { model: 'workloads', id: 'wl_hello', kind: 'put', position: '1' });
    Object.assign(at.world, { state: 'running', position: 2 });
    frames.say('change', { model: 'workloads', id: 'wl_hello', kind: 'put', position: '2' });
    await shows(run, 'running');
    Object.assign(at.world, { state: 'stopped', position: 3 });
    frames.say('reset', { position: '3', reason: 'too much' });
    await shows(run, 'stopped');
    await interrupted(run);
    assert.deepEqual([at.standIn.of('GET /workloads').length, at.standIn.of('GET /events')[0]?.query.get('after')], [3, '1']);
  });

  test('a stream that is cut is taken up where it was, without a word, and what came meanwhile is not missed', async () => {
    await using at = await setting();
    const [first, second] = [new Frames(), new Frames()];
    let asked = 0;
    at.standIn.on('GET /events', () => ({ events: [first, second][asked++] ?? second }));
    const run = at.machine.start(['status', '--watch']);
    await shows(run, 'pending');
    Object.assign(at.world, { state: 'running', position: 5 });
    first.cut();
    await shows(run, 'running');
    Object.assign(at.world, { state: 'stopped', position: 6 });
    second.say('change', { model: 'workloads', id: 'wl_hello', kind: 'put', position: '6' });
    await shows(run, 'stopped');
    const { stderr } = await interrupted(run);
    assert.deepEqual([stderr.trim(), at.standIn.of('GET /events').map(({ query }) => query.get('after'))], ['', ['1', '5']]);
  });

  test('a server that is away is waited for, and told of', async () => {
    await using at = await setting();
    const frames = new Frames();
    at.standIn.on('GET /events', { events: frames });
    const run = at.machine.start(['status', '--watch']);
    await shows(run, 'pending');
    at.world.away = true;
    frames.cut();
    await run.said('-- connection lost, trying again');
    Object.assign(at.world, { away: false, state: 'running', position: 9 });
    await run.said('-- back again');
    await shows(run, 'running');
    await interrupted(run);
  });

  test('a refusal ends it, with its own exit code', async () => {
    await using at = await setting();
    at.standIn.on('GET /events', problem(403, 'NotAllowed', 'no'));
    assert.equal((await at.machine.run(['status', '--watch'])).code, 5);
  });
});
