/**
 * A small client on types generated from /openapi.json (a test generates them, compiles this, and runs it):
 *   npx openapi-typescript http://127.0.0.1:8081/openapi.json -o tollgate-api.ts
 *   node client.ts URL ACCESS_TOKEN OPERATOR_TOKEN
 */
import type { components, paths } from './tollgate-api.ts';

declare const process: { readonly argv: readonly string[] };
declare const console: { log(text: string): void };

type Problem = components['schemas']['Problem'];
type Answered<P extends keyof paths, M extends 'get' | 'post'> = paths[P][M] extends { responses: { 200: { content: { 'application/json': infer Body } } } } ? Body : never;
type Query<P extends keyof paths> = paths[P]['get'] extends { parameters: { query?: infer Q } } ? Q : never;
type Sent<P extends keyof paths> = paths[P]['post'] extends { requestBody: { content: { 'application/json': infer Body } } } ? Body : never;

const [, , origin = '', access = '', operator = ''] = process.argv;

const answer = async <Body>(response: Response): Promise<Body> => {
  if (response.ok) return (await response.json()) as Body;
  throw Object.assign(new Error('refused'), { problem: (await response.json()) as Problem });
};
const get = async <P extends keyof paths>(path: P, token: string, query?: Query<P>): Promise<Answered<P, 'get'>> =>
  answer(await fetch(`${origin}${String(path)}?${new URLSearchParams(query as Record<string, string>)}`, { headers: { authorization: `Bearer ${token}` } }));
const post = async <P extends keyof paths>(path: P, token: string, body: Sent<P>): Promise<Answered<P, 'post'>> =>
  answer(await fetch(`${origin}${String(path)}`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify(body) }));

const verdict = await get('/gate', access, { action: 'run' });
console.log(`${verdict.level}: ${verdict.reason}`);
if (verdict.level === 'full' && verdict.allow) console.log('may run');
const { items } = await get('/plans', access, { limit: 10 });
for (const plan of items) console.log(`${plan.name} ${(plan.price.amount / 100).toFixed(2)} ${plan.price.currency}`);
const invited = await post('/commands/AddInvite', operator, { email: 'bob@example.com' });
console.log(`invited at revision ${invited.revision ?? 'none'}`);
try {
  await post('/commands/AddInvite', operator, { email: 'nonsense' });
} catch (error) {
  const { problem } = error as { problem: Problem };
  console.log(`refused: ${problem.code} ${problem.errors?.map(({ field }) => field).join() ?? ''}`);
}
