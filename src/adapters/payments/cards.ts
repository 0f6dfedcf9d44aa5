/** The cards of the simulated provider: names instead of numbers, each with one behaviour. */
export type CardName = 'succeeds' | 'declined' | 'confirm' | 'charge-fails' | 'late' | 'succeeds-once';
export type TestCard = { readonly name: CardName; readonly meaning: string };
export type ChargeOutcome = 'paid' | 'pending' | 'declined';

type Behaviour = {
  readonly meaning: string;
  /** What the page answers when the card is handed in. */
  readonly page: 'stored' | 'refused' | 'confirm';
  /** What charging it gives; `earlier` counts the charges of this stored card that went through. */
  readonly charge: (earlier: number) => ChargeOutcome;
};
const behaviours: Readonly<Record<CardName, Behaviour>> = {
  succeeds: { meaning: 'Stored, and every charge goes through.', page: 'stored', charge: () => 'paid' },
  declined: { meaning: 'Refused on this page.', page: 'refused', charge: () => 'declined' },
  confirm: { meaning: 'Its bank asks once more; then every charge goes through.', page: 'confirm', charge: () => 'paid' },
  'charge-fails': { meaning: 'Stored, then declined when it is charged.', page: 'stored', charge: () => 'declined' },
  late: { meaning: 'Stored; every charge settles an hour later.', page: 'stored', charge: () => 'pending' },
  'succeeds-once': { meaning: 'The first charge goes through, every later one is declined.', page: 'stored', charge: (earlier) => (earlier === 0 ? 'paid' : 'declined') },
};

export const testCards: readonly TestCard[] = (Object.keys(behaviours) as CardName[]).map((name) => ({ name, meaning: behaviours[name].meaning }));
export const cardNames: readonly CardName[] = testCards.map(({ name }) => name);
/** The card meant by what was typed; undefined when there is none of that name. */
export const cardNamed = (text: string): CardName | undefined => cardNames.find((name) => name === text.trim().toLowerCase());
export const behaviourOf = (card: CardName): Behaviour => behaviours[card];
