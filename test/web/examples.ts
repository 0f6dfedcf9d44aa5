/** Every page once, with all its texts replaced by `text`, so that a test can say something about all of them. */
import {
  accountPage, apiDocsPage, checkoutPage, homePage, mailboxPage, paymentDonePage, paymentTokenPage, problemPage, subscribePage, type Mode, type PlanOnSale,
} from '../../web/pages.ts';

export const developer = (text?: string): PlanOnSale => ({
  id: text ?? 'pln_1', name: text ?? 'developer', price: { amount: 3500, currency: text ?? 'USD' }, interval: text ?? 'month',
  limits: { workloads: 10, cpuMillis: 2000, memoryMiB: 2048, diskMiB: 20480 },
});

export const everyPage = (mode: Mode, text: string): Readonly<Record<string, string>> => {
  const problem = { detail: text, nextStep: text };
  const cards = [{ name: text, meaning: text }];
  const checkout = { mode, id: text, amount: text, card: text, cards };
  const mail = { id: text, to: text, subject: text, text, html: text, at: text, attempts: 2, status: text };
  const account = { mode, reason: text, email: text, namespaces: [{ id: text, name: text }] };
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
      paidThrough: text, cancelAtPeriodEnd: true, hints: [{ command: text, does: text }],
    }),
    'account, full': accountPage({ ...account, level: 'full', nextStep: '' }),
    mailbox: mailboxPage({ mails: [mail, mail] }),
    'mailbox, empty': mailboxPage({ mails: [] }),
    'api docs': apiDocsPage({
      mode, records: [{ name: 'Money', fields: [{ name: text, type: text, says: text }] }],
      subjects: [{ name: 'gate', calls: [{ id: 'getGate', method: 'GET', path: text, summary: text, open: false, parameters: [{ name: text, place: 'query', type: text, says: text }], body: [{ name: text, type: 'Money', says: text, required: true }], answers: [{ status: '200', says: text, fields: [] }], refuses: ['401'], cli: text, curl: text }] }],
    }),
    problem: problemPage({ mode, status: 404, title: text, detail: text, nextStep: text, correlationId: text }),
  };
};
