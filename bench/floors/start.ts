/** Floor of the start row, bundled before it is measured: Nest on Fastify with 15 providers that opens SQLite and commits once. */
import 'reflect-metadata';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

const [folder = '.'] = process.argv.slice(2);
const names = Array.from({ length: 15 }, (_, n) => `provider ${n}`);

@Controller()
class Ready {
  readonly #first: { readonly name: string };
  constructor(@Inject(names[0]) first: { readonly name: string }) {
    this.#first = first;
  }
  @Get('readyz')
  ready() {
    return { status: this.#first.name };
  }
}
@Module({ controllers: [Ready], providers: names.map((name) => ({ provide: name, useFactory: () => ({ name }) })) })
class Root {}

const database = new DatabaseSync(join(folder, 'start.db'));
database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS starts (at INTEGER NOT NULL) STRICT');
database.prepare('INSERT INTO starts (at) VALUES (?)').run(Date.now());
const app = await NestFactory.create<NestFastifyApplication>(Root, new FastifyAdapter({ logger: false }), { logger: false });
await app.listen(0, '127.0.0.1');
process.stdout.write(`http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}\n`);
process.on('SIGTERM', () => process.exit(0));
