import { line, type CatalogEntry } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { account, type CreateAccount, type RevokeSessions } from '../domain/account/decide.ts';
import { claim, type ClaimName } from '../domain/claim/decide.ts';
import type { SessionId } from '../domain/ids.ts';
import { session, type CloseSession, type OpenSession, type RefreshSession as RefreshCommand } from '../domain/session/decide.ts';

/** Presents refresh token `<session>.<n>.<40 hex>`. Sent by the rim only. */
export class RefreshSession extends CommandMessage {
  readonly sessionId: SessionId;
  readonly token: string;
  constructor(sessionId: SessionId, token: string) {
    super();
    this.sessionId = sessionId;
    this.token = token;
  }
}

export const accountCommands: readonly CatalogEntry[] = [
  line<CreateAccount>(account, 'CreateAccount', { permission: 'account.create', id: (c) => c.accountId }),
  line<RevokeSessions>(account, 'RevokeSessions', { permission: 'session.revoke', id: (c) => c.accountId }),
  line<OpenSession>(session, 'OpenSession', { permission: 'session.open', id: (c) => c.sessionId }),
  line<RefreshCommand, RefreshSession>(session, 'RefreshSession', {
    message: RefreshSession, permission: 'session.refresh', id: (c) => c.sessionId,
    fields: async ({ sessionId }) => ({ sessionId }),
    facts: async ({ sessionId }, { lookup, tokens }, { token }) => {
      const state = await lookup(session, sessionId);
      if (state.status === 'none') return {};
      const n = Number(token.split('.')[1]);
      const genuine = Number.isSafeInteger(n) && tokens.same(token, `${sessionId}.${n}.${tokens.derive(state.kid, 'refresh', sessionId, n, '')}`);
      const owner = state.holder.kind === 'account' ? await lookup(account, state.holder.accountId) : undefined;
      return { ...(genuine ? { presented: n } : {}), ...(owner?.status === 'active' && owner.cutoff ? { cutoff: owner.cutoff } : {}) };
    },
  }),
  line<CloseSession>(session, 'CloseSession', { permission: 'session.close', id: (c) => c.sessionId }),
  line<ClaimName>(claim, 'ClaimName', { permission: 'claim.make', id: (c) => `${c.kind}.${c.value}` }),
];
