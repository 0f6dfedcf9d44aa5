import { rejections, type Rejection } from '../decider.ts';

export const passwordMin = 10;
export const passwordMax = 200;
const distinctMin = 4;

const reject = rejections({
  PasswordTooShort: ['invalid', 'The password is too short: it needs at least {min} characters.', 'Choose a longer one; a few words are easier to remember than odd signs.'],
  PasswordTooLong: ['invalid', 'The password is too long: it may have at most {max} characters.', 'Choose a shorter one.'],
  PasswordIsAddress: ['invalid', 'The password is, or contains, the e-mail address.', 'Choose one that has nothing to do with it.'],
  PasswordTooCommon: ['invalid', 'This is one of the passwords that are tried first.', 'Choose another one; a few words are easier to remember than odd signs.'],
});

/** One spelling for what looks the same: how keyboards compose accents differs. */
export const normalPassword = (password: string): string => password.normalize('NFC');

/** Those of at least ten characters that are tried first, and the beginnings of many more. */
const common = new Set([
  '1234567890', '0123456789', '12345678910', '123456789a', '1234567891', '0987654321', '9876543210', '1122334455', '123123123123', '1234512345', 'a123456789', '123456789q', '1q2w3e4r5t', '1q2w3e4r5t6y', '1qaz2wsx3edc', 'zaq12wsxcde3',
  'qwertyuiop', 'qwerty12345', 'qwerty123456', 'qwertyuiop123', 'q1w2e3r4t5', 'q1w2e3r4t5y6', 'asdfghjkl1', 'asdfghjkl;', 'zxcvbnm123', 'qazwsxedcrfv', 'abcdefghij', 'abcdefghijk', 'abc1234567', 'abcd123456', 'abcd1234567',
  'password12', 'password123', 'password1234', 'password12345', 'password123!', 'passw0rd123', 'p@ssw0rd123', 'p@ssword123', 'mypassword', 'mypassword1', 'yourpassword', 'changeme123', 'changeme1234', 'letmein123', 'letmein1234', 'welcome123', 'welcome1234', 'welcome2024', 'welcome2025', 'welcome2026',
  'iloveyou123', 'iloveyou12', 'iloveyou1234', 'sunshine123', 'princess123', 'football123', 'baseball123', 'superman123', 'michael123', 'charlie123', 'trustno1234', 'administrator', 'admin12345', 'admin123456', 'administrator1', 'rootroot123', 'test123456', 'testtest123', 'testpassword', 'default123',
  'computer123', 'internet123', 'whatever123', 'starwars123', 'pokemon123', 'dragon1234', 'master1234', 'monkey1234', 'shadow1234', 'secret1234', 'secretpassword', 'correcthorsebatterystaple', 'tollgate123', 'tollgatetollgate',
]);
const lettersOf = (text: string): string => text.toLowerCase().replaceAll(/\s/g, '');

/** Why this password will not do for this address; undefined when it will. */
export const passwordRefusal = (given: string, email: string): Rejection | undefined => {
  const password = normalPassword(given);
  const length = [...password].length;
  if (length < passwordMin) return reject('PasswordTooShort', { min: passwordMin });
  if (length > passwordMax) return reject('PasswordTooLong', { max: passwordMax });
  const plain = lettersOf(password);
  const address = lettersOf(email.normalize('NFC'));
  const local = address.slice(0, Math.max(0, address.lastIndexOf('@')));
  if (plain.includes(address) || plain === local) return reject('PasswordIsAddress');
  if (common.has(plain) || new Set(plain).size < distinctMin) return reject('PasswordTooCommon');
  return undefined;
};
