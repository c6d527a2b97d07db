import assert from 'node:assert/strict';
import { ratioInterval } from './ratio-interval.js';

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
