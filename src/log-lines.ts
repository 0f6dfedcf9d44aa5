/** What pino writes to: lines that come close together go on as one text, since the destination looks at all it holds with every text it is given. */
import pino from 'pino';

/** Lines are written together under load, and soon when there are few; what is left is written at exit. */
const gatheredMax = 256;
const flushMs = 100;
/** A text longer than this would be cut into several writes. */
const writeMaxBytes = 256 * 1024;

export const gatheringLines = (file: number): pino.DestinationStream => {
  const destination = pino.destination({ dest: file, sync: false, maxWrite: writeMaxBytes });
  let lines: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines.length === 0) return;
    const text = lines.join('');
    lines = [];
    destination.write(text);
  };
  process.on('exit', () => {
    flush();
    destination.flushSync();
  });
  return {
    write: (line) => {
      if (lines.push(line) >= gatheredMax) flush();
      else timer ??= setTimeout(flush, flushMs);
    },
  };
};
