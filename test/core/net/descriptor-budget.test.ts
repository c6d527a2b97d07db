import assert from 'node:assert/strict';
import { DescriptorBudget } from '#core/net/descriptor-budget.js';
import { ManualClock } from '#core/testing/manual-clock.js';

describe('the budget of descriptors', () => {
  let clock: ManualClock;
  let open: number;
  let counts: number;

  beforeEach(() => {
    [clock, open, counts] = [new ManualClock(), 40, 0];
  });

  const budgetOf = (limit: number): DescriptorBudget => new DescriptorBudget(clock, limit, () => (counts++, open));
  /** Opens connections until no more is allowed, at most so many. Returns how many. */
  const fill = (budget: DescriptorBudget, most = Infinity): number => {
    let opened = 0;
    for (; opened < most && budget.allows(); opened += 1) {
      open += 1;
      budget.opened();
    }
    return opened;
  };

  it('keeps a quarter of them, at most 256, for everything but connections', () => {
    assert.equal(budgetOf(256).room, 256 - 64 - 40);
    assert.equal(budgetOf(100_000).room, 100_000 - 256 - 40);
    open = 250;
    assert.equal(budgetOf(256).room, 0);
  });

  it('allows connections until they are used up, and again at once where one closes', () => {
    const budget = budgetOf(256);
    assert.deepEqual([fill(budget), open], [152, 192]);
    for (let index = 0; index < 10; index += 1) {
      open -= 1;
      budget.closed();
    }
    assert.deepEqual([fill(budget), open, counts], [10, 192, 1]);
  });

  it('counts once in a second what others take, be it at the limit or where many connections come', async () => {
    const budget = budgetOf(256);
    fill(budget);
    open -= 10;
    for (let index = 0; index < 1_000; index += 1) assert.equal(budget.allows(), false);
    assert.equal(counts, 1);
    await clock.advance(1_000);
    assert.deepEqual([fill(budget), counts], [10, 2]);
    const roomy = budgetOf(100_000);
    open = 40;
    for (const expected of [3, 4, 5]) {
      assert.equal(fill(roomy, 5_000), 5_000);
      assert.equal(counts, expected);
      await clock.advance(1_000);
    }
  });

  it('counts nothing as long as few connections come, and sets no timer', async () => {
    const budget = budgetOf(100_000);
    for (let index = 0; index < 64; index += 1) {
      assert.equal(fill(budget, 1), 1);
      await clock.advance(10_000);
    }
    assert.deepEqual([counts, clock.pending], [1, 0]);
    fill(budget, 1);
    assert.equal(counts, 2);
  });

  it('allows none where not even the count can be made, and any where the system tells no limit', () => {
    const full = (): never => {
      throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
    };
    assert.equal(new DescriptorBudget(clock, 256, full).allows(), false);
    assert.equal(new DescriptorBudget(clock, Infinity, full).allows(), true);
  });
});
