/** What only mock mode has is, in any other mode, not there at all: by every method, for everybody, in the same words as an address that never was. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { withSystem } from './system.ts';
import { developmentOnly } from '../../src/adapters/http/development.ts';
import { serve } from '../../src/server.ts';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

test('development-only calls look like unknown ones outside mock mode, and are there in it', () => withSystem(async (started) => {
  const { mock: _, ...rim } = started.system.rim;
  const elsewhere = await serve({ ...started.system, rim: { ...rim, mode: 'staging' } }, { host: '127.0.0.1', hostNames: [] }, quiet);
  await elsewhere.app.listen(0, '127.0.0.1');
  const { port } = elsewhere.app.getHttpServer().address() as { port: number };
  const answer = async (origin: string, path: string, method: string, accept: string) => {
    const body = method === 'POST' || method === 'PUT' ? { body: '{"duration":"1d"}' } : {};
    const response = await fetch(`${origin}${path}`, { method, headers: { accept, authorization: `Bearer ${started.operator}`, ...('body' in body ? { 'content-type': 'application/json' } : {}) }, ...body });
    const text = (await response.text()).replaceAll(response.headers.get('x-correlation-id') ?? 'none', 'ID');
    return { status: response.status, type: response.headers.get('content-type'), allow: response.headers.get('allow'), text };
  };
  try {
    for (const route of developmentOnly) {
      const path = route.replace(':id', 'cs_1');
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
        for (const accept of ['application/json', 'text/html']) {
          assert.deepEqual(await answer(`http://127.0.0.1:${port}`, path, method, accept), await answer(`http://127.0.0.1:${port}`, '/never/was/here', method, accept), `${method} ${path} for ${accept}`);
        }
      }
    }
    const here = await Promise.all((['/clock/advance', '/mailbox', '/mailbox.json'] as const).map((path) => answer(started.origin, path, path === '/clock/advance' ? 'POST' : 'GET', 'application/json')));
    assert.deepEqual(here.map(({ status }) => status).filter((status) => status >= 400), []);
  } finally {
    await elsewhere.close();
  }
}));
