import assert from 'node:assert/strict';
import { pairsToDecide, ratioInterval } from './ratio-interval.js';

describe('the interval of a ratio', () => {
  it('is the ratio alone where all pairs agree', () => {
    const { ratio, low, high } = ratioInterval([
      [10, 11],
      [20, 22],
      [5, 5.5],
    ]);
    for (const value of [ratio, low, high]) assert.ok(Math.abs(value - 1.1) < 1e-12, `${value}`);
  });

  it("is that of Student's t on the logarithms", () => {
    // Logarithms 0, 1 and 2: mean 1, deviation 1, and 4.30265 ÷ √3 to either side.
    const three = ratioInterval([0, 1, 2].map((log) => [1, Math.exp(log)]));
    assert.ok(Math.abs(Math.log(three.low) - (1 - 4.30265 / Math.sqrt(3))) < 1e-9);
    assert.ok(Math.abs(Math.log(three.high) - (1 + 4.30265 / Math.sqrt(3))) < 1e-9);
  });

  it('knows the quantiles of tables for more pairs', () => {
    for (const [degrees, quantile] of [
      [3, 3.1824],
      [4, 2.7764],
      [8, 2.306],
      [9, 2.2622],
      [30, 2.0423],
    ] as const) {
      const logs = Array.from({ length: degrees + 1 }, (_, n) => n);
      const mean = degrees / 2;
      const deviation = Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / degrees);
      const { high } = ratioInterval(logs.map((log) => [1, Math.exp(log)]));
      const found = ((Math.log(high) - mean) * Math.sqrt(degrees + 1)) / deviation;
      assert.ok(Math.abs(found - quantile) < 0.02, `${found} in place of ${quantile}`);
    }
  });

  it('refuses a single pair', () => {
    assert.throws(() => ratioInterval([[1, 1]]), /interval of 1 pair/);
  });
});

describe('the pairs that decide', () => {
  const pairs = [1.01, 1.03, 1.05, 1.0, 1.02, 1.04, 1.0, 1.01, 1.03].map((ratio) => [1, ratio] as const);

  it('are as many as make the interval end before the limit', () => {
    const count = pairsToDecide(pairs, 1.03) ?? 0;
    assert.ok(ratioInterval(pairs).high > 1.03 && count > pairs.length, `${count}`);
    const { length } = pairs;
    const logs = pairs.map(([, ratio]) => Math.log(ratio));
    const mean = logs.reduce((sum, log) => sum + log, 0) / length;
    const deviation = Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (length - 1));
    // By a table, Student's t is 2.120 for 16 degrees of freedom and 2.093 for 19.
    const needed = (2.1 * deviation) / Math.abs(mean - Math.log(1.03));
    assert.ok(Math.abs(count - needed ** 2) <= 1.5, `${count} in place of ${needed ** 2}`);
  });

  it('are those that there are where the interval is without the limit', () => {
    assert.equal(pairsToDecide(pairs, 2), pairs.length);
  });

  it('are unknown where the ratio lies at the limit', () => {
    assert.equal(
      pairsToDecide(
        [
          [1, 1],
          [1, 1.0609],
        ],
        1.03,
      ),
      undefined,
    );
  });
});
