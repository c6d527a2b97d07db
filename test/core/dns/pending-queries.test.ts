import assert from 'node:assert/strict';
import { PendingQueries, type Ending } from '#core/dns/pending-queries.js';

const ending: Ending<unknown, object> = { done: () => ({}), failed: () => ({}) };

describe('the queries that wait', () => {
  const networksOf = (pending: PendingQueries): number =>
    (Reflect.get(pending, 'ofNetwork') as Map<unknown, unknown>).size;

  it('leave nothing of their networks behind when they are answered, given up or gone', async () => {
    const pending = new PendingQueries(100);
    const answers: ((value: unknown) => void)[] = [];
    const gone = new AbortController();
    const wait = (network: string, signal?: AbortSignal): unknown =>
      pending.wait(() => new Promise((resolve) => answers.push(resolve)), ending, { network, gone: signal });
    const waits = [wait('a'), wait('a'), wait('b'), wait('c', gone.signal)];
    assert.equal(networksOf(pending), 3);
    answers[0]?.(1);
    answers[2]?.(1);
    gone.abort(new Error('gone'));
    await Promise.all([waits[0], waits[2], waits[3]]);
    assert.equal(networksOf(pending), 1);
    pending.abort(new Error('over'));
    await waits[1];
    assert.equal(networksOf(pending), 0);
  });

  it('are never of a network where they are answered at once', () => {
    const pending = new PendingQueries(1);
    for (let round = 0; round < 5; round++) void pending.wait(() => 1, ending, { network: `${round}` });
    assert.equal(networksOf(pending), 0);
  });
});
