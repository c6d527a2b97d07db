import { median } from '../median.js';
import { printTable } from '../table.js';
import { pairsToDecide, ratioInterval, type RatioInterval } from './ratio-interval.js';
import type { Trio } from './rounds.js';

/** A figure that is to lie above this, with all of its interval, is slower than before. */
export const SLOWER = 1.03;
/** The same for the slowest answers of a storm, which are told by medians. */
export const SLOWER_TAIL = 1.3;

/** One quantity of which less is better, in two trees. */
export interface Figure {
  readonly label: string;
  readonly before: number;
  readonly after: number;
  readonly ratio: number;
  /** Where medians are compared, there is none. */
  readonly interval?: RatioInterval;
  /** The tree from before against itself. */
  readonly noise: RatioInterval | number;
  readonly verdict: 'slower' | 'undecided' | 'no slower';
  /** For one that is undecided: how many more pairs would decide it, if they were like these; absent for very many. */
  readonly missing?: number | undefined;
}

/** Compares by pairs: of each round the ratio, and of the ratios the interval. */
export function pairedFigure(label: string, rounds: readonly Trio<number>[]): Figure {
  const pairs = rounds.map(({ before, after }) => [before, after] as const);
  const interval = ratioInterval(pairs);
  const verdict = interval.low > SLOWER ? 'slower' : interval.high > SLOWER ? 'undecided' : 'no slower';
  const decisive = verdict === 'undecided' ? pairsToDecide(pairs, SLOWER) : undefined;
  return {
    label,
    before: median(rounds.map(({ before }) => before)),
    after: median(rounds.map(({ after }) => after)),
    ratio: interval.ratio,
    interval,
    noise: ratioInterval(rounds.map(({ before, again }) => [before, again])),
    verdict,
    missing: decisive === undefined ? undefined : decisive - pairs.length,
  };
}

/** Compares medians, for quantities that vary too much from one run to the next for an interval of few. */
export function medianFigure(label: string, rounds: readonly Trio<number>[]): Figure {
  const before = median(rounds.map((round) => round.before));
  const after = median(rounds.map((round) => round.after));
  const again = median(rounds.map((round) => round.again));
  const verdict = after / before > SLOWER_TAIL ? 'slower' : 'no slower';
  return { label, before, after, ratio: after / before, noise: again / before, verdict };
}

export function printFigures(title: string, unit: string, figures: readonly Figure[]): void {
  const rows = figures.map(({ label, before, after, ratio, interval, noise, ...judged }) => [
    ...[label, digits(before), digits(after), ratio.toFixed(3)],
    interval === undefined ? 'of medians' : between(interval),
    typeof noise === 'number' ? noise.toFixed(3) : between(noise),
    verdictText(judged),
  ]);
  printTable(title, [['', `before, ${unit}`, `now, ${unit}`, 'ratio', '95 % interval', 'A/A', 'verdict'], ...rows]);
}

/** `undecided` with the number of pairs that would decide it. */
export function verdictText({ verdict, missing }: Pick<Figure, 'verdict' | 'missing'>): string {
  if (verdict !== 'undecided') return verdict;
  return missing === undefined ? 'undecided: too close to decide' : `undecided: ${missing} more pairs`;
}

function between({ low, high }: RatioInterval): string {
  return `${low.toFixed(3)} to ${high.toFixed(3)}`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
