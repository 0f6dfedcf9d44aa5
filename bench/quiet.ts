/** A log that nobody reads. */
export const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
