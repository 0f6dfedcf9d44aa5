/** The server's end of a supervisor's socket. */
import { connect } from 'node:net';
import type { FromSupervisor, State, ToSupervisor } from './supervisor/order.ts';

export type Link = {
  send(message: ToSupervisor): void;
  /** Lets go, without ending anything. */
  drop(): void;
  /** Resolves once the supervisor is gone or was let go. */
  readonly closed: Promise<void>;
};
export type Hears = { readonly state: (state: State) => void; readonly log: () => void };

const answerWithinMs = 5_000;

const read = (line: string): FromSupervisor | undefined => {
  try {
    return JSON.parse(line) as FromSupervisor;
  } catch {
    return undefined;
  }
};

/** Connects and shows the key; undefined when nobody is there, or somebody who does not answer as a supervisor does. */
export const openLink = (path: string, key: string, hears: Hears): Promise<Link | undefined> => new Promise((resolve) => {
  const socket = connect({ path, timeout: answerWithinMs });
  const send = (message: ToSupervisor): void => void socket.write(`${JSON.stringify(message)}\n`);
  const closed = new Promise<void>((gone) => {
    socket.once('close', () => {
      resolve(undefined);
      gone();
    });
  });
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = read(line);
      if (!message) return void socket.destroy();
      if (message.log !== undefined) hears.log();
      if (message.state === undefined) continue;
      hears.state(message.state);
      socket.setTimeout(0);
      resolve({ send, drop: () => void socket.destroy(), closed });
    }
  });
  socket.once('connect', () => send({ key })).on('timeout', () => socket.destroy()).on('error', () => socket.destroy());
});
