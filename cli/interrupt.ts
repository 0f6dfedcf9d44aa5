/** Ctrl-C ends with 130, and says how to go on where there is something to go on with. */
let hint = '';
export const onInterrupt = (text: string): void => {
  hint = text;
};
export const interrupted = (): never => {
  process.stderr.write(hint === '' ? '\n' : `\n${hint}\n`);
  process.exit(130);
};
export const listenForInterrupt = (): void => void process.once('SIGINT', interrupted);
