/** Turns passwords into what may be kept of them, slowly on purpose and off the main thread. `Unavailable` when too many wait. */
export interface PasswordHashing {
  /** A text that says all that checking needs: algorithm, cost, salt and tag. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password is the one that `hash` was made of; `outdated` when it was made at a lower cost than today's.
   * Without a hash the answer is no, after the same work: nobody learns from the time it takes whether there is one.
   */
  check(password: string, hash: string | undefined): Promise<{ readonly matches: boolean; readonly outdated: boolean }>;
}
