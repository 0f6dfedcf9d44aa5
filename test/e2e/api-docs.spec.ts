/** `/docs` is the OpenAPI document for people: every call is on it, and the lines to try are lines that can be tried. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { all, byTag, parse, textOf } from '../web/html.ts';
import { withSystem } from './system.ts';
import { openCommands } from '../../src/commands/schemas.ts';

/** In a shell of its own, as somebody types it who has copied it. */
const typed = (line: string, token: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> => new Promise((resolve) => {
  execFile('bash', ['-c', line], { env: { PATH: process.env['PATH'], TOKEN: token }, timeout: 20_000 }, (error, stdout, stderr) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }));
});

test('every call of the document is on the page, with what it takes, answers and refuses, and the command that does the same', () => withSystem(async (started) => {
  const { json: api } = await started.call('GET', '/openapi.json');
  const page = await started.call('GET', '/docs');
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  const document = parse(page.text);
  for (const [route, item] of Object.entries<any>(api.paths)) {
    for (const [method, operation] of Object.entries<any>(item)) {
      const [call] = all(document, ({ attributes }) => attributes['id'] === operation.operationId);
      assert.ok(call, operation.operationId);
      const text = textOf(call);
      for (const words of [method.toUpperCase(), route, operation.summary, ...Object.keys(operation.responses).filter((status) => status !== 'default'), ...(operation.parameters ?? []).map(({ name }: { name: string }) => name)]) assert.ok(text.includes(words), `${words} of ${operation.operationId}`);
      if (operation['x-cli']) assert.ok(text.includes(`tollgate ${operation['x-cli']}`), operation.operationId);
    }
  }
  for (const { name, noun, verb } of openCommands()) assert.ok(textOf(all(document, ({ attributes }) => attributes['id'] === name)[0]!).includes(`tollgate ${noun} ${verb}`), name);
  const ids = new Set(all(document, ({ attributes }) => 'id' in attributes).map(({ attributes }) => attributes['id']));
  for (const { attributes } of byTag(document, 'a')) if (attributes['href']?.startsWith('#')) assert.ok(ids.has(attributes['href'].slice(1)), attributes['href']);
  assert.match((await started.call('GET', '/')).text, /href="\/docs"/);
}));

test('each line to try is one that a shell understands and this server answers as described', { timeout: 120_000 }, () => withSystem(async (started) => {
  const { json: api } = await started.call('GET', '/openapi.json');
  const document = parse((await started.call('GET', '/docs')).text);
  let tried = 0;
  for (const [route, item] of Object.entries<any>(api.paths)) {
    for (const [method, { operationId, responses }] of Object.entries<any>(item)) {
      if (route === '/clock/advance' || route === '/sources') continue; // one goes on for long, the other needs a file
      const [line] = all(document, ({ attributes }) => attributes['id'] === `try-${operationId}`);
      assert.ok(line, operationId);
      const { stdout, stderr, code } = await typed(`${textOf(line)} -s -m 3 -o /dev/null -w '%{http_code} %{content_type}'`, started.operator);
      const [status = ''] = stdout.split(' ');
      assert.ok(code === 0 || (code === 28 && /event-stream|ndjson/.test(stdout)), `${textOf(line)}: ${code} ${stderr}`);
      assert.ok(responses[status], `${method} ${route} answered ${status}`);
      if (textOf(line).includes('$TOKEN')) assert.notEqual(status, '401', `${textOf(line)} with the operator's token`);
      tried += 1;
    }
  }
  assert.ok(tried > 40);
}));
