/** `--verbose`: what is asked of the server, how long it takes, and under which correlation id the server's log has it. Never a credential or a body. */
let telling = false;
export const beVerbose = (): void => {
  telling = true;
};
export const isVerbose = (): boolean => telling;

export const tellCall = (method: string, url: URL, startedMs: number, outcome: { readonly status?: number | undefined; readonly correlationId?: string | undefined; readonly error?: string }): void => {
  if (!telling) return;
  const { status, correlationId, error } = outcome;
  process.stderr.write(`-- ${method} ${url.href}: ${error ?? status} after ${Math.round(performance.now() - startedMs)} ms${correlationId === undefined ? '' : `, correlation id ${correlationId}`}\n`);
};
