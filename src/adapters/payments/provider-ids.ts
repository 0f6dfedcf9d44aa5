/** Ids that look like Stripe's: a prefix and 24 letters and digits. */
import type { Random } from '../../domain/ports/random.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export type ProviderIdPrefix = 'ch' | 'cs_test' | 'cus' | 'evt' | 'in' | 'pm' | 'sub';

/** 24 of 62 characters: more than 140 bits, so that a checkout's address cannot be guessed. */
export const providerId = (prefix: ProviderIdPrefix, random: Random): string => `${prefix}_${Array.from(random.bytes(24), (byte) => alphabet[byte % 62]).join('')}`;
