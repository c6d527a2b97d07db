import assert from 'node:assert/strict';
import { medianGrowth } from './median-growth.js';

describe('the growth of a figure', () => {
  const growthOf = (...figures: number[]): number =>
    medianGrowth(figures.map((figure, window) => ({ rounds: 500 * (window + 1), figure })));

  it('is what is left of each round', () => {
    assert.equal(growthOf(1_000, 1_500, 2_000, 2_500), 1);
    assert.equal(growthOf(1_000, 1_250, 1_500), 0.5);
    assert.equal(growthOf(2_000, 1_500), -1);
  });

  it('is none for a step, a peak and a dip', () => {
    assert.equal(growthOf(1_000, 1_000, 1_000, 1_000, 9_000, 1_000, 1_000), 0);
    assert.equal(growthOf(1_000, 1_000, 0, 1_000, 1_000, 1_000), 0);
    assert.equal(growthOf(1_000, 9_000, 9_000, 9_000, 9_000, 9_000), 0);
  });

  it('is that of the leak where there is noise, too', () => {
    const growth = growthOf(1_000, 1_450, 2_080, 9_000, 2_950, 3_520, 4_010, 4_490);
    assert.ok(growth > 0.9 && growth < 1.2, String(growth));
  });

  it('cannot be told of one reading', () => {
    assert.ok(Number.isNaN(growthOf(1_000)));
  });
});
