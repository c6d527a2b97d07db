/** The value that so many of a hundred do not exceed, among values in ascending order. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const value = sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
  if (value === undefined) throw new Error('There is no percentile of no values.');
  return value;
}
