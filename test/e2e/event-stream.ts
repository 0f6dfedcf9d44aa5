/** A reader of server-sent events over real HTTP, as a browser is one: frames in order, awaited one by one. */
import { request, type IncomingMessage } from 'node:http';

export type Frame = { readonly id?: string; readonly event: string; readonly data: any };
export type Reader = {
  readonly status: number;
  readonly response: IncomingMessage;
  /** The next frame; undefined once the server has ended the answer. */
  next(): Promise<Frame | undefined>;
  /** Up to the first frame for which `done` holds, that one included. */
  until(done: (frame: Frame) => boolean): Promise<Frame[]>;
  /** Everything received, comments included. */
  text(): string;
  close(): void;
};

/** Longer than anything takes that comes at all. */
const patienceMs = 30_000;

const parsed = (block: string): Frame | undefined => {
  const fields = block.split('\n').filter((line) => line !== '' && !line.startsWith(':')).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const);
  const found = new Map(fields);
  const data = found.get('data');
  if (data === undefined) return undefined;
  const id = found.get('id');
  return { event: found.get('event') ?? 'message', data: JSON.parse(data) as unknown, ...(id === undefined ? {} : { id }) };
};

export const openEvents = (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Reader> => new Promise((resolve, reject) => {
  const asked = request(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false }, (response) => {
    const frames: Frame[] = [];
    let [all, rest, over] = ['', '', false];
    let wake = (): void => undefined;
    let failure: Error | undefined;
    const ended = (): void => {
      over = true;
      wake();
    };
    response.setEncoding('utf8').on('data', (chunk: string) => {
      all += chunk;
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const frame = parsed(block);
        if (frame) frames.push(frame);
      }
      wake();
    }).on('end', ended).on('close', ended).on('error', (error) => {
      failure = error;
      ended();
    });
    const next = async (): Promise<Frame | undefined> => {
      const late = setTimeout(() => response.destroy(new Error(`nothing came within ${patienceMs / 1_000} s; so far: ${all}`)), patienceMs);
      while (frames.length === 0 && !over) await new Promise<void>((woken) => (wake = woken));
      clearTimeout(late);
      if (failure) throw failure;
      return frames.shift();
    };
    const until = async (done: (frame: Frame) => boolean): Promise<Frame[]> => {
      const seen: Frame[] = [];
      for (;;) {
        const frame = await next();
        if (!frame) throw new Error(`it ended before that: ${JSON.stringify(seen)}`);
        seen.push(frame);
        if (done(frame)) return seen;
      }
    };
    resolve({ status: response.statusCode ?? 0, response, next, until, text: () => all, close: () => asked.destroy() });
  });
  asked.once('error', reject).end();
});
