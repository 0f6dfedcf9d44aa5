import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { references, root } from './render.ts';

for (const [path, text] of Object.entries(references())) {
  test(`${path} says what the code says (else: npm run docs)`, () => assert.equal(readFileSync(join(root, path), 'utf8'), text));
}
test('every event type stands in the reference', () => {
  const known = Object.values(references())[0] ?? '';
  for (const name of ['SignupStarted', 'PaymentSucceeded', 'WorkloadRunRequested', 'InstallationFounded', 'WorkParked', 'NameClaimed', 'MailQueued', 'SessionsRevoked']) assert.ok(known.includes(`\`${name}\``), name);
});
