import assert from 'node:assert/strict';
import { pipelined } from '#netfilter/pipelined.js';

describe('what is done by a pipeline', () => {
  it('is begun in order, each in a turn of its own, and some of it is under way at the same time', async () => {
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const turns: number[] = [];
    let turn = 0;
    const count = (): void => {
      turn += 1;
      if (turn < 100) setImmediate(count);
    };
    setImmediate(count);
    const works = Array.from({ length: 20 }, (_, number) => () => {
      begun.push(number);
      turns.push(turn);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
    const all = pipelined(works);
    for (let ended = 0; ended < 20; ended += 1) {
      while (ends.length <= ended) await new Promise((resolve) => setImmediate(resolve));
      for (let waits = 0; waits < 10; waits += 1) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(begun.length - ended <= 8, `${begun.length - ended} at the same time`);
      assert.ok(begun.length === 20 || begun.length - ended >= 8, `${begun.length - ended} at the same time`);
      ends[ended]!();
    }
    await all;
    assert.deepEqual(begun, [...begun.keys()]);
    assert.equal(new Set(turns.slice(0, 8)).size, 8);
  });

  it('is begun at once', () => {
    let isBegun = false;
    void pipelined([async () => (isBegun = true)]);
    assert.equal(isBegun, true);
  });

  it('is done whole, and fails as the first that fails does', async () => {
    const done: number[] = [];
    const works = Array.from({ length: 20 }, (_, number) => async () => {
      if (number === 3 || number === 12) throw new Error(`${number} fails`);
      done.push(number);
    });
    await assert.rejects(pipelined(works), /3 fails/);
    assert.equal(done.length, 18);
  });

  it('sees what is to be done only when its turn comes', async () => {
    const left = new Set([1, 2, 3]);
    const done: number[] = [];
    await pipelined(
      (function* () {
        for (const number of left) yield async () => (done.push(number), left.delete(number + 1));
      })(),
    );
    assert.deepEqual(done, [1, 3]);
  });
});
