import assert from 'node:assert/strict';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import { HistoryWriter } from '#core/state/history-writer.js';
import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';
import { StoreThatFails } from '../../support/store-that-fails.js';

describe('the history writer', () => {
  it('takes every event to the store, in order', async () => {
    const store = new MemoryStateStore();
    const writer = new HistoryWriter(store, new MemoryLogger());
    for (let at = 0; at < 1_200; at += 1) writer.append(anEvent({ at }));
    await writer.flush();
    assert.deepEqual(
      (await store.history({})).map(({ at }) => at),
      Array.from({ length: 1_200 }, (_, at) => at),
    );
  });

  it('does nothing of the store’s work while somebody appends', () => {
    const store = new StoreThatFails();
    new HistoryWriter(store, new MemoryLogger()).append(anEvent());
    assert.equal(store.writes, 0);
  });

  it('says what is missing where the store fails, and goes on with what comes then', async () => {
    const store = new StoreThatFails();
    const log = new MemoryLogger();
    const writer = new HistoryWriter(store, log);
    store.failing = true;
    writer.append(anEvent({ at: 1 }));
    writer.append(anEvent({ at: 2 }));
    await writer.flush();
    store.failing = false;
    writer.append(anEvent({ at: 3 }));
    await writer.flush();
    assert.deepEqual(await store.history({}), [anEvent({ at: 3 })]);
    assert.deepEqual(log.lines, ['warn: the history lacks 2 events: no space left']);
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
    const writer = new HistoryWriter(store, log);
    for (let at = 0; at < 10_003; at += 1) writer.append(anEvent({ at }));
    release();
    await writer.flush();
    assert.equal((await store.history({})).length, 10_000);
    assert.deepEqual(log.lines, ['warn: the history lacks 3 events: the disk could not keep up']);
  });
});
