/** What every part of the supervisor uses. */
export const linux = process.platform === 'linux';
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** What `deed` answers; undefined when it fails. */
export const attempt = <T>(deed: () => T): T | undefined => {
  try {
    return deed();
  } catch {
    return undefined;
  }
};
export const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
