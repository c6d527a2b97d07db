import assert from 'node:assert/strict';
import { timeToLive } from '#core/config/values.js';

describe('a TTL', () => {
  it('is at least a second, so that no unikernel is stopped before it is used', () => {
    const schema = timeToLive('a TTL');
    assert.equal(schema.parse(1), 1_000);
    assert.equal(schema.parse('2m'), 120_000);
    for (const short of [0, 0.5, '999ms']) {
      assert.match(schema.safeParse(short).error?.message ?? '', /At least 1 second expected/);
    }
  });
});
