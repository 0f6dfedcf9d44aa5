/** Every page once, with all its texts replaced by `text`, so that a test can say something about all of them. */
import {
  accountPage, apiDocsPage, cancelPage, checkoutPage, customerPage, customersPage, homePage, invitesPage, loginPage, loginTokenPage, mailboxPage, mailsPage, operatorLoginPage, overviewPage, passwordLoginPage, passwordPage, paymentDonePage,
  paymentPendingPage, paymentTokenPage, problemPage, resetPage, resetTokenPage, signupsPage, subscribePage, systemPage, webhooksPage, workloadPage, workloadsPage, type Mode, type PlanOnSale, type Viewer,
} from '../../web/pages.ts';

export const developer = (text?: string): PlanOnSale => ({
  id: text ?? 'pln_1', name: text ?? 'developer', price: { amount: 3500, currency: text ?? 'USD' }, interval: text ?? 'month',
  limits: { workloads: 10, cpuMillis: 2000, memoryMiB: 2048, diskMiB: 20480 },
});

const bothSides = (text: string): Viewer => ({ customer: { formToken: text, level: 'limited', reason: text, nextStep: text, since: text }, operator: { formToken: text } });

/** The operator's pages, full and empty. */
const operatorPages = (mode: Mode, text: string): Readonly<Record<string, string>> => {
  const frame = { mode, viewer: bothSides(text), done: text, undone: text };
  const none = { mode, viewer: { operator: { formToken: text } }, items: [], counts: {} };
  const some = <Item>(item: Item) => ({ ...frame, items: [item], counts: { [text]: 1 }, filter: text, next: text });
  const price = { amount: 1, currency: text };
  const mail = { id: text, to: text, template: text, status: 'given up', attempts: 7, lastError: text, at: text };
  const workload = { id: text, name: text, state: text, address: text, reason: text, at: text, namespace: text, accountId: text };
  const signup = { id: text, email: text, stage: text, startedAt: text, at: text, mails: 1, wrongTokens: 2, declined: 1, lastRefusal: text, accountId: text };
  return {
    overview: overviewPage({ ...frame, now: text, newestWebhook: text, needs: [{ what: text, href: '/admin/system', since: text, fix: text }], notes: [{ what: `${text}.`, fix: 'tollgate x' }], levels: [{ level: 'full', count: 1, href: '/admin/customers' }], funnel: [{ name: text, count: 1, href: '/admin/signups' }], work: [{ name: text, count: 1, href: '/admin/mails' }] }),
    'overview, empty': overviewPage({ mode, viewer: { operator: { formToken: text } }, now: text, needs: [], notes: [], levels: [], funnel: [], work: [] }),
    system: systemPage({ ...frame, head: text, projections: [{ name: text, version: 1, position: text, lag: 1, count: 2, status: text }], reactors: [{ name: text, lag: 1, waiting: 2 }], parked: [{ reactor: text, subject: text, customer: { name: text, href: '/admin/signups' }, error: text, since: text, attempts: 1 }] }),
    'system, empty': systemPage({ ...none, head: text, projections: [], reactors: [], parked: [] }),
    customers: customersPage({ ...some({ accountId: text, email: text, level: 'full', phase: text, plan: text, price, since: text, paidThrough: text }), problem: { detail: text, nextStep: text }, sought: text }),
    'customers, empty': customersPage(none),
    customer: customerPage({
      ...frame, accountId: text, email: text, level: 'suspended', reason: text, since: text, plan: text, price, phase: text, paidThrough: text, failures: 2, subscriptionId: text, namespaces: [{ id: text, name: text, level: text, workloads: 1 }],
      workloads: [workload], mails: [mail], invoices: [{ id: text, at: text, amount: price, status: text }], history: [{ position: text, at: text, words: text, by: text, reason: text, type: text, stream: text, data: text }], older: true,
    }),
    signups: signupsPage({ ...some(signup), refusals: [{ email: text, reason: text, at: text }] }),
    'signups, empty': signupsPage({ ...none, refusals: [] }),
    invites: invitesPage(some({ id: text, email: text, status: 'invited', at: text })),
    'invites, empty': invitesPage(none),
    mails: mailsPage({ ...some(mail), failed: [mail] }),
    'mails, empty': mailsPage({ ...none, failed: [] }),
    webhooks: webhooksPage({ ...some({ id: text, type: text, status: text, effect: text, at: text }), newest: text, now: text }),
    'webhooks, empty': webhooksPage({ ...none, now: text }),
    workloads: workloadsPage(some(workload)),
    'workloads, empty': workloadsPage(none),
  };
};
/** Signing in, by every way there is. */
const loginPages = (mode: Mode, text: string): Readonly<Record<string, string>> => {
  const problem = { detail: text, nextStep: text };
  return {
    login: loginPage({ mode, email: text, next: text, problem, notice: text }),
    'login, token': loginTokenPage({ mode, email: text, expiresAt: text, problem, notice: text }),
    'login, operator': operatorLoginPage({ mode, next: text, problem }),
    'login, password': passwordLoginPage({ mode, email: text, next: text, problem }),
    reset: resetPage({ mode, email: text, problem }),
    'reset, token': resetTokenPage({ mode, email: text, expiresAt: text, problem }),
    'password, first': passwordPage({ mode, viewer: bothSides(text), set: false }),
    'password, other': passwordPage({ mode, viewer: bothSides(text), set: true, problem }),
  };
};

