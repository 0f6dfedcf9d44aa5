/** What this server keeps in a browser: who is signed in, and how far a sign-in has come. No script can read any of it. */
import '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { day, minute, second } from '../../domain/instant.ts';
import type { Rim } from './rim.ts';

/** `customer` and `operator` are sessions, one beside the other; `signup` is a verified address without an account; `flow` an asked-for one-time token. */
export type Jar = 'customer' | 'operator' | 'signup' | 'flow';
const jars = {
  customer: { name: 'tollgate', lifeMs: 10 * day },
  operator: { name: 'tollgate-operator', lifeMs: 10 * day },
  signup: { name: 'tollgate-signup', lifeMs: 2 * day },
  flow: { name: 'tollgate-flow', lifeMs: 60 * minute },
} as const satisfies Record<Jar, { name: string; lifeMs: number }>;

const isSecure = (rim: Pick<Rim, 'origin'>): boolean => rim.origin().startsWith('https:');
/** Over https a browser takes a `__Host-` cookie from this very host only: no other name below it can plant one. */
const nameOf = (rim: Pick<Rim, 'origin'>, jar: Jar): string => `${isSecure(rim) ? '__Host-' : ''}${jars[jar].name}`;
const attributes = (rim: Pick<Rim, 'origin'>) => ({ httpOnly: true, sameSite: 'lax', path: '/', secure: isSecure(rim) }) as const;

export const readCookie = (rim: Pick<Rim, 'origin'>, request: FastifyRequest, jar: Jar): string | undefined => {
  const { cookie } = request.headers;
  return cookie === undefined ? undefined : request.server.parseCookie(cookie)[nameOf(rim, jar)];
};
export const setCookie = (rim: Pick<Rim, 'origin'>, reply: FastifyReply, jar: Jar, value: string): void =>
  void reply.setCookie(nameOf(rim, jar), value, { ...attributes(rim), maxAge: jars[jar].lifeMs / second });
export const dropCookie = (rim: Pick<Rim, 'origin'>, reply: FastifyReply, jar: Jar): void => void reply.clearCookie(nameOf(rim, jar), attributes(rim));
