/**
 * The architecture as a test. Each rule is a pure function from files to violations, and is shown to fail on a planted
 * one: a rule without a failing example is no rule.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import test from 'node:test';

type File = { readonly path: string; readonly text: string };
type Rule = (files: readonly File[]) => readonly string[];

const above = (folder: string): string => (existsSync(join(folder, '.oxlintrc.json')) ? folder : above(dirname(folder)));
const root = above(import.meta.dirname);
const repository: readonly File[] = ['src', 'cli', 'web', 'test', 'bench'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => ({ path: posix.join(folder, path.replaceAll('\\', '/')), text: readFileSync(join(root, folder, path), 'utf8') })));

/** What a file imports or exports from: repository paths for its own code, names for packages. */
type Import = { readonly from: string; readonly typeOnly: boolean; readonly names: string };
const importPattern = /^\s*(?:import|export)\s+(type\s+)?([\w$*{},\s]*?)\s*\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
const importsOf = ({ path, text }: File): readonly Import[] =>
  [...text.matchAll(importPattern)].map(([, type, names = '', from, bare, dynamic]) => {
    const target = from ?? bare ?? dynamic ?? '';
    const everyNameIsType = /^\{(\s*type\s[^,}]+,?)+\s*\}\s*$/.test(names.trim());
    return { from: target.startsWith('.') ? posix.join(posix.dirname(path), target) : target, typeOnly: type !== undefined || everyNameIsType, names };
  });

