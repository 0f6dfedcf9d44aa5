import { line, type CatalogEntry } from './catalog-entry.ts';
import { installation, type AdvanceClock, type FoundInstallation, type IssueOperatorToken } from '../domain/installation/decide.ts';
import { tenant, type CreateTenant, type SwitchInvites as SwitchInvitesCommand } from '../domain/tenant/decide.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { IsOneOf } from './validation.ts';

export class SwitchInvites extends CommandMessage {
  @Field('on: only invited addresses may sign up; off: anybody may', 'off') @IsOneOf('on', 'off') readonly to!: 'on' | 'off';
}

export const installationCommands: readonly CatalogEntry[] = [
  line<FoundInstallation>(installation, 'FoundInstallation', { permission: 'installation.found', id: (c) => c.logId }),
  line<IssueOperatorToken>(installation, 'IssueOperatorToken', { permission: 'operator.issue', id: (c) => c.logId }),
  line<AdvanceClock>(installation, 'AdvanceClock', { permission: 'clock.advance', id: (c) => c.logId }),
  line<CreateTenant>(tenant, 'CreateTenant', { permission: 'tenant.create', id: (c) => c.tenantId }),
  line<SwitchInvitesCommand, SwitchInvites>(tenant, 'SwitchInvites', {
    permission: 'invite.switch', id: (c) => c.tenantId,
    fields: async (message, { tenant: tenantId }) => ({ tenantId, required: message.to === 'on' }),
    message: SwitchInvites, open: { audience: 'operator', noun: 'invite', verb: 'switch', summary: 'Switch invite-only sign-up on or off' },
  }),
];
