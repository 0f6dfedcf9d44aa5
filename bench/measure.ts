/** How every row is measured: ours and the floor in turns within one run, and the median of the ratios per round. */
export interface Row {
  readonly name: string;
  readonly ratio: number;
  readonly goal: number;
  readonly better: 'higher' | 'lower';
  /** Medians over the rounds, in `unit`. */
  readonly ours: number;
  readonly floor: number;
  readonly unit: string;
  /** What was sent, against what. */
  readonly sent: string;
  /** Why nothing follows from this row: then its ratio is 0. */
  readonly void?: string;
}
export interface Round {
  readonly ours: number;
  readonly floor: number;
}
export interface Contest {
  readonly ours: () => Promise<number> | number;
  readonly floor: () => Promise<number> | number;
  readonly rounds?: number;
}
const roundsDefault = 5;

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
export const progress = (text: string): void => void process.stderr.write(`${text}\n`);

/** Which goes first alternates, so that neither always pays for what the other left behind. */
export const inTurns = async ({ ours, floor, rounds = roundsDefault }: Contest): Promise<Round[]> => {
  const found: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2 === 0 ? await floor() : undefined;
    const mine = await ours();
    found.push({ ours: mine, floor: first ?? (await floor()) });
  }
  return found;
};

export const rowOf = (facts: Pick<Row, 'name' | 'goal' | 'better' | 'unit' | 'sent' | 'void'>, rounds: readonly Round[]): Row => ({
  ...facts,
  ratio: facts.void === undefined ? median(rounds.map((round) => round.ours / round.floor)) : 0,
  ours: median(rounds.map((round) => round.ours)),
  floor: median(rounds.map((round) => round.floor)),
});
export const reached = ({ ratio, goal, better, void: why }: Row): boolean => why === undefined && (better === 'higher' ? ratio >= goal : ratio <= goal);
