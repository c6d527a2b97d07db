import assert from 'node:assert/strict';
import { DescriptorBudget } from '#core/dns/transport/descriptor-budget.js';

describe('the budget of descriptors', () => {
  it('keeps a quarter of them, at most 256, for everything but connections', () => {
    assert.equal(new DescriptorBudget(256, () => 40).room, 256 - 64 - 40);
    assert.equal(new DescriptorBudget(100_000, () => 40).room, 100_000 - 256 - 40);
    assert.equal(new DescriptorBudget(256, () => 250).room, 0);
  });

  it('allows connections until they are used up, and again when some are free', () => {
    let open = 40;
    const budget = new DescriptorBudget(256, () => open);
    let allowed = 0;
    while (budget.allows()) {
      open += 1;
      allowed += 1;
    }
    assert.deepEqual([allowed, open], [152, 192]);
    open -= 10;
    assert.equal(budget.allows(), true);
  });

  it('does not count for each connection', () => {
    let counts = 0;
    const budget = new DescriptorBudget(100_000, () => (counts++, 40));
    for (let index = 0; index < 64; index += 1) assert.ok(budget.allows());
    assert.equal(counts, 1);
  });

  it('allows none where not even the count can be made, and any where the system tells no limit', () => {
    const full = (): never => {
      throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
    };
    assert.equal(new DescriptorBudget(256, full).allows(), false);
    assert.equal(new DescriptorBudget(Infinity, full).allows(), true);
  });
});
