import assert from 'node:assert/strict';
import { countersOf } from '#core/lifecycle/stored-counters.js';
import { Life } from '../../support/life.js';

describe('the stored counters of a unikernel', () => {
  it('are restored for the names that it still has', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    const names = [
      { name: 'web.test', requests: 4, lastAsked: 11 },
      { name: 'gone.test', requests: 9 },
    ];
    life.lifecycle.recall(web!, { unikernel: 'web', startedAt: 10, totalStarts: 3, names });
    assert.deepEqual([web!.startedAt, web!.totalStarts], [10, 3]);
    assert.deepEqual([...web!.counters.values()], [{ name: 'web.test', requests: 4, lastAsked: 11 }]);
  });

  it('are those of the wall clock, of which nothing lies in the future', async () => {
    using life = new Life();
    life.clock.stepWallTime(500);
    const [web] = await life.with({ name: 'web' });
    const names = [{ name: 'web.test', requests: 4, lastAsked: life.clock.wallTime() + 3_600_000 }];
    life.lifecycle.recall(web!, { unikernel: 'web', startedAt: 510, totalStarts: 3, names });
    assert.equal(web!.startedAt, 10);
    assert.equal(web!.counters.get('web.test')?.lastAsked, life.clock.now());
    assert.equal(life.lifecycle.status(web!).startedAt, 510);
  });

  it('are the same after a run of Jitsu in which nothing has happened', async () => {
    using life = new Life();
    life.clock.stepWallTime(500);
    const [web] = await life.with({ name: 'web' });
    const names = [{ name: 'web.test', requests: 4, lastAsked: 500 }];
    const stored = {
      unikernel: 'web',
      startedAt: 450,
      totalStarts: 3,
      names,
      keptUntil: life.clock.wallTime() + 9_000,
    };
    life.lifecycle.recall(web!, stored);
    assert.deepEqual(countersOf(web!, life.lifecycle.remembered(web!), life.clock), stored);
  });
});
