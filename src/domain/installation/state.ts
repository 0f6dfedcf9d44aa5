import type { LogId, OperatorId, TenantId } from '../ids.ts';
import type { InstallationEvent, Mode } from './events.ts';

export type Installation = {
  readonly founded?: { readonly logId: LogId; readonly mode: Mode; readonly format: number; readonly tenantId: TenantId };
  /** SHA-256 of the token that is valid now. */
  readonly operator?: { readonly operatorId: OperatorId; readonly hash: string };
  readonly offsetMs: number;
};
export const initial: Installation = { offsetMs: 0 };
export const evolve = (state: Installation, event: InstallationEvent): Installation => {
  switch (event.type) {
    case 'InstallationFounded': return { ...state, founded: event.data };
    case 'OperatorTokenIssued': return { ...state, operator: event.data };
    case 'ClockAdvanced': return { ...state, offsetMs: event.data.offsetMs };
  }
};
