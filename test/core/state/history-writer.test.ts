import assert from 'node:assert/strict';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import { HistoryWriter } from '#core/state/history-writer.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';
import { StoreThatFails } from '../../support/store-that-fails.js';

describe('the history writer', () => {
  it('takes every event to the store, in order', async () => {
    const store = new MemoryStateStore();
    const writer = new HistoryWriter(store, new ManualClock(), new MemoryLogger());
    for (let at = 0; at < 1_200; at += 1) writer.append(anEvent({ at }));
    await writer.flush();
    assert.deepEqual(
      (await store.history({})).map(({ at }) => at),
      Array.from({ length: 1_200 }, (_, at) => at),
    );
  });

  it('does nothing of the store’s work while somebody appends', () => {
    const store = new StoreThatFails();
    new HistoryWriter(store, new ManualClock(), new MemoryLogger()).append(anEvent());
    assert.equal(store.writes, 0);
  });

  it('tries again every second where the store fails, in order, loses nothing, and says so once', async () => {
    const clock = new ManualClock();
    const store = new StoreThatFails();
    const log = new MemoryLogger();
    const writer = new HistoryWriter(store, clock, log);
    store.failing = true;
    for (const at of [1, 2]) writer.append(anEvent({ at }));
    await writer.flush();
    await clock.advance(2_000);
    writer.append(anEvent({ at: 3 }));
    assert.equal(clock.pending, 1);
    store.failing = false;
    await clock.advance(1_000);
    assert.deepEqual(await store.history({}), [anEvent({ at: 1 }), anEvent({ at: 2 }), anEvent({ at: 3 })]);
    assert.deepEqual(log.lines, [
      'warn: the history could not be written to the store: no space left; trying again every second',
      'info: the history is written to the store again',
    ]);
    assert.equal(clock.pending, 0);
  });

  it('tries once more when it is closed, says what is lost then, and leaves no alarm', async () => {
    const clock = new ManualClock();
    const store = new StoreThatFails();
    const log = new MemoryLogger();
    const writer = new HistoryWriter(store, clock, log);
    store.failing = true;
    for (const at of [1, 2]) writer.append(anEvent({ at }));
    await writer.flush();
    const before = store.writes;
    await writer.close();
    assert.equal(store.writes, before + 2);
    assert.equal(log.lines.at(-1), 'warn: the history lacks 2 events: the store could not be written');
    assert.equal(clock.pending, 0);
  });

  it('keeps no more than 10,000 events waiting for a disk that hangs', async () => {
    let release = () => {};
    const disk = new Promise<void>((resolve) => (release = resolve));
    class SlowStore extends MemoryStateStore {
      override async appendEvent(event: LifecycleEvent): Promise<void> {
        await disk;
        await super.appendEvent(event);
      }
    }
    const store = new SlowStore();
    const log = new MemoryLogger();
    const writer = new HistoryWriter(store, new ManualClock(), log);
    for (let at = 0; at < 10_003; at += 1) writer.append(anEvent({ at }));
    release();
    await writer.flush();
    assert.equal((await store.history({})).length, 10_000);
    assert.deepEqual(log.lines, ['warn: the history lacks 3 events: the disk could not keep up']);
  });
});
