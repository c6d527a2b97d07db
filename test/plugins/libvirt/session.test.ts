import assert from 'node:assert/strict';
import { mock } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { SystemClock } from '#core/clock.js';
import { CallPool } from '#libvirt/call-pool.js';
import { EventLoop } from '#libvirt/event-loop.js';
import { LibvirtConnection } from '#libvirt/libvirt-connection.js';
import type { EventMessage } from '#libvirt/native/event-worker.js';
import type { OpenConnection } from '#libvirt/native/operations.js';
import { Session } from '#libvirt/session.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';
import { MemoryLogger } from '../../support/memory-logger.js';

/** Longer than a few turns of libvirt's event loop, in milliseconds. */
const SOME_TURNS = 350;

const ignore = (): undefined => undefined;

/** Through the real library, with its test driver. */
describe('a session with libvirt', function () {
  this.timeout(20_000);
  let driver: TestDriver;
  let calls: CallPool;

  before(function () {
    driver = TestDriver.open(this);
    calls = new CallPool(1);
  });

  after(async () => {
    await calls.close();
    driver[Symbol.dispose]();
  });

  it('leaves no reference to its connection, and is closed once, however often it is ended', async () => {
    const references: unknown[] = [];
    const call = async (operation: 'open' | 'close', ...parameters: [never, never]): Promise<unknown> => {
      const result = await calls.call(operation, ...parameters);
      if (operation === 'close') references.push(result);
      return result;
    };
    const session = await Session.open(driver.uri, { call } as unknown as CallPool, ignore);
    assert.equal(session.tellsEvents, true);
    await Promise.all([session.end(), session.end()]);
    assert.deepEqual(references, [0]);
  });

  it('is ended by whoever has opened it', async () => {
    const end = mock.method(Session.prototype, 'end');
    try {
      const listener = { onDomain: ignore, onLost: ignore, onBack: ignore };
      const connection = new LibvirtConnection(driver.uri, new SystemClock(), new MemoryLogger(), listener);
      await connection.open();
      assert.equal(end.mock.callCount(), 0);
      await connection.close();
      assert.equal(end.mock.callCount(), 1);
    } finally {
      end.mock.restore();
    }
  });

  it('is not looked at any more when the event loop has forgotten it', async () => {
    const loop = await EventLoop.shared();
    const connection: OpenConnection = await calls.call('open', driver.uri, loop.lifecycle);
    const worker = Reflect.get(loop, 'worker') as Worker;
    const messages: EventMessage[] = [];
    const hear = (message: EventMessage): void => void messages.push(message);
    loop.listen(connection.pointer, { onDomain: ignore, onClosed: ignore });
    worker.on('message', hear);
    try {
      await loop.forget(connection.pointer);
      await calls.call('close', connection);
      await new Promise((resolve) => setTimeout(resolve, SOME_TURNS));
    } finally {
      worker.off('message', hear);
    }
    assert.deepEqual(messages, [{ kind: 'forgotten', connection: connection.pointer }]);
  });
});
