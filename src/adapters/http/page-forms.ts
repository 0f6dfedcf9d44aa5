/** Forms of the pages: where they come from, whose they are, and what stands in their fields. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from './problem.ts';
import type { Rim } from './rim.ts';
import type { SignedIn } from './web-session.ts';

/** Whether the answer is for a person at a browser. */
export const asksForPage = (headers: FastifyRequest['headers']): boolean => (headers.accept ?? '').includes('text/html');

export const html = (reply: FastifyReply, text: string, status = 200): string => {
  reply.status(status).header('content-type', 'text/html; charset=utf-8').header('cache-control', 'no-store').header('vary', 'Accept, Cookie');
  return text;
};
/** After a form: the answer is another page, so that loading it again repeats nothing. */
export const seeOther = (reply: FastifyReply, location: string): undefined => void reply.status(303).header('location', location).header('cache-control', 'no-store');

const fieldMax = 1_000;
export const field = (body: unknown, name: string, max = fieldMax): string => {
  const value = (body as Readonly<Record<string, unknown>> | undefined)?.[name];
  return typeof value === 'string' ? value.trim().slice(0, max) : '';
};

/** A secret as it was typed: spaces belong to it. */
export const secretField = (body: unknown, name: string): string => {
  const value = (body as Readonly<Record<string, unknown>> | undefined)?.[name];
  return typeof value === 'string' ? value : '';
};

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);
const foreign = (): HttpProblem => new HttpProblem(403, 'ForeignForm', 'This form was not sent from a page of this server.', 'Open the page here and send it again.');

/**
 * A form has to come from one of our own pages. Browsers say where from, in `Sec-Fetch-Site` or `Origin`; a program
 * that says neither is let through as long as it brings no cookie, because then there is nothing to misuse.
 */
export const requireOwnOrigin = ({ headers }: Pick<FastifyRequest, 'headers'>): void => {
  const [site, origin] = [headers['sec-fetch-site'], headers.origin];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw foreign();
  if (origin !== undefined && origin !== 'null' && hostOf(origin) !== headers.host?.toLowerCase()) throw foreign();
  if (site === undefined && (origin === 'null' || (origin === undefined && headers.cookie !== undefined))) throw foreign();
};

/** And where somebody is signed in, from a page that this very session was shown. */
export const requireOwnForm = (rim: Rim, request: FastifyRequest, { formToken }: SignedIn): void => {
  requireOwnOrigin(request);
  if (!rim.tokens.same(field(request.body, 'formToken'), formToken)) throw new HttpProblem(403, 'StaleForm', 'This form belongs to another session, or to one that has ended.', 'Load the page again and repeat what you did.');
};

/** Begins with one slash, then nothing that a browser would take for another host. */
const ownPath = /^\/(?![/\\])[\x21-\x7e]*$/;
/** A path of this server to go to after signing in; anything that could lead elsewhere, also once its dots are resolved, is `fallback`. */
export const nextPath = (text: unknown, fallback: string): string => {
  if (typeof text !== 'string' || text.length > fieldMax || !ownPath.test(text)) return fallback;
  const { host, pathname, search } = new URL(text, 'http://here.invalid');
  const path = `${pathname}${search}`;
  return host === 'here.invalid' && ownPath.test(path) ? path : fallback;
};

/** An address of our own under the name that the browser came by, where its cookies are; others as they are. */
export const sameName = (rim: Pick<Rim, 'origin'>, { headers }: Pick<FastifyRequest, 'headers'>, url: string): string => {
  const { host, protocol } = new URL(rim.origin());
  return url.startsWith(`${protocol}//${host}/`) && headers.host !== undefined ? `${protocol}//${headers.host}${url.slice(`${protocol}//${host}`.length)}` : url;
};
