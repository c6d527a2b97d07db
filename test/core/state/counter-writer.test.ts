import assert from 'node:assert/strict';
import { CounterWriter } from '#core/state/counter-writer.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { someCounters } from '../../support/store-records.js';
import { StoreThatFails } from '../../support/store-that-fails.js';

describe('the counter writer', () => {
  let clock: ManualClock;
  let log: MemoryLogger;
  let store: StoreThatFails;
  let starts: Map<string, number>;
  let writer: CounterWriter<string>;

  beforeEach(() => {
    clock = new ManualClock();
    log = new MemoryLogger();
    store = new StoreThatFails();
    starts = new Map();
    const countersOf = (unikernel: string) => someCounters({ unikernel, totalStarts: starts.get(unikernel) ?? 0 });
    writer = new CounterWriter(store, countersOf, clock, log);
  });

  function count(unikernel: string): void {
    starts.set(unikernel, (starts.get(unikernel) ?? 0) + 1);
    writer.mark(unikernel);
  }

  async function stored(): Promise<Record<string, number>> {
    return Object.fromEntries((await store.counters()).map(({ unikernel, totalStarts }) => [unikernel, totalStarts]));
  }

  it('writes all that has changed within a second at once, as it is by then', async () => {
    count('a');
    count('a');
    count('b');
    await clock.advance(999);
    assert.equal(store.writes, 0);
    await clock.advance(1);
    assert.deepEqual(await stored(), { a: 2, b: 1 });
    assert.equal(store.writes, 1);
  });

  it('does nothing while nothing changes', async () => {
    assert.equal(clock.pending, 0);
    count('a');
    await clock.advance(10_000);
    assert.equal(store.writes, 1);
    assert.equal(clock.pending, 0);
  });

  it('writes only what has changed since', async () => {
    count('a');
    await clock.advance(1_000);
    await store.saveCounters([someCounters({ unikernel: 'a', totalStarts: 77 })]);
    count('b');
    await clock.advance(1_000);
    assert.deepEqual(await stored(), { a: 77, b: 1 });
  });

  it('tries again every second where the store fails, loses nothing, and says so once', async () => {
    store.failing = true;
    count('a');
    await clock.advance(3_000);
    count('b');
    assert.equal(store.writes, 3);
    store.failing = false;
    await clock.advance(1_000);
    assert.deepEqual(await stored(), { a: 1, b: 1 });
    assert.equal(log.lines.length, 2);
    assert.match(log.lines[0]!, /^warn: the counters could not be written to the store: no space left; trying again/);
    assert.match(log.lines[1]!, /^info: the counters are written to the store again/);
  });

  it('writes a great many in several steps', async () => {
    for (let index = 0; index < 2_500; index += 1) count(`unikernel-${index}`);
    await clock.advance(1_000);
    assert.equal(store.writes, 3);
    assert.equal((await store.counters()).length, 2_500);
  });

  it('writes what is outstanding when it is closed, and leaves no alarm, even where that fails', async () => {
    count('a');
    await writer.close();
    assert.deepEqual(await stored(), { a: 1 });
    store.failing = true;
    count('a');
    await writer.close();
    assert.equal(clock.pending, 0);
    count('a');
    assert.equal(clock.pending, 0, 'nor where something is counted later');
  });
});
