import { Controller, Get, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf, requireOperator } from './caller.ts';
import { checksOf } from './checks.ts';
import { RIM, type Rim } from './rim.ts';

@Controller()
export class DoctorController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  /** How this server is, check by check: for staff, because it tells about the machine. 200 also when one fails. */
  @Get('doctor')
  async doctor(@Req() request: FastifyRequest) {
    requireOperator(await callerOf(this.#rim, request));
    const checks = await checksOf(this.#rim);
    return { ok: checks.every(({ status }) => status !== 'fail'), checks };
  }
}
