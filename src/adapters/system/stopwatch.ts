/** Seconds that only grow, for measuring how long something took; says nothing of what time it is, and decides nothing. */
export const monotonicSeconds = (): number => performance.now() / 1_000;
