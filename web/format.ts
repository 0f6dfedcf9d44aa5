/** How pages and mails write times, money and sizes for people. */
import { formatMoney, type Money } from '../src/domain/money.ts';

const utc = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'UTC',
});

/** "21 November 2026, 07:52 UTC"; text that is no time stays as it is. */
export const formatTime = (instant: string): string => {
  const epochMs = Date.parse(instant);
  if (Number.isNaN(epochMs)) return instant;
  const part = Object.fromEntries(utc.formatToParts(epochMs).map(({ type, value }) => [type, value]));
  return `${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute} UTC`;
};

/** "21 November 2026". */
export const formatDay = (day: string): string => formatTime(`${day}T00:00:00.000Z`).split(',')[0] ?? day;

/** "35.00 USD"; an amount that is text already stays as it is. */
export const formatAmount = (amount: Money | string): string => (typeof amount === 'string' ? amount : formatMoney(amount));

/** "512 MiB", "2 GiB", "1.5 GiB". */
export const formatMebibytes = (mebibytes: number): string =>
  mebibytes < 1024 ? `${mebibytes} MiB` : `${Number((mebibytes / 1024).toFixed(1))} GiB`;

/** "1 CPU", "0.5 CPU", "2 CPUs". */
export const formatCpu = (millis: number): string => {
  const cpus = Number((millis / 1000).toFixed(2));
  return `${cpus} ${cpus > 1 ? 'CPUs' : 'CPU'}`;
};

export const countOf = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
