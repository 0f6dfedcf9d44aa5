import { line, type CatalogEntry, type Gathering } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import type { FlowId, PersonId } from '../domain/ids.ts';
import { password, type ChangePassword, type RecordPasswordResetMail, type RecordPasswordTold, type RequestPasswordReset, type ResetPassword as ResetCommand } from '../domain/password/decide.ts';

/** Presents a mailed token; by then the new password's hash is in the keyring, under `n`. Sent by the rim only. */
export class ResetPassword extends CommandMessage {
  readonly person: PersonId;
  readonly n: number;
  readonly flowId: FlowId;
  readonly token: string;
  constructor(person: PersonId, n: number, flowId: FlowId, token: string) {
    super();
    this.person = person;
    this.n = n;
    this.flowId = flowId;
    this.token = token;
  }
}

/** Whether this is the token that was mailed for this reset. */
export const matchReset = async (person: PersonId, flowId: FlowId, token: string, { lookup, tokens }: Pick<Gathering, 'lookup' | 'tokens'>): Promise<{ matched: boolean }> => {
  const flow = (await lookup(password, person)).flows.find((candidate) => candidate.flowId === flowId);
  return { matched: flow !== undefined && tokens.same(token, tokens.derive(flow.kid, 'reset', flowId, 1, flow.issuedAt)) };
};

const id = (c: { readonly person: string }) => c.person;
/** All of them are the rim's own: `POST /commands` knows none of them. */
export const passwordCommands: readonly CatalogEntry[] = [
  line<ChangePassword>(password, 'ChangePassword', { permission: 'password.change', id }),
  line<RequestPasswordReset>(password, 'RequestPasswordReset', { permission: 'password.reset', id }),
  line<ResetCommand, ResetPassword>(password, 'ResetPassword', {
    message: ResetPassword, permission: 'password.reset', id,
    fields: async ({ person, n, flowId }) => ({ person, n, flowId }),
    facts: async ({ person, flowId }, gathering, { token }) => matchReset(person, flowId, token, gathering),
  }),
  line<RecordPasswordTold>(password, 'RecordPasswordTold', { permission: 'password.record', id }),
  line<RecordPasswordResetMail>(password, 'RecordPasswordResetMail', { permission: 'password.record', id }),
];
