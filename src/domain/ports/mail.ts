export interface OutgoingMail {
  /** Names the mail for ever: providers that can, drop a second one with the same key. */
  readonly key: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}
/** Hands a mail to a carrier: `Unavailable` is tried again, `Refused` (no such mailbox) is not. */
export interface Mail {
  send(mail: OutgoingMail): Promise<void>;
}
