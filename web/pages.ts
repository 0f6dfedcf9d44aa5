/** Every page: a pure function from what it shows to a complete HTML document. Their styles and script are in `assets.ts`. */
import type { Mode } from './shell.tsx';

export type { Mode, Viewer, Frame } from './shell.tsx';
export type { Refusal } from './parts.tsx';
export { homePage, type HomeProps } from './home.tsx';
export { subscribePage, type SubscribeProps, type PlanOnSale } from './subscribe.tsx';
export { checkoutPage, type CheckoutProps, type TestCard } from './checkout.tsx';
export { paymentTokenPage, type PaymentTokenProps } from './payment-token.tsx';
export { paymentDonePage, paymentPendingPage, type PaymentDoneProps } from './payment-done.tsx';
export { accountPage, cancelPage, type AccountProps, type CancelProps, type CommandHint, type InvoiceShown, type SessionShown } from './account.tsx';
export { workloadPage, type WorkloadProps, type WorkloadShown } from './workloads.tsx';
export { loginPage, loginTokenPage, operatorLoginPage, passwordLoginPage, passwordPage, resetPage, resetTokenPage, type LoginProps, type LoginTokenProps, type OperatorLoginProps } from './login.tsx';
export { mailboxPage, type MailboxProps, type MailInBox } from './mailbox.tsx';
export { problemPage, type ProblemProps } from './problem.tsx';
export { apiDocsPage, type ApiCall, type ApiDocsProps, type ApiField } from './api-docs.tsx';
export { overviewPage, systemPage, type OverviewProps, type SystemProps, type ParkedShown, type Need } from './admin-overview.tsx';
export { customersPage, customerPage, phases, type CustomersProps, type CustomerProps, type CustomerRow, type HistoryLine } from './admin-customers.tsx';
export { signupsPage, invitesPage, mailsPage, webhooksPage, workloadsPage, signupStages, type InviteRow, type MailRow, type SignupRow, type WebhookRow, type WorkloadRow } from './admin-lists.tsx';
export { actorInWords, eventInWords } from './history.ts';
export { assets } from './assets.ts';

/**
 * The Content-Security-Policy the pages are written for. `form-action` also covers where a posted form is redirected
 * to, so outside mock mode it names Stripe's checkout.
 */
export const contentSecurityPolicy = (mode: Mode): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    `form-action 'self'${mode === 'mock' ? '' : ' https://checkout.stripe.com'}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
