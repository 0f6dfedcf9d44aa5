/** Every command, body and path with values nobody thought of: answered in words, never a 500, and never anything changed by a refused one. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { openCommands } from '../../src/commands/schemas.ts';
import { refusal, signUp, withSystem, type Answer } from '../e2e/system.ts';

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom('', '\0', '../../etc/passwd', '${jndi:ldap://x}', "'; DROP TABLE events; --", '%s%s%n', '__proto__', 'constructor', 'toString', '\ud800', 'null', 'true', '1e309', 'a'.repeat(5_000), 'pln_00000000000000000000', 'sha256:' + '0'.repeat(64), 'ns_', 'per_0'),
  fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.array(fc.anything({ maxDepth: 2 }), { maxLength: 4 }), fc.object({ maxDepth: 2 }),
);
/** JSON as it can come over the wire. */
const wire = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item)) ?? 'null') as unknown;
const answered = ({ status, text }: Answer): void => {
  assert.ok(status < 500, `${status} ${text}`);
  if (status >= 400) assert.doesNotMatch(text, /at .*\.[jt]s:\d+|node_modules|SQLITE/, 'no internals are shown');
};

test('every open command with bodies of anything', { timeout: 120_000 }, () => withSystem(async (started) => {
  const { access } = await signUp(started, 'ada@example.com');
  for (const { name, fields } of openCommands()) {
    const body = fc.oneof(fc.anything({ maxDepth: 3 }).map(wire), fc.record(Object.fromEntries(fields.map((field) => [field.name, nasty])), { requiredKeys: [] }).map(wire), fc.tuple(fc.string(), nasty).map(([key, value]) => wire({ [key]: value })));
    await fc.assert(fc.asyncProperty(body, fc.constantFrom(started.operator, access, undefined), fc.constantFrom({}, { 'if-match': '"x"' }, { 'if-match': '99999999999999999999' }, { 'idempotency-key': 'k'.repeat(2_000) }, { 'micro-namespace': '../x' }, { reason: '%E0%A4%A' }, { reason: 'r'.repeat(5_000) }), async (sent, token, headers) => {
      answered(await started.call('POST', `/commands/${name}`, { ...(token === undefined ? {} : { token }), body: JSON.stringify(sent) ?? 'null', headers: { ...headers, 'content-type': 'application/json' } as never }));
    }), { numRuns: 60 });
  }
}));

test('every path with anything for its parameters and its query', { timeout: 120_000 }, () => withSystem(async (started) => {
  const { access } = await signUp(started, 'ada@example.com');
  const { paths } = (await started.call('GET', '/openapi.json')).json as { paths: Record<string, Record<string, unknown>> };
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('', '..', '%00', '-1', '1e9', '999999999999999999999', 'true', 'NaN', "' OR 1=1 --", '🦀'));
  for (const [path, methods] of Object.entries(paths)) {
    if (!('get' in methods)) continue;
    await fc.assert(fc.asyncProperty(text, fc.constantFrom('limit', 'cursor', 'after', 'asOf', 'status', 'subject', 'since', 'action', 'tail', 'stream', 'to', 'x'), text, fc.constantFrom(started.operator, access, undefined), async (part, query, value, token) => {
      const address = path.replaceAll(/\{\w+\}/g, encodeURIComponent(part.toWellFormed()) || 'x');
      answered(await started.call('GET', `${address}?${query}=${encodeURIComponent(value.toWellFormed())}`, token === undefined ? {} : { token }));
    }), { numRuns: 25 });
  }
}));

test('what a refused body held is in no answer that it should not be in', () => withSystem(async (started) => {
  const { detail } = refusal(await started.call('POST', '/commands/AddInvite', { token: started.operator, body: { email: '<script>alert(1)</script>' } }), 400, 'InvalidInput');
  assert.doesNotMatch(detail, /<script>/);
}));
