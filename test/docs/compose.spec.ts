/** compose.yaml and the pages about engines, as far as they can be checked without a container engine. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { parse } from 'yaml';
import { root } from './render.ts';
import { readConfig, settings } from '../../src/config.ts';

type Service = { readonly image: string; readonly environment?: Readonly<Record<string, string>>; readonly ports?: readonly string[]; readonly volumes?: readonly string[]; readonly depends_on?: Readonly<Record<string, unknown>>; readonly healthcheck?: unknown };
const compose = parse(readFileSync(join(root, 'compose.yaml'), 'utf8')) as { readonly services: Readonly<Record<string, Service>>; readonly volumes: Readonly<Record<string, unknown>> };
const variables = new Set<string>(Object.values(settings).map(({ variable }) => variable));

test('compose.yaml: every variable of Tollgate is a setting, and they make a configuration', () => {
  const { environment = {} } = compose.services['tollgate'] as Service;
  for (const variable of Object.keys(environment)) assert.ok(variables.has(variable), `${variable} is no setting`);
  const config = readConfig(['--allow-remote-mock'], environment);
  assert.match(config.eventStore, /^esdb:\/\/eventstoredb:2113/);
  assert.match(config.readModels, /^mongodb:\/\/mongodb:27017/);
});
test('compose.yaml: nothing listens beyond loopback, images have versions, what is waited for says when it is ready, volumes are declared', () => {
  for (const [name, { image, ports = [], volumes = [], depends_on: needs = {} }] of Object.entries(compose.services)) {
    assert.match(image, /:[^:]*\d/, name);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name);
    for (const volume of volumes.filter((each) => !each.startsWith('.'))) assert.ok((volume.split(':')[0] ?? '') in compose.volumes, volume);
    for (const [needed, condition] of Object.entries(needs)) if ((condition as { condition: string }).condition === 'service_healthy') assert.ok(compose.services[needed]?.healthcheck, needed);
  }
});
test('the pages name only files, settings and scripts that are there', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  for (const page of ['docs/engines.md', 'docs/deploy-docker.md']) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^)#:]+)\)/g)) assert.ok(existsSync(join(root, dirname(page), target)), `${page}: ${target}`);
    for (const [, script = ''] of text.matchAll(/npm run ([\w:]+)/g)) assert.ok(script in scripts, `${page}: npm run ${script}`);
    for (const [variable] of text.matchAll(/TOLLGATE_(?!TEST_)[A-Z_]+[A-Z](?!\w|<)/g)) assert.ok(variables.has(variable), `${page}: ${variable}`);
  }
});
