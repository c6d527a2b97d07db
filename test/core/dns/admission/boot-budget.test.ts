import assert from 'node:assert/strict';
import { BootBudget } from '#core/dns/admission/wake-guard.js';

const MOST_REMEMBERED = 10_000;

describe('a boot budget', () => {
  it('forgets whoever used it the longest time ago where it remembers too many, and nobody else', () => {
    const budget = new BootBudget(1, 60_000);
    for (let client = 0; client < MOST_REMEMBERED - 1; client++) budget.spend(`${client}`, 1, 0);
    // The first uses it again, and so the second is the one that used it the longest time ago.
    budget.spend('0', 1, 1);
    budget.spend('the last that has room', 1, 1);
    assert.equal(budget.has('1', 1), false);
    // One that is remembered takes no other's place.
    budget.spend('5', 1, 1);
    assert.deepEqual([budget.has('0', 1), budget.has('1', 1)], [false, false]);
    budget.spend('one too many', 1, 1);
    assert.deepEqual(
      ['0', '1', '2', '5', 'one too many'].map((client) => budget.has(client, 1)),
      [false, true, false, false, false],
    );
  });

  it('remembers so many and no more', () => {
    const budget = new BootBudget(1, 60_000);
    for (let client = 0; client < 2 * MOST_REMEMBERED; client++) budget.spend(`${client}`, 1, 0);
    assert.equal((Reflect.get(budget, 'fullAt') as Map<unknown, unknown>).size, MOST_REMEMBERED);
  });

  it('remembers nobody where there is no limit or no boot', () => {
    for (const [limit, boots] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const budget = new BootBudget(limit, 60_000);
      budget.spend('client', boots, 0);
      assert.equal((Reflect.get(budget, 'fullAt') as Map<unknown, unknown>).size, 0);
    }
  });

  it('lets so many boots happen at once, and as many again over the interval', () => {
    const budget = new BootBudget(2, 60_000);
    budget.spend('client', 1, 0);
    assert.equal(budget.has('client', 0), true);
    budget.spend('client', 1, 0);
    assert.deepEqual([budget.has('client', 29_000), budget.has('client', 30_000)], [false, true]);
  });

  it('lets a boot happen half a millisecond early, and no earlier, as times are rounded', () => {
    const budget = new BootBudget(2, 60_000);
    budget.spend('client', 2, 0);
    assert.deepEqual([budget.has('client', 29_999.4), budget.has('client', 29_999.5)], [false, true]);
  });
});
