import assert from 'node:assert/strict';
import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import { JitsuError } from '#core/errors.js';
import { FallbackStateStore } from '#core/state/fallback-state-store.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { aRegistration, anEvent, someCounters } from '../../support/store-records.js';
import { StoreThatFails } from '../../support/store-that-fails.js';

const unreadable = new JitsuError('JITSU_STORE_UNREADABLE', 'The store cannot be used: for a test.');

class DurableStore extends StoreThatFails {
  override readonly durable = true as boolean as false;
  openings: Promise<void> = Promise.resolve();
  closed = 0;

  override async open(): Promise<void> {
    await this.openings;
  }

  override async close(): Promise<void> {
    this.closed += 1;
  }
}

describe('the state store with one in memory to fall back to', () => {
  let configured: DurableStore;
  let log: MemoryLogger;
  let store: FallbackStateStore;

  beforeEach(() => {
    configured = new DurableStore();
    log = new MemoryLogger();
    store = new FallbackStateStore(configured, new MemoryStateStore(), log);
  });

  it('is the configured one as long as that works', async () => {
    await store.open();
    await store.saveRegistrations([aRegistration()]);
    await store.saveCounters([someCounters()]);
    await store.appendEvent(anEvent());
    assert.deepEqual(await configured.registrations(), [aRegistration()]);
    assert.deepEqual(await store.registrations(), [aRegistration()]);
    assert.deepEqual(await configured.counters(), await store.counters());
    assert.deepEqual(await configured.history({}), await store.history({}));
    assert.deepEqual([store.durable, store.problem, log.lines], [true, undefined, []]);
    await store.close();
    assert.equal(configured.closed, 1);
  });

  it('is the one in memory where the configured one cannot be opened, and says why', async () => {
    configured.openings = Promise.reject(unreadable);
    await store.open();
    await store.appendEvent(anEvent());
    assert.deepEqual(await store.history({}), [anEvent()]);
    assert.deepEqual(await configured.history({}), []);
    assert.equal(store.durable, false);
    assert.equal(
      store.problem,
      'The store cannot be used: for a test. Counters and history are kept in memory, until Jitsu ends',
    );
    assert.deepEqual(log.lines, [`warn: ${store.problem}; with state.required, Jitsu would not start`]);
    await store.close();
    assert.equal(configured.closed, 0, 'it has not been opened');
  });

  it('is the one in memory where the configured one does not tell its counters, which are not written over', async () => {
    await configured.saveCounters([someCounters({ totalStarts: 7 })]);
    await store.open();
    const counters = configured.counters.bind(configured);
    configured.counters = () => Promise.reject(unreadable);
    assert.deepEqual(await store.counters(), []);
    await store.saveCounters([someCounters({ totalStarts: 1 })]);
    assert.equal((await counters())[0]?.totalStarts, 7);
    assert.match(store.problem ?? '', /for a test\. Counters and history are kept in memory/);
    assert.equal(configured.closed, 1);
  });

  it('fails where the store is required, and where another Jitsu uses it', async () => {
    const required = new FallbackStateStore(configured, undefined, log);
    configured.openings = Promise.reject(unreadable);
    await assert.rejects(required.open(), unreadable);
    const inUse = new JitsuError('JITSU_STORE_IN_USE', 'for a test');
    configured.openings = Promise.reject(inUse);
    await assert.rejects(store.open(), inUse);
    configured.saveRegistrations = () => Promise.reject(unreadable);
    await assert.rejects(required.saveRegistrations([aRegistration()]), unreadable);
    configured.counters = () => Promise.reject(unreadable);
    await assert.rejects(required.counters(), unreadable);
  });

  it('says what is wrong for as long as it cannot be written', async () => {
    await store.open();
    configured.failing = true;
    await assert.rejects(store.appendEvent(anEvent()), /no space left/);
    assert.equal(store.problem, 'no space left');
    await assert.rejects(store.saveCounters([someCounters()]), /no space left/);
    configured.failing = false;
    await store.appendEvent(anEvent());
    assert.equal(store.problem, undefined);
  });

  it('lets a start go on that cannot write who its unikernels are, and says so', async () => {
    await store.open();
    configured.saveRegistrations = () => Promise.reject(new Error('no space left'));
    await store.saveRegistrations([aRegistration()]);
    assert.equal(store.problem, 'no space left');
    assert.deepEqual(log.lines, ['warn: the registrations are not kept: no space left']);
  });

  it('answers who asks for the history while it is being opened, once it is', async () => {
    let opened = () => {};
    configured.openings = new Promise((resolve) => (opened = resolve));
    configured.history = async () => [anEvent()];
    const opening = store.open();
    let told = false;
    const history = store.history({}).finally(() => (told = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(told, false);
    opened();
    await opening;
    assert.deepEqual(await history, [anEvent()]);
  });
});
