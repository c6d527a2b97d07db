/** A figure, and the number of rounds after which it was read. */
export interface Reading {
  readonly rounds: number;
  readonly figure: number;
}

/**
 * By how much a figure grows in each round: the median of the slopes between all pairs of readings (Theil and Sen). A
 * leak shows in all of them. A step, or a reading while something was not yet given back, shows in few.
 */
export function medianGrowth(readings: readonly Reading[]): number {
  const slopes = readings.flatMap((later, place) =>
    readings.slice(0, place).map((earlier) => (later.figure - earlier.figure) / (later.rounds - earlier.rounds)),
  );
  slopes.sort((one, other) => one - other);
  const middle = slopes.length / 2;
  return ((slopes[Math.ceil(middle) - 1] ?? NaN) + (slopes[Math.floor(middle)] ?? NaN)) / 2;
}
