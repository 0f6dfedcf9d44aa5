/** Ids are `<prefix>_` and 20 characters of lower-case Crockford base 32 (no i, l, o, u): opaque, readable aloud. */
export type PersonId = `per_${string}`;
export type AccountId = `acc_${string}`;
export type OperatorId = `opr_${string}`;
export type TenantId = `ten_${string}`;
export type LogId = `log_${string}`;
export type PlanId = `pln_${string}`;
export type SubscriptionId = `sub_${string}`;
export type NamespaceId = `ns_${string}`;
export type WorkloadId = `wl_${string}`;
export type SessionId = `ses_${string}`;
export type FlowId = `flw_${string}`;
export type MailId = `mail_${string}`;
export type KeyId = `key_${string}`;
export type CommandId = string;
/** Whose something is: an account, or a person on the way to one. */
export type CustomerId = AccountId | PersonId;

export const crockford = '0123456789abcdefghjkmnpqrstvwxyz';
const idPattern = /^([a-z]+)_([0-9a-hjkmnp-tv-z]{20})$/;

/** Whether `text` is an id; with `prefix`, one of that kind. */
export const isId = (text: unknown, prefix?: string): text is string => {
  const match = typeof text === 'string' ? idPattern.exec(text) : null;
  return match !== null && (prefix === undefined || match[1] === prefix);
};

/** Twenty base-32 characters out of 13 or more bytes (100 of their bits). */
export const encodeId = <P extends string>(prefix: P, bytes: Uint8Array): `${P}_${string}` => {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5 && text.length < 20) {
      text += crockford[(value >> (bits - 5)) & 31];
      bits -= 5;
    }
  }
  if (text.length < 20) throw new Error('an id needs 13 bytes');
  return `${prefix}_${text}`;
};

/** `category-<tenant>.<id>`: EventStoreDB splits the category at the first dash. */
export type StreamName = string & { readonly __stream: never };
export const streamName = (category: string, tenant: TenantId, id: string): StreamName => `${category}-${tenant}.${id}` as StreamName;
export const categoryOf = (stream: string): string => stream.slice(0, stream.indexOf('-'));
/** The part after the tenant: what the aggregate calls its id. */
export const subjectOf = (stream: string): string => stream.slice(stream.indexOf('.', stream.indexOf('-')) + 1);
