/** A browser made of paper: cookies, forms and redirects over real HTTP, and the headers that browsers send with a form. */
import assert from 'node:assert/strict';
import { all, byTag, parse, textOf, type Element } from '../web/html.ts';
import type { Started } from './system.ts';

export type Seen = { readonly status: number; readonly location: string | null; readonly html: string; readonly cookies: readonly string[]; readonly headers: Headers };
export class PaperBrowser {
  readonly #started: Started;
  readonly jar = new Map<string, string>();
  constructor(started: Started) {
    this.#started = started;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    return this.#ask('GET', path, { ...headers });
  }
  /** Sends a form as this origin's own page would; `headers` may say otherwise, and an empty one is left out. */
  post(path: string, fields: Readonly<Record<string, string>> = {}, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    const sent = Object.fromEntries(Object.entries({ origin: this.#started.origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded', ...headers }).filter(([, value]) => value !== ''));
    return this.#ask('POST', path, sent, new URLSearchParams(fields).toString());
  }
  /** Fills in and sends a form of the page at `path`, its hidden fields as they stand there. */
  async submit(path: string, action: string, fields: Readonly<Record<string, string>> = {}): Promise<Seen> {
    return this.post(action, { ...formOn((await this.get(path)).html, action), ...fields });
  }

  async #ask(method: string, path: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Seen> {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(path.startsWith('http') ? path : `${this.#started.origin}${path}`, { method, redirect: 'manual', headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }), ...headers }, ...(body === undefined ? {} : { body }) });
    const cookies = response.headers.getSetCookie();
    for (const line of cookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0/i.test(line)) this.jar.delete(name);
      else this.jar.set(name, value);
    }
    return { status: response.status, location: response.headers.get('location'), html: await response.text(), cookies, headers: response.headers };
  }
}

/** The hidden fields of the form with this action. */
export const formOn = (html: string, action: string): Record<string, string> => {
  const form = byTag(parse(html), 'form').find(({ attributes }) => attributes.action === action);
  assert.ok(form, `a form to ${action} in ${html}`);
  return Object.fromEntries(byTag(form, 'input').filter(({ attributes }) => attributes.type === 'hidden').map(({ attributes }) => [attributes.name ?? '', attributes.value ?? '']));
};
export const wordsOf = (html: string): string => textOf(byTag(parse(html), 'body')[0] as Element).replaceAll(/\s+/g, ' ');
export const linksOf = (html: string): string[] => all(parse(html), ({ tag }) => tag === 'a').map(({ attributes }) => attributes.href ?? '');
