/** What a customer may do now, and the words every surface says it in: CLI, API, pages and mails read this one table. */
export type ServiceLevel = 'none' | 'unpaid' | 'full' | 'limited' | 'suspended' | 'disabled';
export type GateAction = 'read' | 'write' | 'run' | 'billing';
export const gateActions: readonly GateAction[] = ['read', 'write', 'run', 'billing'];

type Line = { readonly allows: readonly GateAction[]; readonly reason: string; readonly nextStep: string };
export const serviceLevels: Readonly<Record<ServiceLevel, Line>> = {
  none: { allows: [], reason: 'not signed in', nextStep: "Sign in: 'tollgate login help' says how." },
  unpaid: { allows: ['billing'], reason: 'payment required', nextStep: "See 'tollgate account help'." },
  full: { allows: ['read', 'write', 'run', 'billing'], reason: 'paid', nextStep: '' },
  limited: { allows: ['read', 'billing'], reason: 'limited: a payment was missed and its grace period is over; reading still works', nextStep: "Pay with 'tollgate account pay'; everything comes back at once." },
  suspended: { allows: ['billing'], reason: 'suspended: nothing is paid for now; workloads are stopped', nextStep: "Pay with 'tollgate account pay'; what is kept starts again by itself. See 'tollgate account show'." },
  disabled: { allows: [], reason: 'disabled by staff', nextStep: 'Write to the operator of this platform.' },
};

export type GateVerdict = { readonly allow: boolean; readonly level: ServiceLevel; readonly reason: string; readonly nextStep: string };
export const gateVerdict = (level: ServiceLevel, action: GateAction): GateVerdict => {
  const line = serviceLevels[level];
  const allow = line.allows.includes(action);
  return { allow, level, reason: line.reason, nextStep: line.nextStep };
};
