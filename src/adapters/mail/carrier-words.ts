/** What a mail server says, fit to be kept for ever: its words are recorded in the outbox's events, where no address may stand. */
const wordsMax = 240;
const anyAddress = /[^\s<>()[\],;:"']+@[^\s<>()[\],;:"']+/g;
const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** On one line, without control characters, and with neither the address it is about, nor its local part, nor anybody else's. */
export const carrierWords = (said: string, to: string): string => {
  const [local = ''] = to.split('@');
  const plain = said.replaceAll(/[\s\p{C}]+/gu, ' ').replaceAll(new RegExp(escaped(to), 'giu'), 'the address').replaceAll(anyAddress, 'the address');
  // A short one is a word of its own in many sentences, and says nothing of anybody.
  const hidden = local.length < 3 ? plain : plain.replaceAll(new RegExp(`(?<![\\p{L}\\p{N}])${escaped(local)}(?![\\p{L}\\p{N}])`, 'giu'), 'the address');
  return hidden.trim().slice(0, wordsMax);
};
