import assert from 'node:assert/strict';
import { tellFigure } from '../support/tell-figure.js';
import { Chaos } from './chaos.js';

/** In milliseconds. `npm run chaos` goes on for an hour. */
const DURATION = 180_000;
const REST = 90_000;

describe('two dozen unikernels of many tempers', function () {
  this.timeout(DURATION + REST);

  it('are neither stopped early, or in use, nor left behind, doubled or told of when they are gone, whatever is killed or frozen', async () => {
    const seed = Date.now() % 2 ** 32;
    await using chaos = await Chaos.create(seed, 'auto');
    await chaos.run(DURATION);
    tellFigure(`${chaos.summary()} (--seed ${seed})`);
    assert.deepEqual(chaos.faults, [], `--seed ${seed}\n${chaos.log.slice(-20_000)}`);
    assert.ok(chaos.record.counts.told > 100 && chaos.record.counts.kills > 5, chaos.summary());
  });
});
