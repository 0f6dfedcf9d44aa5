/** What an adapter's deed can fail with; anything else it throws is a bug. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}
/** An outage outside of this system: its message is for people, and names who does not answer. */
export class HostUnavailable extends Unavailable {}
/** Permanent: asking again will be refused again. `code` is for the record, the message for people. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
