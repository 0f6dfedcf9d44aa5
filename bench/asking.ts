/** Calls over HTTP as a client's library makes them. */
import { Agent, request } from 'node:http';

export type Asked = { readonly method?: string; readonly path: string; readonly token?: string; readonly body?: object; readonly key?: string };
export type Asking = (asked: Asked) => Promise<{ readonly status: number; readonly text: string }>;

/** Calls on connections that are kept. */
export const asking = (port: number, connections = 64): Asking => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return ({ method = 'GET', path, token, body, key }) => new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }), ...(key === undefined ? {} : { 'idempotency-key': key }) };
    request({ port, host: '127.0.0.1', path, method, headers, agent }, (answer) => {
      let said = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (said += chunk)).on('end', () => resolve({ status: answer.statusCode ?? 0, text: said }));
    }).on('error', reject).end(text);
  });
};
export const must = async (answer: Promise<{ readonly status: number; readonly text: string }>): Promise<void> => {
  const { status, text } = await answer;
  if (status !== 200) throw new Error(`answered ${status}: ${text}`);
};
