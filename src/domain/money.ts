/** Integer minor units and an ISO 4217 code. There is no arithmetic on anything else. */
export type Money = { readonly amount: number; readonly currency: string };

/** "35.00 USD": what people read. All currencies sold here have two decimals. */
export const formatMoney = ({ amount, currency }: Money): string => `${(amount / 100).toFixed(2)} ${currency}`;
