import { Controller, Get, Inject } from '@nestjs/common';
import { HttpProblem } from './problem.ts';
import { RIM, type Rim } from './rim.ts';

@Controller()
export class HealthController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  @Get('healthz')
  alive() {
    return { status: 'ok', version: this.#rim.version, mode: this.#rim.mode };
  }

  /** Ready: everything caught up once, and nothing stopped since. */
  @Get('readyz')
  async ready() {
    if (!this.#rim.ready()) throw new HttpProblem(503, 'NotReady', 'starting', "See 'tollgate projection list'.");
    const consumers = [...[...this.#rim.models.values()].map(({ model, failure, unavailable }) => ({ name: model.name, failure, unavailable })), ...this.#rim.pumps.map(({ reactor, failure, unavailable }) => ({ name: reactor.name, failure, unavailable }))];
    const stopped = consumers.filter(({ failure }) => failure !== undefined).map(({ name, failure }) => `${name}: ${failure}`);
    if (stopped.length > 0) throw new HttpProblem(503, 'NotReady', `stopped: ${stopped.join('; ')}`, "See 'tollgate projection list'.");
    const silent = await this.#rim.silent();
    if (silent.length > 0) throw new HttpProblem(503, 'NotReady', `no answer from: ${silent.join(', ')}`, 'It goes on by itself once they answer.');
    const waiting = consumers.filter(({ unavailable }) => unavailable !== undefined).map(({ name }) => name);
    if (waiting.length > 0) throw new HttpProblem(503, 'NotReady', `catching up after an interruption: ${waiting.join(', ')}`, 'It goes on by itself.');
    return { status: 'ready' };
  }

  @Get('openapi.json')
  async api() {
    const { openApi } = await import('./openapi.ts'); // only who asks pays for loading it
    return openApi(this.#rim.version);
  }
}