// The dependency table: the first row that a file matches says all it may import.
const packages = (...names: readonly string[]): RegExp => new RegExp(`^(${names.join('|')})(/|$)`);
const domain = /^src\/domain\//;
const node = /^node:/;
const shared = /^src\/adapters\/sqlite\//;
const nest = packages('@nestjs/[a-z-]+');
const validation = packages('class-validator', 'class-transformer', 'class-validator-jsonschema', 'reflect-metadata');
const table: readonly (readonly [folder: RegExp, ...allowed: readonly RegExp[]])[] = [
  [/^src\/domain\//, domain],
  [/^src\/commands\//, /^src\/commands\//, domain, nest, validation, packages('rxjs', 'lru-cache'), /^node:crypto$/],
  [/^src\/projections\//, /^src\/projections\//, domain, nest],
  [/^src\/adapters\/http\//, /^src\/adapters\/http\//, /^src\/(commands|projections)\//, /^web\//, domain, shared, node, nest, validation, packages('@fastify/[a-z-]+', 'fastify', 'rxjs', 'jose', 'lru-cache', 'pino', 'yaml', 'openapi3-ts')],
  [/^src\/adapters\/payments\//, /^src\/adapters\/payments\//, domain, shared, node, packages('stripe')],
  [/^src\/adapters\/runtime\/supervisor\//, /^src\/adapters\/runtime\/supervisor\//, node],
  [/^src\/adapters\/runtime\//, /^src\/adapters\/runtime\//, domain, shared, node, packages('tar-stream')],
  [/^src\/adapters\/metrics\//, /^src\/adapters\/metrics\//, domain, node, packages('prom-client')],
  [/^src\/adapters\/mail\//, /^src\/adapters\/mail\//, domain, shared, node, packages('nodemailer')],
  [/^src\/adapters\/source-host\//, /^src\/adapters\/source-host\//, domain, shared, node, packages('tar-stream')],
  ...['counters', 'event-store', 'keyring', 'lease', 'read-models', 'sqlite', 'system'].map((name) => [new RegExp(`^src/adapters/${name}/`), new RegExp(`^src/adapters/${name}/`), domain, shared, node] as const),
  [/^src\/(adapters\/)?[a-z.-]+\.ts$/, /./],
  [/^cli\//, /^cli\//, node, packages('commander', 'tar-stream', 'ignore', 'p-retry')],
  [/^web\//, /^web\//, domain, node, packages('preact', 'preact-render-to-string')],
  [/^(test|bench)\//, /./],
];
const dependencies: Rule = (files) => files.flatMap((file) => {
  const row = table.find(([folder]) => folder.test(file.path));
  if (!row) return [`${file.path} is in no row of the dependency table`];
  const [, ...allowed] = row;
  return importsOf(file).filter(({ from }) => !allowed.some((pattern) => pattern.test(from))).map(({ from }) => `${file.path} may not import ${from}`);
});
const aggregateOf = (path: string): string | undefined => /^src\/domain\/([a-zA-Z]+)\//.exec(path)?.[1];
const siblingsByType: Rule = (files) => files.flatMap((file) => {
  const own = aggregateOf(file.path);
  return own === undefined ? [] : importsOf(file)
    .filter(({ from, typeOnly }) => !typeOnly && ![undefined, own, 'ports'].includes(aggregateOf(from)))
    .map(({ from }) => `${file.path} may know ${from} by type only`);
});
const onTop = /^src\/[a-z.-]+\.ts$/;
const compositionOnTop: Rule = (files) => files.filter(({ path }) => /^(src|cli|web)\//.test(path) && !onTop.test(path)).flatMap((file) => importsOf(file).filter(({ from }) => onTop.test(from)).map(({ from }) => `${file.path} imports ${from}`));
const banned = /\b(AggregateRoot|EventPublisher|Saga|EventsHandler)\b/;
const oneWayToDecide: Rule = (files) => files.flatMap((file) => importsOf(file).filter(({ from, names }) => from === '@nestjs/cqrs' && banned.test(names)).map(() => `${file.path} takes ${banned.source} from @nestjs/cqrs`));

const timeAndChance = /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\brandom(?:Bytes|UUID|Int|Fill|FillSync)\b|\bgetRandomValues\b|\bprocess\.hrtime\b|\bperformance\.now\b/;
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '$1');
const clockAndRandomOnly: Rule = (files) => files
  .filter(({ path }) => /^(src|web)\//.test(path) && !/^src\/adapters\/(system\/|runtime\/supervisor\/)/.test(path))
  .flatMap(({ path, text }) => (timeAndChance.test(code(text)) ? [`${path} uses ${timeAndChance.exec(code(text))?.[0]}`] : []));

const completeAggregates: Rule = (files) => {
  const paths = new Set(files.map(({ path }) => path));
  const aggregates = new Set(files.map(({ path }) => aggregateOf(path)).filter((name) => name !== undefined && name !== 'ports'));
  return [...aggregates].flatMap((name) => [...['events', 'state', 'decide'].map((part) => `src/domain/${name}/${part}.ts`), `test/domain/${name}.spec.ts`].filter((path) => !paths.has(path)).map((path) => `${path} is missing`));
};

/** Promises about errors only; and the log, which has one implementation above every event store (tested in test/commands). */
const portsWithoutContract = new Set(['failures', 'log']);
const reachedThrough = new Set(['Collection']);
const keptContracts: Rule = (files) => {
  const textOf = new Map(files.map(({ path, text }) => [path, text]));
  return files.flatMap(({ path, text }) => {
    const port = /^src\/domain\/ports\/([a-z-]+)\.ts$/.exec(path)?.[1];
    if (port === undefined || portsWithoutContract.has(port)) return [];
    const missing = [`test/contracts/${port}.contract.ts`, `test/contracts/${port}.spec.ts`].filter((needed) => !textOf.has(needed)).map((needed) => `port ${port}: ${needed} is missing`);
    const names = [...text.matchAll(/^export interface (\w+)/gm)].map(([, name]) => name ?? '').filter((name) => !reachedThrough.has(name));
    const adapters = files.filter((file) => file.path.startsWith('src/adapters/')).flatMap((file) => [...file.text.matchAll(/^export class (\w+).* implements ([\w, ]+)/gm)].filter(([, , ports = '']) => ports.split(/, */).some((name) => names.includes(name.trim()))).map(([, name]) => name ?? ''));
    const listed = textOf.get(`test/contracts/${port}.spec.ts`) ?? '';
    return [...missing, ...(missing.length > 0 ? [] : adapters.filter((name) => !new RegExp(`\\b${name}\\b`).test(listed)).map((name) => `port ${port}: its contract does not list ${name}`))];
  });
};

const linesMax = 400;
const functionLinesMax = 70;
const measured = ({ path }: File): boolean => /^(src|cli|web)\//.test(path);
const shortFiles: Rule = (files) => files.filter(measured).filter(({ text }) => text.trimEnd().split('\n').length > linesMax).map(({ path }) => `${path} is longer than ${linesMax} lines`);
/** By our formatting: a function opens at the end of a line, and closes on the first line as far in that begins with the closing bracket. */
const opens = /(=>\s*(\{|\(|\(\{|\[|`)|\)(: [^=;]+)? \{)$/;
const noFunction = /^\s*(\} )?(if|else|for|while|switch|catch|do|try)\b/;
const shortFunctions: Rule = (files) => files.filter((file) => measured(file) || file.path.startsWith('bench/')).flatMap(({ path, text }) => {
  const lines = text.split('\n');
  return lines.flatMap((line, start) => {
    if (!opens.test(line) || noFunction.test(line)) return [];
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    const length = lines.slice(start + 1).findIndex((later) => later.startsWith(indent) && /^[\])}`]/.test(later.slice(indent.length))) + 2;
    return length > functionLinesMax ? [`${path}:${start + 1} is a function of ${length} lines`] : [];
  });
});

const unwanted = new Set(['service', 'services', 'manager', 'managers', 'helper', 'helpers', 'util', 'utils', 'impl', 'base', 'dto', 'dtos', 'repository', 'repositories']);
const words = (name: string): readonly string[] => name.replace(/service-?level/i, 'level').split(/[^a-zA-Z]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/).map((word) => word.toLowerCase());
const plainNames: Rule = (files) => files.flatMap(({ path, text }) => {
  const symbols = [...text.matchAll(/^export (?:default |declare |abstract |async )*(?:const|let|class|function\*?|interface|type) (\w+)/gm)].map(([, name]) => name ?? '');
  const bad = [posix.basename(path), ...symbols].filter((name) => words(name).some((word) => unwanted.has(word)) || /^I[A-Z][a-z]/.test(name));
  const cased = /^[a-z0-9]+([.-][a-z0-9]+)*\.tsx?$/.test(posix.basename(path)) ? [] : [`${path} is not in kebab-case`];
  return [...bad.map((name) => `${path}: ${name} says nothing`), ...cased];
});
const unfinished = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);
const nothingLeftOpen: Rule = (files) => files.filter(({ text }) => unfinished.test(text)).map(({ path }) => `${path} has a ${unfinished.source}`);

const long = (lines: number, open = 'export const f = () => {', close = '};'): string => [open, ...Array.from({ length: lines - 2 }, (_, i) => `  step(${i});`), close].join('\n');
const port = { path: 'src/domain/ports/mail.ts', text: 'export interface Mail {\n}' };
const adapter = { path: 'src/adapters/mail/smtp.ts', text: 'export class SmtpMail implements Mail {' };
/** Each rule, what it must refuse, and its like that it must let pass. */
const rules: Readonly<Record<string, { readonly rule: Rule; readonly refuses: readonly (readonly File[])[]; readonly passes: readonly File[] }>> = {
  'imports follow the dependency table': {
    rule: dependencies,
    refuses: [
      ['src/domain/mail/decide.ts', "import { x } from 'lodash';"], ['src/domain/ids.ts', "import { hash } from 'node:crypto';"], ['src/domain/ids.ts', "import type {\n  A,\n} from '../commands/catalog.ts';"],
      ['src/commands/mail.ts', "import '../projections/mails.ts';"], ['src/commands/mail.ts', "export * from '../adapters/mail/smtp.ts';"], ['src/commands/mail.ts', "import fs from 'node:fs';"], ['src/commands/reactors/x.ts', "import { main } from '../../main.ts';"],
      ['src/projections/mails.ts', "import { x } from '../commands/mail.ts';"], ['src/projections/mails.ts', "import 'node:sqlite';"],
      ['src/adapters/mail/smtp.ts', "import { x } from '../payments/stripe.ts';"], ['src/adapters/mail/smtp.ts', "import { x } from './../payments/stripe.ts';"], ['src/adapters/mail/smtp.ts', "const s = await import('stripe');"], ['src/adapters/payments/stripe.ts', "import { x } from '../../commands/mail.ts';"],
      ['src/adapters/novel/x.ts', ''], ['src/adapters/runtime/supervisor/x.ts', "import { x } from '../../../domain/ids.ts';"], ['src/adapters/runtime/supervisor/x.ts', "import { x } from '../log-reader.ts';"], ['src/adapters/http/x.ts', "import { x } from '../mail/smtp.ts';"],
      ['cli/main.ts', "import type { X } from '../src/domain/ids.ts';"], ['cli/main.ts', "import { Module } from '@nestjs/common';"], ['web/home.tsx', "import { x } from '../src/commands/mail.ts';"], ['web/home.tsx', "import React from 'react';"],
    ].map(([path = '', text = '']) => [{ path, text }]),
    passes: [
      { path: 'src/domain/mail/decide.ts', text: "import { x } from '../ids.ts';" }, { path: 'src/commands/reactors/x.ts', text: "import { Injectable } from '@nestjs/common';\nimport { x } from '../handle.ts';" },
      { path: 'src/adapters/payments/stripe.ts', text: "import Stripe from 'stripe';\nimport { x } from '../sqlite/open-database.ts';" }, { path: 'src/adapters/http/x.ts', text: "import { x } from '../../../web/pages.ts';" }, { path: 'src/main.ts', text: "import 'pino';" },
    ],
  },
  'aggregates know each other by type only': {
    rule: siblingsByType,
    refuses: [[{ path: 'src/domain/signup/decide.ts', text: "import { plan } from '../plan/decide.ts';" }], [{ path: 'src/domain/signup/decide.ts', text: "import { type Plan, plan } from '../plan/decide.ts';" }]],
    passes: [{ path: 'src/domain/signup/decide.ts', text: "import type { Plan } from '../plan/state.ts';\nimport { type A, type B } from '../plan/events.ts';\nimport { x } from './state.ts';\nimport { y } from '../ids.ts';" }],
  },
  'nothing below imports the composition root': { rule: compositionOnTop, refuses: [[{ path: 'src/adapters/adapters.module.ts', text: "import { config } from '../main.ts';" }]], passes: [{ path: 'src/main.ts', text: "import { AppModule } from './app.module.ts';" }] },
  'state changes only by decider and handler': { rule: oneWayToDecide, refuses: [[{ path: 'src/commands/x.ts', text: "import { CommandBus, AggregateRoot } from '@nestjs/cqrs';" }]], passes: [{ path: 'src/commands/x.ts', text: "import { CommandBus, CommandHandler } from '@nestjs/cqrs';" }] },
  'time and chance come from their ports': {
    rule: clockAndRandomOnly,
    refuses: ['const now = Date.now();', 'const now = new Date();', 'Math.random()', "import { randomBytes } from 'node:crypto';", 'crypto.randomUUID()', 'crypto.getRandomValues(x)', 'process.hrtime.bigint()', 'performance.now()'].map((text) => [{ path: 'src/commands/x.ts', text }]),
    passes: [{ path: 'src/adapters/system/clock.ts', text: 'Date.now()' }, { path: 'src/adapters/runtime/supervisor/run.ts', text: 'Date.now()' }, { path: 'web/x.ts', text: '// never Date.now()\nnew Date(instant)' }, { path: 'cli/x.ts', text: 'new Date()' }],
  },
  'every aggregate has its files and its spec': {
    rule: completeAggregates,
    refuses: [[{ path: 'src/domain/gift/decide.ts', text: '' }], ['events', 'state', 'decide'].map((part) => ({ path: `src/domain/gift/${part}.ts`, text: '' }))],
    passes: [...['events', 'state', 'decide'].map((part) => ({ path: `src/domain/gift/${part}.ts`, text: '' })), { path: 'test/domain/gift.spec.ts', text: '' }, port],
  },
  'every port has a contract that lists every adapter': {
    rule: keptContracts,
    refuses: [[port], [port, { path: 'test/contracts/mail.contract.ts', text: '' }], [port, adapter, { path: 'test/contracts/mail.contract.ts', text: '' }, { path: 'test/contracts/mail.spec.ts', text: 'new MemoryMail()' }]],
    passes: [port, adapter, { path: 'test/contracts/mail.contract.ts', text: '' }, { path: 'test/contracts/mail.spec.ts', text: 'new SmtpMail()' }, { path: 'src/domain/ports/failures.ts', text: '' }],
  },
  [`no file is longer than ${linesMax} lines`]: { rule: shortFiles, refuses: [[{ path: 'src/x.ts', text: 'x\n'.repeat(linesMax + 1) }]], passes: [{ path: 'cli/x.ts', text: 'x\n'.repeat(linesMax) }, { path: 'test/x.ts', text: 'x\n'.repeat(linesMax + 1) }] },
  [`no function is longer than ${functionLinesMax} lines`]: {
    rule: shortFunctions,
    refuses: [[long(functionLinesMax + 1)], [long(functionLinesMax + 1, 'export const f = (x: A): Promise<B> => [', '];')], ['class A {', long(functionLinesMax + 1, '  async run(x: A): Promise<B> {', '  }').replaceAll('\n  step', '\n    step'), '}'], [long(functionLinesMax + 1, 'function f(x) {', '}')]].map((text) => [{ path: 'src/x.ts', text: text.join('\n') }]),
    passes: [{ path: 'src/x.ts', text: long(functionLinesMax) }, { path: 'src/y.ts', text: `class A {\n${long(functionLinesMax, '  run() {', '  }')}\n${long(functionLinesMax, '  stop() {', '  }')}\n}` }],
  },
  'names say what things are': {
    rule: plainNames,
    refuses: [['src/mail-service.ts', ''], ['src/utils.ts', ''], ['src/Mail.ts', ''], ['src/x.ts', 'export class MailManager {'], ['src/x.ts', 'export abstract class BaseMail {'], ['src/x.ts', 'export type MailDTO = {}'], ['src/x.ts', 'export const mailHelper = 1'], ['src/x.ts', 'export interface IMail {'], ['src/x.ts', 'export class MailRepository {'], ['src/x.ts', 'export class MailServiceImpl {']].map(([path = '', text = '']) => [{ path, text }]),
    passes: [{ path: 'src/domain/service-level.ts', text: 'export type ServiceLevel = 1;\nexport const serviceLevels = 1;\nexport const openDatabase = 1;\nexport type Instant = 1;\nexport const baseline = 1;' }],
  },
  'nothing is left open in a comment': { rule: nothingLeftOpen, refuses: [[{ path: 'cli/x.ts', text: `// ${'TO' + 'DO'}: later` }], [{ path: 'cli/x.ts', text: `// ${'FIX' + 'ME'}` }]], passes: [{ path: 'src/domain/mail/todo.ts', text: 'export const todo = 1; // what is to do' }] },
};
for (const [name, { rule, refuses, passes }] of Object.entries(rules)) {
  test(`tidy: ${name}`, () => {
    for (const planted of refuses) assert.notDeepEqual(rule(planted), [], `should be refused: ${planted.map(({ path, text }) => `${path}: ${text.slice(0, 80)}`).join(' | ')}`);
    assert.deepEqual(rule(passes), [], 'and its like passes');
    assert.deepEqual(rule(repository), [], 'and the repository keeps it');
  });
}
test('tidy: all of the repository is looked at', () => assert.ok(repository.length > 100 && repository.some(({ path }) => path === 'src/domain/ids.ts')));

/** Planted for the linter: file, its text, and the rule that must complain; without one, nothing may. */
const planted: readonly (readonly [path: string, text: string, complaint?: string])[] = [
  ['src/domain/a.ts', "import { x } from 'lodash';\nexport const y = x;", 'no-restricted-imports'],
  ['src/domain/b.ts', "import { hash } from 'node:crypto';\nexport const y = hash;", 'no-restricted-imports'],
  ['src/domain/mail/c.ts', "import { x } from '../../commands/catalog.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['src/domain/mail/d.ts', "import { plan } from '../plan/decide.ts';\nexport const y = plan;", 'no-restricted-imports'],
  ['src/domain/mail/fine.ts', "import type { Plan } from '../plan/state.ts';\nimport { x } from '../ids.ts';\nimport type { Mail } from '../ports/mail.ts';\nexport const y: Plan | Mail = x;"],
  ...['new Date()', 'Date.parse("")', 'process.env', 'setTimeout(() => 1, 1)', 'globalThis.x', 'crypto.subtle', 'console'].map((text, i) => [`src/domain/global${i}.ts`, `export const x = ${text};`, 'no-restricted-globals'] as const),
  ['src/domain/math.ts', 'export const x = Math.random();', 'no-restricted-properties'],
  ['src/domain/instant.ts', 'export const x = new Date(0);'],
  ['src/commands/a.ts', "import { x } from '../adapters/mail/smtp.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['src/commands/b.ts', "import { readFileSync } from 'node:fs';\nexport const y = readFileSync;", 'no-restricted-imports'],
  ['src/commands/c.ts', "import { randomBytes } from 'node:crypto';\nexport const y = randomBytes;", 'no-restricted-imports'],
  ['src/commands/d.ts', "import { AggregateRoot } from '@nestjs/cqrs';\nexport const y = AggregateRoot;", 'no-restricted-imports'],
  ['src/commands/e.ts', 'export const now = Date.now();', 'no-restricted-properties'],
  ['src/commands/reactors/f.ts', "import { x } from '../../projections/mails.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['src/commands/reactors/fine.ts', "import { createHmac } from 'node:crypto';\nimport { CommandBus } from '@nestjs/cqrs';\nimport { of } from 'rxjs/internal/of';\nimport { h } from '../handle.ts';\nimport { x } from '../../domain/mail/decide.ts';\nexport const y = [createHmac, CommandBus, of, h, x];"],
  ['src/projections/a.ts', "import { x } from '../commands/mail.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['src/projections/fine.ts', "import { Injectable } from '@nestjs/common';\nimport { x } from '../domain/ids.ts';\nexport const y = [Injectable, x];"],
  ['src/adapters/mail/a.ts', "import { x } from '../payments/stripe.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['src/adapters/mail/b.ts', "export const y = () => import('stripe');", 'no-restricted-imports'],
  ['src/adapters/payments/c.ts', "import { x } from '../../commands/mail.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['src/adapters/payments/fine.ts', "import Stripe from 'stripe';\nimport { readFile } from 'node:fs/promises';\nimport { x } from '../sqlite/open-database.ts';\nexport const y = [Stripe, readFile, x];"],
  ['src/adapters/http/d.ts', "import { x } from '../mail/smtp.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['src/adapters/http/fine.ts', "import { Module } from '@nestjs/common';\nimport { x } from '../../commands/handle.ts';\nimport { home } from '../../../web/home.tsx';\nexport const y = [Module, x, home];"],
  ['src/adapters/system/fine.ts', "import { randomBytes } from 'node:crypto';\nexport const y = [randomBytes, Date.now()];"],
  ['src/adapters/runtime/supervisor/run.ts', 'export const y = Date.now();'],
  ['src/adapters/runtime/supervisor/far.ts', "import { x } from '../../../domain/ids.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['cli/a.ts', "import { x } from '../src/domain/ids.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['cli/b.ts', "import { x } from 'stripe';\nexport const y = x;", 'no-restricted-imports'],
  ['cli/fine.ts', "import { Command } from 'commander';\nimport pRetry from 'p-retry';\nimport { x } from './client.ts';\nexport const y = [Command, pRetry, x, Date.now()];"],
  ['web/a.tsx', "import { x } from '../src/commands/mail.ts';\nexport const y = x;", 'no-restricted-imports'],
  ['web/fine.tsx', "import type { JSX } from 'preact';\nimport { renderToString } from 'preact-render-to-string';\nimport { x } from '../src/domain/money.ts';\nexport const y: JSX.Element | unknown = [renderToString, x];"],
  ['src/projections/cycle-a.ts', "import { b } from './cycle-b.ts';\nexport const a = () => b;", 'no-cycle'],
  ['src/projections/cycle-b.ts', "import { a } from './cycle-a.ts';\nexport const b = () => a;", 'no-cycle'],
];
test('tidy: the linter complains of every planted violation and of nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-lint-'));
  try {
    cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const [path, text] of planted) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), `${text}\n`);
    }
    const { stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules/oxlint/bin/oxlint'), '--deny-warnings', '-f', 'unix', 'src', 'cli', 'web'], { cwd: folder, encoding: 'utf8' });
    const complaints = stdout.split('\n').map((line) => /^([^:]+):\d+:\d+: .*\((?:[a-z-]+\()?([a-z-]+)\)+\]$/.exec(line)?.slice(1, 3) ?? []);
    for (const [path, , rule] of planted) {
      const heard = complaints.filter(([where]) => where === path).map(([, what]) => what);
      assert.deepEqual([...new Set(heard)], rule === undefined ? [] : [rule], `${path}\n${stdout}${stderr}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
