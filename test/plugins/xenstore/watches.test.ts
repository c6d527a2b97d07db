import assert from 'node:assert/strict';
import { eventually, isPending } from '#core/testing/eventually.js';
import type { Xenstore } from '#xenstore/xenstore.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { PrivateXenstored } from '../../support/xenstore/private-xenstored.js';
import { opened, outcome } from '../../support/xenstore/opened.js';

describe('a watch in xenstored', () => {
  let daemon: PrivateXenstored | undefined;
  let xenstore: Xenstore;

  before(async function () {
    this.timeout(120_000);
    daemon = await PrivateXenstored.start(this);
    xenstore = await opened(daemon);
  });

  after(async () => {
    await xenstore?.close();
    await daemon?.[Symbol.asyncDispose]();
  });

  /** What a watch has told so far, from when its first call has come. */
  const watching = async (path: string): Promise<{ paths: string[] } & AsyncDisposable> => {
    const paths: string[] = [];
    const watch = await xenstore.watch(path, (changed) => paths.push(changed));
    await eventually(() => assert.deepEqual(paths, [path]));
    return Object.assign(watch, { paths });
  };

  it('tells at once of itself, then of each change of its node and of what is below', async () => {
    await using watch = await watching('/watched');
    await using other = await opened(daemon!);
    await other.write('/watched', 'one');
    await other.write('/watched/a/b', 'two');
    await other.setPermissions('/watched/a', { owner: 0, others: 'read', grants: [] });
    await other.write('/watched-not', 'three');
    await other.rm('/watched/a');
    await eventually(() => assert.equal(watch.paths.length, 5));
    assert.deepEqual(watch.paths, ['/watched', '/watched', '/watched/a/b', '/watched/a', '/watched/a']);
  });

  it('tells of what a transaction has changed when that has ended, and not before', async () => {
    await using watch = await watching('/by-transaction');
    await xenstore.transaction(async (nodes) => {
      await nodes.write('/by-transaction/a', '1');
      await nodes.write('/by-transaction/b', '2');
      await xenstore.read('/');
      assert.equal(watch.paths.length, 1);
    });
    await eventually(() => assert.deepEqual(watch.paths.slice(1).sort(), ['/by-transaction/a', '/by-transaction/b']));
  });

  it('is told apart from others of the same node, and ends by itself', async () => {
    await using first = await watching('/twice');
    const second = await watching('/twice');
    await xenstore.write('/twice', '1');
    await eventually(() => assert.equal(first.paths.length + second.paths.length, 4));
    await second[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await xenstore.write('/twice', '2');
    await eventually(() => assert.equal(first.paths.length, 3));
    assert.equal(second.paths.length, 2);
  });

  it('hears of domains that come, and of those that end, crash or are destroyed', async () => {
    await using coming = await watching('@introduceDomain');
    await using going = await watching('@releaseDomain');
    for (const id of [11, 12, 13]) await daemon!.introduce(id);
    await eventually(() => assert.equal(coming.paths.length, 4));
    assert.deepEqual(new Set(coming.paths), new Set(['@introduceDomain']));

    daemon!.setDomain(11, 'shutdown');
    await eventually(() => assert.equal(going.paths.length, 2));
    daemon!.setDomain(12, 'crashed');
    await eventually(() => assert.equal(going.paths.length, 3));
    assert.equal(await xenstore.isDomainIntroduced(12), true, 'it is there still, to be looked at');
    daemon!.removeDomain(13);
    await eventually(() => assert.equal(going.paths.length, 4));
    assert.equal(await xenstore.isDomainIntroduced(13), false);
  });

  it('is refused for what cannot be watched', async () => {
    for (const path of ['', 'relative', '/a/', '@', '@introduce Domain', '@a\0']) {
      assert.equal(await outcome(xenstore.watch(path, () => undefined)), 'EINVAL', path);
    }
  });

  it('goes on when its listener fails, and the log has why', async () => {
    const logger = new MemoryLogger();
    await using client = await opened(daemon!, { logger });
    let calls = 0;
    await using _watch = await client.watch('/failing', () => {
      calls += 1;
      throw new Error('no more');
    });
    await client.write('/failing', '1');
    await eventually(() => assert.equal(calls, 2));
    assert.deepEqual(logger.lines, Array(2).fill('error: a listener for /failing failed: no more'));
  });

  it('can be ended by its own listener, as can the connection', async () => {
    const client = await opened(daemon!);
    const ended = new Promise<void>((resolve, reject) => {
      client
        .watch('/ends', (path) => {
          if (path === '/ends/now') client.close().then(resolve, reject);
        })
        .then(() => client.write('/ends/now', ''))
        .catch((error: unknown) => assert.equal((error as { code?: string }).code, 'JITSU_BACKEND_UNREACHABLE'));
    });
    assert.equal(await isPending(ended, 5_000), false);
    await ended;
  });
});
