import assert from 'node:assert/strict';
import type { Clock } from '#core/contracts/clock.js';
import { SystemClock } from '#core/clock.js';
import { connectUntil } from '#core/builtins/connect-until.js';
import { loadSocketCalls, type SocketCalls } from '#core/net/socket-calls.js';
import { assertEchoed, echoServer } from '../../support/echo.js';
import { freePort } from '../../support/free-port.js';
import { openFiles } from '../../support/open-files.js';
import { requireMmsg } from '../../support/udp-transports.js';

const clock = new SystemClock();

for (const way of ['by Node', 'by calls of our own']) {
  describe(`a connection that is tried until somebody listens, ${way}`, function () {
    this.timeout(20_000);
    let calls: SocketCalls | undefined;

    before(async function () {
      if (way === 'by Node') return;
      requireMmsg(this);
      calls = await loadSocketCalls();
    });

    it('comes at the first moment, and can be talked over', async () => {
      const port = await freePort();
      const connection = connectUntil('127.0.0.1', port, clock, AbortSignal.timeout(10_000), { calls });
      await clock.sleep(100);
      const server = echoServer().listen(port, '127.0.0.1');
      try {
        await assertEchoed(await connection);
      } finally {
        server.close();
      }
    });

    it('ends with the reason it is called off for, and leaves no file open', async () => {
      const port = await freePort();
      const before = openFiles();
      const signals = [AbortSignal.abort(new Error('too soon')), AbortSignal.timeout(200)];
      const [soon, late] = await Promise.allSettled(
        signals.map((signal) => connectUntil('127.0.0.1', port, clock, signal, { calls })),
      );
      assert.match(String((soon as PromiseRejectedResult).reason), /too soon/);
      assert.equal(((late as PromiseRejectedResult).reason as Error).name, 'TimeoutError');
      await clock.sleep(10);
      assert.equal(openFiles(), before);
    });
  });
}

describe('a connection that is tried until somebody listens', () => {
  before(function () {
    requireMmsg(this);
  });

  it('asks another machine, and what is no address, by Node alone', async () => {
    const calls = await loadSocketCalls();
    let instant = 0;
    const counting: SocketCalls = { ...calls, socket: (...words) => (instant++, calls.socket(...words)) };
    for (const address of ['224.0.0.1', 'localhost']) {
      const connection = connectUntil(address, 1, clock, AbortSignal.timeout(50), { calls: counting });
      await assert.rejects(connection, { name: 'TimeoutError' });
    }
    assert.equal(instant, 0);
  });

  it('is never one of an attempt with itself', async () => {
    const calls = await loadSocketCalls();
    const port = await freePort();
    let withItself = 0;
    const unfortunate: SocketCalls = {
      ...calls,
      // As it happens when the system chooses the port that is called for that of the caller.
      connect: (descriptor, address, length) => {
        if (calls.bind(descriptor, address, length) === 0) withItself += 1;
        return calls.connect(descriptor, address, length);
      },
    };
    const connection = connectUntil('127.0.0.1', port, clock, AbortSignal.timeout(100), { calls: unfortunate });
    await assert.rejects(connection, { name: 'TimeoutError' });
    assert.ok(withItself > 0, 'there was such an attempt');
  });

  it('makes no more than eight attempts at once where none is decided', async () => {
    // In a single turn of the event loop nothing can be decided.
    const alarms = new Set<{ readonly delay: number; readonly callback: () => void }>();
    let now = 0;
    const standing: Clock = {
      now: () => now,
      wallTime: () => 0,
      sleep: () => Promise.reject(new Error('nobody sleeps here')),
      after: (delay, callback) => {
        const alarm = { delay, callback };
        alarms.add(alarm);
        return { [Symbol.dispose]: () => alarms.delete(alarm) };
      },
    };
    const ring = (which: (delay: number) => boolean): (() => void)[] =>
      [...alarms].filter((alarm) => which(alarm.delay) && alarms.delete(alarm)).map(({ callback }) => callback);
    const ringing = (delay: number): (() => void)[] => ring((each) => each === delay);
    const makeAttempts = (count: number): void => {
      for (let attempt = 0; attempt < count; attempt += 1) for (const make of ring((delay) => delay < 250)) make();
    };
    const controller = new AbortController();
    // No address, so that it is Node that connects.
    const connection = connectUntil('localhost', await freePort(), standing, controller.signal);
    makeAttempts(50);
    const given = ringing(250);
    assert.equal(given.length, 8);
    for (const giveUp of given) giveUp();
    makeAttempts(1);
    assert.equal(ringing(250).length, 1, 'whoever has been given up leaves its place to another');
    makeAttempts(50);
    assert.equal(ringing(250).length, 7);
    for (const [later, more] of [
      [9, 0],
      [1, 1],
      [9, 0],
      [1, 1],
    ] as const) {
      now += later;
      makeAttempts(5);
      assert.equal(ringing(250).length, more, `what is lost does not keep the next one for longer (${now})`);
    }
    controller.abort(new Error('enough'));
    await assert.rejects(connection, /enough/);
    assert.equal(alarms.size, 0);
  });
});
