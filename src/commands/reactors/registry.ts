import { applyWebhooks } from './apply-webhooks.ts';
import { dunning } from './dunning.ts';
import { passwords } from './passwords.ts';
import { fetchSources } from './fetch-sources.ts';
import { namespaces, workloads } from './provisioning.ts';
import type { AnyReactor } from './reactor.ts';
import { sendMail } from './send-mail.ts';
import { signUp } from './sign-up.ts';

export const reactors: readonly AnyReactor[] = [signUp, passwords, dunning, namespaces, fetchSources, workloads, applyWebhooks, sendMail];
