/** What tests and the simulator let go wrong at the simulated provider. Counts go down as faults are used up. */
export interface PaymentFaults {
  /** The next so many calls fail before anything is done. */
  unavailableBefore: number;
  /** The next so many deeds are done, and their answer is lost. */
  unavailableAfter: number;
  /** The next so many webhooks are posted twice. */
  duplicateWebhooks: number;
  /** The next so many webhooks are never posted. */
  loseWebhooks: number;
  /** The next so many webhooks are held back by `lateByMs`. */
  lateWebhooks: number;
  lateByMs: number;
  /** Of several webhooks that are due, the newest goes first. */
  reorderWebhooks: boolean;
}
export const noFaults = (): PaymentFaults => ({ unavailableBefore: 0, unavailableAfter: 0, duplicateWebhooks: 0, loseWebhooks: 0, lateWebhooks: 0, lateByMs: 3_600_000, reorderWebhooks: false });

type Counted = { [K in keyof PaymentFaults]: PaymentFaults[K] extends number ? K : never }[keyof PaymentFaults];
/** Whether this fault happens now; uses one up. */
export const strikes = (faults: PaymentFaults, fault: Exclude<Counted, 'lateByMs'>): boolean => {
  if (faults[fault] <= 0) return false;
  faults[fault] -= 1;
  return true;
};
