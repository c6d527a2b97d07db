/** A ratio with the interval that holds the true one in 95 of 100 such measurements. */
export interface RatioInterval {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

export type Pairs = readonly (readonly [before: number, after: number])[];

/** The quantile of the normal distribution below which 97.5 % lie. */
const Z = 1.959964;

/**
 * The geometric mean of after ÷ before over pairs, with its 95 % interval by Student's t on the logarithms: what both
 * members of a pair had in common, such as a busy machine, cancels out. Needs two pairs at least.
 */
export function ratioInterval(pairs: Pairs): RatioInterval {
  const { mean, variance } = logarithms(pairs);
  const reach = reachOf(variance, pairs.length);
  return { ratio: Math.exp(mean), low: Math.exp(mean - reach), high: Math.exp(mean + reach) };
}

/**
 * How many pairs, these included, would give an interval without `limit`, if the ratio and the spread stayed as they
 * are; `undefined` where more than `most` would be needed.
 */
export function pairsToDecide(pairs: Pairs, limit: number, most = 1_000): number | undefined {
  const { mean, variance } = logarithms(pairs);
  const distance = Math.abs(mean - Math.log(limit));
  for (let count = pairs.length; count <= most; count += 1) if (reachOf(variance, count) < distance) return count;
  return undefined;
}

function logarithms(pairs: Pairs): { readonly mean: number; readonly variance: number } {
  if (pairs.length < 2) throw new Error(`There is no interval of ${pairs.length} pairs.`);
  const logs = pairs.map(([before, after]) => Math.log(after / before));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  return { mean, variance: logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1) };
}

function reachOf(variance: number, count: number): number {
  return studentQuantile(count - 1) * Math.sqrt(variance / count);
}

/** Where 97.5 % of Student's t lie below: exact for 1 and 2 degrees of freedom, else the Cornish-Fisher expansion. */
function studentQuantile(degrees: number): number {
  if (degrees === 1) return 12.7062;
  if (degrees === 2) return 4.30265;
  const terms = [
    Z,
    (Z ** 3 + Z) / 4,
    (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / 96,
    (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / 384,
    (79 * Z ** 9 + 776 * Z ** 7 + 1_482 * Z ** 5 - 1_920 * Z ** 3 - 945 * Z) / 92_160,
  ];
  return terms.reduce((sum, term, power) => sum + term / degrees ** power, 0);
}
