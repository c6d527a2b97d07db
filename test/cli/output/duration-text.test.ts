import assert from 'node:assert/strict';
import fc from 'fast-check';
import { durationText } from '#cli/output/duration-text.js';

describe('a duration in words', () => {
  for (const [duration, text] of [
    [0, '0 ms'],
    [84.4, '84 ms'],
    [999.6, '1 s'],
    [2_400, '2.4 s'],
    [9_949, '9.9 s'],
    [9_951, '10 s'],
    [59_499, '59 s'],
    [59_600, '1 min'],
    [108_000, '1 min 48 s'],
    [3_600_000, '1 h'],
    [3_599_900, '1 h'],
    [187_200_000, '2 d 4 h'],
    [90_061_000, '1 d 1 h'],
  ] as const) {
    it(`says ${text} of ${duration} milliseconds`, () => {
      assert.equal(durationText(duration), text);
    });
  }

  it('says that something overdue takes no time, rather than less than none', () => {
    assert.equal(durationText(-500), '0 ms');
  });

  it('always has something to say, in at most two units', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (duration) => {
        assert.match(durationText(duration), /^\d+(\.\d)? (ms|s|min|h|d)( \d+ (s|min|h))?$/);
      }),
    );
  });
});