export const everyPage = (mode: Mode, text: string): Readonly<Record<string, string>> => {
  const problem = { detail: text, nextStep: text };
  const cards = [{ name: text, meaning: text }];
  const checkout = { mode, id: text, amount: text, card: text, cards };
  const mail = { id: text, to: text, subject: text, text, html: text, at: text, attempts: 2, status: text };
  const account = { mode, reason: text, email: text, namespaces: [{ id: text, name: text }] };
  const workload = { id: text, name: text, namespace: text, state: text, address: text, reason: text, at: text };
  const price = { amount: 1, currency: text };
  return {
    home: homePage({ mode }),
    subscribe: subscribePage({ mode, plans: [developer(text)], email: text, problem }),
    'subscribe, two plans': subscribePage({ mode, plans: [developer(text), developer()], problem: text }),
    'subscribe, no plan': subscribePage({ mode, plans: [] }),
    'subscribe, notice': subscribePage({ mode, plans: [developer(text)], email: text, notice: true }),
    checkout: checkoutPage({ ...checkout, purpose: 'signup', askConfirmation: false, problem }),
    confirm: checkoutPage({ ...checkout, purpose: 'pay', askConfirmation: true }),
    'payment token': paymentTokenPage({ mode, token: text, expiresAt: text, email: text }),
    'payment done': paymentDonePage({ mode, message: text }),
    'account, limited': accountPage({
      ...account, level: 'limited', nextStep: text, since: text, plan: { name: text, price: { amount: 1, currency: text }, interval: text },
      paidThrough: text, cancelAtPeriodEnd: true, viewer: bothSides(text), payable: true, card: text, workloads: [workload], invoices: [{ id: text, at: text, amount: price, status: text, periodEnd: text }, { id: `${text}2`, at: text, status: text }],
      sessions: [{ id: text, via: text, openedAt: text, lastUsed: text, current: false }, { id: `${text}2`, via: text, openedAt: text, current: true }], done: text, pending: text, problem, resumable: true, hints: [{ command: text, does: text }],
    }),
    'account, full': accountPage({ ...account, viewer: { customer: { formToken: text, level: 'full', reason: text, nextStep: '' } }, level: 'full', nextStep: '', cancellable: true, workloads: [], invoices: [], sessions: [], namespaces: [] }),
    cancel: cancelPage({ mode, viewer: bothSides(text), plan: text, consequences: [text, `${text}.`], problem }),
    workload: workloadPage({ mode, viewer: bothSides(text), workload: { ...workload, source: text, command: text, retries: 1, envNames: [text], incarnation: 1 }, limits: text, isolation: text, lines: [{ id: 1, at: text, stream: 'stdout', text }, { id: 2, at: text, stream: text, text }], tail: 100 }),
    'workload, quiet': workloadPage({ mode, workload: { ...workload, source: text, retries: 0, envNames: [], incarnation: 0 }, isolation: text, lines: [], tail: 100 }),
    'payment under way': paymentPendingPage({ mode, again: '/subscribe/done?checkout=x' }),
    'problem, with a way on': problemPage({ mode, viewer: bothSides(text), status: 401, title: text, detail: text, nextStep: text, correlationId: text, way: { href: '/login?next=%2Faccount', name: text } }),
    ...loginPages(mode, text), ...operatorPages(mode, text),
    mailbox: mailboxPage({ mails: [mail, mail] }),
    'mailbox, empty': mailboxPage({ mails: [] }),
    'api docs': apiDocsPage({
      mode, records: [{ name: 'Money', fields: [{ name: text, type: text, says: text }] }],
      subjects: [{ name: 'gate', calls: [{ id: 'getGate', method: 'GET', path: text, summary: text, open: false, parameters: [{ name: text, place: 'query', type: text, says: text }], body: [{ name: text, type: 'Money', says: text, required: true }], answers: [{ status: '200', says: text, fields: [] }], refuses: ['401'], cli: text, curl: text }] }],
    }),
    problem: problemPage({ mode, status: 404, title: text, detail: text, nextStep: text, correlationId: text }),
  };
};
