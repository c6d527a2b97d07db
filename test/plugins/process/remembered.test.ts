import { ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { Remembered } from '#process/remembered.js';

describe('look-ups that are remembered', () => {
  let clock: ManualClock;
  let remembered: Remembered<string>;
  let found: string[];

  beforeEach(() => {
    clock = new ManualClock();
    remembered = new Remembered(clock);
    found = [];
  });

  const get = (...key: string[]): string =>
    remembered.get(key, () => {
      found.push(key.join('+'));
      return `${key.join('+')} ${found.length}`;
    });

  it('are made once for each key', () => {
    assert.deepEqual([get('a'), get('a'), get('b'), get('a'), get('a', 'b')], ['a 1', 'a 1', 'b 2', 'a 1', 'a+b 3']);
    assert.deepEqual([get('a', 'c'), get('a'), get('ab'), get()], ['a+c 4', 'a 1', 'ab 5', ' 6']);
  });

  it('give the latest result without making one text of its key', () => {
    const unjoined = Object.assign(['a', 'b'], { join: () => assert.fail('the key was joined') });
    get('a', 'b');
    assert.equal(
      remembered.get(unjoined, () => 'new'),
      'a+b 1',
    );
  });

  it('are made again after a second, counted from the first of them', async () => {
    get('a');
    await clock.advance(1_000);
    assert.deepEqual([get('b'), get('a'), get('b')], ['b 2', 'a 1', 'b 2']);
    await clock.advance(1);
    assert.deepEqual([get('b'), get('a')], ['b 3', 'a 4']);
    await clock.advance(1_000);
    assert.deepEqual([get('a'), get('b')], ['a 4', 'b 3']);
    await clock.advance(1);
    assert.equal(get('a'), 'a 5');
  });
});
