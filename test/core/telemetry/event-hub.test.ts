import assert from 'node:assert/strict';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import type { Notifier } from '#core/contracts/notifier.js';
import { EventHub } from '#core/telemetry/event-hub.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';

describe('the event hub', () => {
  let clock: ManualClock;
  let log: MemoryLogger;
  let hub: EventHub;

  beforeEach(() => {
    clock = new ManualClock();
    log = new MemoryLogger();
    hub = new EventHub(clock, log);
  });

  function addNotifier(name: string, notifier: Notifier): void {
    hub.addNotifier(name, notifier, () => true);
  }

  function emitNumbers(count: number): void {
    for (let at = 0; at < count; at += 1) hub.emit(anEvent({ at }));
  }

  it('tells listeners at once and notifiers later', async () => {
    const told: string[] = [];
    addNotifier('slow', { notify: async () => void told.push('notifier') });
    hub.listen(() => told.push('listener'));
    hub.emit(anEvent());
    assert.deepEqual(told, ['listener']);
    await hub.close();
    assert.deepEqual(told, ['listener', 'notifier']);
  });

  it('tells a listener nothing any more once it is disposed', () => {
    const told: LifecycleEvent[] = [];
    const listening = hub.listen((event) => told.push(event));
    emitNumbers(1);
    listening[Symbol.dispose]();
    emitNumbers(1);
    assert.equal(told.length, 1);
  });

  it('tells each notifier one event after the other, in order', async () => {
    const told: number[] = [];
    let busy = 0;
    addNotifier('steady', {
      notify: async ({ at }) => {
        busy += 1;
        assert.equal(busy, 1);
        await new Promise((resolve) => setImmediate(resolve));
        told.push(at);
        busy -= 1;
      },
    });
    emitNumbers(5);
    await hub.close();
    assert.deepEqual(told, [0, 1, 2, 3, 4]);
  });

  it('tells a notifier only what it is to hear', async () => {
    const told: number[] = [];
    hub.addNotifier('choosy', { notify: async ({ at }) => void told.push(at) }, ({ at }) => at % 2 === 0);
    emitNumbers(5);
    await hub.close();
    assert.deepEqual(told, [0, 2, 4]);
  });

  it('tells the others whoever fails, and logs the failure', async () => {
    const told: number[] = [];
    hub.listen(() => {
      throw new Error('listener broke');
    });
    hub.listen(({ at }) => told.push(at));
    addNotifier('throws', {
      notify: () => {
        throw new Error('at once');
      },
    });
    addNotifier('rejects', { notify: async () => Promise.reject(new Error('later')) });
    addNotifier('works', { notify: async ({ at }) => void told.push(at + 100) });
    emitNumbers(2);
    await hub.close();
    assert.deepEqual(told, [0, 1, 100, 101]);
    assert.equal(
      log.lines.filter((line) => line === 'error: a listener failed on "ready" of hello: listener broke').length,
      2,
    );
    const warning = (name: string, why: string) => `warn: the notifier ${name} failed on "ready" of hello: ${why}`;
    assert.equal(log.lines.filter((line) => line === warning('throws', 'at once')).length, 2);
    assert.equal(log.lines.filter((line) => line === warning('rejects', 'later')).length, 2);
  });

  it('drops events for a notifier that hangs, says so once, and waits 2 s for it at the end', async () => {
    addNotifier('hangs', { notify: () => new Promise(() => {}) });
    emitNumbers(1_010);
    assert.deepEqual(log.lines, ['warn: the notifier hangs is too slow: it misses events']);
    let closed = false;
    const closing = hub.close().then(() => (closed = true));
    await clock.advance(1_999);
    assert.equal(closed, false);
    await clock.advance(1);
    await closing;
    assert.equal(log.lines.at(-1), 'warn: the notifier hangs was not told 1000 last events');
    assert.equal(clock.pending, 0);
  });
});
