import { accountCommands } from './account.ts';
import type { CatalogEntry } from './catalog-entry.ts';
import { gitCredentialCommands } from './git-credentials.ts';
import { inboxCommands } from './inbox.ts';
import { installationCommands } from './installation.ts';
import { inviteCommands } from './invite.ts';
import { passwordCommands } from './password.ts';
import { planCommands } from './plan.ts';
import { signupCommands } from './signup.ts';
import { subscriptionCommands } from './subscription.ts';
import { workCommands } from './work.ts';
import { workloadCommands } from './workload.ts';

/** Every command there is. HTTP, authorisation, the CLI and the references read this list. */
export const catalog: readonly CatalogEntry[] = [
  ...installationCommands, ...inviteCommands, ...planCommands, ...signupCommands, ...accountCommands, ...passwordCommands, ...subscriptionCommands, ...workloadCommands, ...gitCredentialCommands, ...inboxCommands, ...workCommands,
];
