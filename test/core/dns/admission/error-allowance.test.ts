import assert from 'node:assert/strict';
import { ErrorAllowance } from '#core/dns/admission/error-allowance.js';

describe('the allowance for errors', () => {
  it('is a hundred at once, and then a hundred a second', () => {
    const allowance = new ErrorAllowance();
    const taken = (times: number, now: number): number =>
      Array.from({ length: times }, () => allowance.take(now)).filter(Boolean).length;
    const begin = 1_700_000_000_123;
    assert.equal(taken(1_000, begin), 100);
    assert.equal(taken(1_000, begin + 500), 50);
    assert.equal(taken(1_000, begin + 3_600_000), 100);
    let steady = 0;
    for (let time = 1; time <= 10_000; time++) steady += taken(17, begin + 3_600_000 + time);
    assert.equal(steady, 1_000);
  });
});
