/** Every refusal there is, as the command line says it: words, next step and exit code cannot change unseen. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { checkout } from './run-cli.ts';
import { refusal } from '../../cli/client.ts';
import { levelForbids, notFound, notSignedIn, problemOf } from '../../src/adapters/http/problem.ts';
import { catalog } from '../../src/commands/catalog.ts';
import { CommandRejected, IdempotencyKeyReused, NotAllowed } from '../../src/commands/handle.ts';
import { StaleRevision } from '../../src/commands/streams.ts';
import { allRejections } from '../../src/domain/decider.ts';
import { Refused, Unavailable } from '../../src/domain/ports/failures.ts';
import { BrokenChain } from '../../src/domain/ports/log.ts';
import { InvalidCursor } from '../../src/domain/ports/read-models.ts';
import { serviceLevels, type ServiceLevel } from '../../src/domain/service-level.ts';

/** Written anew with TOLLGATE_GOLDEN=write; look at the difference before committing it. */
const golden = join(checkout, 'test/cli/refusals.golden.txt');
const said = (error: unknown): string => {
  const { status, code, ...problem } = problemOf(error, 'correlation-1');
  const failure = refusal({ status, code, ...problem });
  return `${code} (${status}, exit ${failure.exitCode})\n  ${failure.message}\n  ${failure.problem.nextStep}`;
};

const byRule = (): string[] => [...allRejections].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, [kind, detail, nextStep]]) => said(new CommandRejected({ rejected: true, code, kind, detail, nextStep })));
const byTable = (): string[] => [
  said(new NotAllowed('plan.offer is not permitted')), said(new StaleRevision('plan-1')), said(new IdempotencyKeyReused('AddInvite came with another body under the same idempotency key')),
  said(new Refused('SourceTooBig', 'the source is too big')), said(new Refused('NotStartable', 'nothing here can be started')), said(new Unavailable('the store is away')), said(new InvalidCursor('x')), said(new BrokenChain('plan-1', 2, 'its hash is another')), said(new TypeError('a bug')),
  said(notSignedIn()), said(notSignedIn('this session has ended')), said(notFound('workload')), ...(Object.keys(serviceLevels) as ServiceLevel[]).filter((level) => level !== 'none' && level !== 'full').map((level) => said(levelForbids(level))),
];

/** The arguments of a call that begins at `from`, as they are written. */
const argumentsAt = (text: string, from: number): string[] => {
  const parts: string[] = [];
  let [depth, start, quote] = [1, from, ''];
  for (let at = from; depth > 0 && at < text.length; at += 1) {
    const sign = text[at] ?? '';
    if (quote !== '') {
      if (sign === '\\') at += 1;
      else if (sign === quote) quote = '';
    } else if (`'"\``.includes(sign)) quote = sign;
    else if ('([{'.includes(sign)) depth += 1;
    else if (')]}'.includes(sign)) depth -= 1;
    if (quote === '' && ((sign === ',' && depth === 1) || depth === 0)) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return parts;
};
const literal = (source = ''): string => (/^(['"`])[\s\S]*\1$/.test(source) ? source.slice(1, -1).replaceAll("\\'", "'") : source);
/** What the HTTP layer refuses in words of its own: read out of its source, `${...}` left as it stands. */
const byHttp = (): string[] => {
  const folder = join(checkout, 'src/adapters/http');
  const calls = readdirSync(folder).filter((name) => name.endsWith('.ts')).flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return [...text.matchAll(/new HttpProblem\(/g)].map((match) => argumentsAt(text, match.index + match[0].length));
  });
  return [...new Set(calls.filter(([status = '']) => /^\d{3}$/.test(status)).map(([status, code, detail, nextStep]) => {
    const failure = refusal({ type: '', title: '', status: Number(status), code: literal(code), detail: literal(detail), nextStep: literal(nextStep) });
    return `${literal(code)} (${status}, exit ${failure.exitCode})\n  ${failure.message}\n  ${failure.problem.nextStep}`;
  }))].sort();
};

test('every refusal reads as it was agreed', () => {
  assert.ok(catalog.length > 0, 'the catalog is loaded, so that every rule has declared its refusals');
  const parts: [string, string[]][] = [['By a rule', byRule()], ['By the one table of problems', byTable()], ['By HTTP itself', byHttp()]];
  const text = parts.map(([title, lines]) => `===== ${title}\n\n${lines.join('\n\n')}\n`).join('\n');
  if (process.env['TOLLGATE_GOLDEN'] === 'write') writeFileSync(golden, text);
  assert.equal(text, readFileSync(golden, 'utf8'), 'TOLLGATE_GOLDEN=write writes it anew; look at the difference');
});

test('every refusal says what and why in one sentence or two, and then the next step; none shouts, and none is empty', () => {
  for (const [code, [, detail, nextStep]] of allRejections) {
    for (const [what, text] of [['detail', detail], ['next step', nextStep]] as const) {
      if (/^\{\w+\}\.?$/.test(text)) continue; // all of it is filled in
      assert.match(text, /[.:]$|\?$|'$/, `${what} of ${code} ends: ${text}`);
      assert.ok(text.length > 10 && !text.includes('!') && !/\bplease\b/i.test(text), `${what} of ${code}: ${text}`);
    }
  }
});

test('each kind of refusal has the exit code that scripts rely on', () => {
  const exits = Object.fromEntries([...allRejections].map(([code, [kind, detail, nextStep]]) => [kind, refusal(problemOf(new CommandRejected({ rejected: true, code, kind, detail, nextStep }), 'c')).exitCode]));
  assert.partialDeepStrictEqual({ invalid: 3, conflict: 3, exhausted: 3, expired: 3, 'not-found': 4, forbidden: 5, limited: 6 }, exits);
});
