/** A sign-in under way in a browser, and where somebody goes who has proved who they are. */
import type { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { dropCookie, readCookie, setCookie } from './cookies.ts';
import { nextPath, seeOther } from './page-forms.ts';
import type { Rim } from './rim.ts';
import { signupToken } from './signup-steps.ts';
import { openWebSession } from './web-session.ts';
import type { Context } from '../../commands/command-message.ts';
import type { FlowId, PersonId } from '../../domain/ids.ts';
import type { Instant } from '../../domain/instant.ts';
import { signup } from '../../domain/signup/decide.ts';

/** Kept in the browser that began it: the flow's id is known to nobody else. */
export type LoginFlow = { readonly kind: 'otp' | 'reset'; readonly email: string; readonly flowId: FlowId; readonly expiresAt: Instant; readonly next: string };

export const keepFlow = (rim: Rim, reply: FastifyReply, flow: LoginFlow): void => setCookie(rim, reply, 'flow', Buffer.from(JSON.stringify(flow)).toString('base64url'));
export const flowOf = (rim: Rim, request: FastifyRequest, kind: LoginFlow['kind']): LoginFlow | undefined => {
  const text = readCookie(rim, request, 'flow');
  if (text === undefined) return undefined;
  try {
    const flow = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Readonly<Record<string, unknown>>;
    const { email, flowId, expiresAt, next } = flow;
    return flow['kind'] === kind && typeof email === 'string' && typeof flowId === 'string' && typeof expiresAt === 'string' ? { kind, email, flowId: flowId as FlowId, expiresAt: expiresAt as Instant, next: String(next) } : undefined;
  } catch {
    return undefined;
  }
};

export const anonymously = ({ id, ip }: FastifyRequest): Context => ({ actor: { kind: 'anonymous', id: 'anon' }, correlationId: id, causationId: id, ip });

/** With an account: signed in, and on to where they were going. Without one: verified, and on to paying. */
export const enter = async (rim: Rim, bus: CommandBus, person: PersonId, next: string, request: FastifyRequest, reply: FastifyReply): Promise<undefined> => {
  const state = await rim.handler.lookup(signup, person);
  if (state.stage === 'completed' && state.redemption) {
    await openWebSession(rim, bus, reply, { kind: 'account', accountId: state.redemption.accountId, person }, anonymously(request));
    return seeOther(reply, nextPath(next, '/account'));
  }
  setCookie(rim, reply, 'signup', await signupToken(rim, person));
  dropCookie(rim, reply, 'flow');
  return seeOther(reply, '/subscribe');
};
