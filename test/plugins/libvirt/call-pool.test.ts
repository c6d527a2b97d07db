import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CallFailed } from '#libvirt/call-failed.js';
import { CallPool } from '#libvirt/call-pool.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';

const PLUGIN = new URL('../../../../plugins/libvirt/dist/', import.meta.url).href;

/**
 * Closes a pool sooner and later after its thread was started: while that loads what it needs, and when it has made its
 * call. As in a backend, the thread of libvirt's events keeps the library loaded.
 */
const CLOSES_EARLY = `
import { setTimeout as sleep } from 'node:timers/promises';
import { CallPool } from '${PLUGIN}call-pool.js';
import { EventLoop } from '${PLUGIN}event-loop.js';
const callAndClose = async (delay) => {
  const pool = new CallPool(1);
  const call = pool.call('findByName', null, 'nobody').catch(({ failure }) => failure.kind);
  await delay(call);
  await pool.close();
  return await call;
};
await EventLoop.shared();
const begin = performance.now();
const ends = [await callAndClose((call) => call)];
const whole = performance.now() - begin;
for (let n = 0; n < 40; n += 1) ends.push(await callAndClose(() => sleep((whole * n) / 40)));
console.log(JSON.stringify([...new Set(ends)].sort()));
`;

/** Of a connection that is none: the shortest call that libvirt refuses. */
const refused = (pool: CallPool): Promise<unknown> => pool.call('findByName', null as unknown as bigint, 'nobody');

const isRefusal = (error: unknown): boolean => error instanceof CallFailed && error.failure.kind === 'refused';
const isClosing = (error: unknown): boolean => error instanceof CallFailed && error.failure.kind === 'closed';

describe("the threads that call libvirt's library", function () {
  this.timeout(60_000);

  before(function () {
    using _driver = TestDriver.open(this);
  });

  it("make each call, and bring back libvirt's refusal, however many are asked for at once", async () => {
    const pool = new CallPool(2);
    await Promise.all(Array.from({ length: 20 }, () => assert.rejects(refused(pool), isRefusal)));
    await pool.close();
  });

  it('are no more than the pool has room for', async () => {
    let threads = 0;
    const count = (): void => void (threads += 1);
    process.on('worker', count);
    const pool = new CallPool(2);
    try {
      await Promise.all(Array.from({ length: 10_000 }, () => assert.rejects(refused(pool), isRefusal)));
      assert.ok(threads >= 1 && threads <= 2, `${threads} threads`);
    } finally {
      process.off('worker', count);
      await pool.close();
    }
  });

  it('tell whoever waits when they are closed, and are started anew by the next call', async () => {
    const pool = new CallPool(1);
    const calls = Array.from({ length: 3 }, () => assert.rejects(refused(pool), isClosing));
    await pool.close();
    await Promise.all(calls);
    await assert.rejects(refused(pool), isRefusal);
    await pool.close();
    await pool.close();
  });

  it('can be closed at any moment, also while they load the library', async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      ...['--input-type=module', '--eval', CLOSES_EARLY],
    ]);
    assert.deepEqual({ ends: JSON.parse(stdout) as unknown, stderr }, { ends: ['closed', 'refused'], stderr: '' });
  });
});
