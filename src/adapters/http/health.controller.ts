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
  ready() {
    const stopped = [...this.#rim.models.values()].filter(({ failure }) => failure !== undefined).map(({ model, failure }) => `${model.name}: ${failure}`);
    if (!this.#rim.ready() || stopped.length > 0) throw new HttpProblem(503, 'NotReady', stopped.length > 0 ? `stopped read models: ${stopped.join('; ')}` : 'starting', "See 'tollgate projection list'.");
    return { status: 'ready' };
  }

  @Get('openapi.json')
  async api() {
    const { openApi } = await import('./openapi.ts'); // only who asks pays for loading it
    return openApi(this.#rim.version);
  }
}
