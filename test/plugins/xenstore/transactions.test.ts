import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import type { Xenstore } from '#xenstore/xenstore.js';
import type { XenstoreNodes } from '#xenstore/xenstore-nodes.js';
import { PrivateXenstored } from '../../support/xenstore/private-xenstored.js';
import { opened, outcome } from '../../support/xenstore/opened.js';

describe('a transaction in xenstored', () => {
  let daemon: PrivateXenstored | undefined;
  let xenstore: Xenstore;
  let other: Xenstore;

  before(async function () {
    this.timeout(120_000);
    daemon = await PrivateXenstored.start(this);
    xenstore = await opened(daemon);
    other = await opened(daemon);
  });

  after(async () => {
    await xenstore?.close();
    await other?.close();
    await daemon?.[Symbol.asyncDispose]();
  });

  it('shows its changes to itself, and to others when it has ended', async () => {
    const result = await xenstore.transaction(async (nodes) => {
      await nodes.write('/whole/a', '1');
      await nodes.write('/whole/b', '2');
      assert.equal(await nodes.read('/whole/a'), '1');
      assert.equal(await other.exists('/whole/a'), false);
      assert.equal(await xenstore.exists('/whole/a'), false);
      return 'result';
    });
    assert.equal(result, 'result');
    assert.deepEqual([...(await other.directory('/whole'))].sort(), ['a', 'b']);
  });

  it('changes nothing when it fails, and passes the failure on', async () => {
    const failure = new Error('never mind');
    const failing = xenstore.transaction(async (nodes) => {
      await nodes.write('/nothing', '1');
      throw failure;
    });
    await assert.rejects(failing, failure);
    assert.equal(await other.exists('/nothing'), false);
  });

  it('is tried again, on a fresh view, when somebody else has changed what it read', async () => {
    await xenstore.write('/counter', '1');
    const seen: string[] = [];
    await xenstore.transaction(async (nodes) => {
      const value = await nodes.read('/counter');
      seen.push(value);
      if (seen.length <= 2) await other.write('/counter', String(Number(value) + 10));
      await nodes.write('/counter', String(Number(value) + 1));
    });
    assert.deepEqual(seen, ['1', '11', '21']);
    assert.equal(await other.read('/counter'), '22');
  });

  it('loses nothing when ten count side by side', async () => {
    await xenstore.write('/sum', '0');
    const clients = await Promise.all(Array.from({ length: 10 }, () => opened(daemon!)));
    const count = (client: Xenstore): Promise<void> =>
      client.transaction(async (nodes) => nodes.write('/sum', String(Number(await nodes.read('/sum')) + 1)));
    await Promise.all(clients.map(count));
    assert.equal(await xenstore.read('/sum'), '10');
    await Promise.all(clients.map((client) => client.close()));
  });

  it('gives up with EAGAIN when others get in between each time', async () => {
    await xenstore.write('/contested', '0');
    let attempts = 0;
    const hopeless = xenstore.transaction(async (nodes) => {
      await nodes.read('/contested');
      await other.write('/contested', String((attempts += 1)));
      await nodes.write('/contested', 'ours');
    });
    assert.equal(await outcome(hopeless), 'EAGAIN');
    assert.equal(attempts, 50);
    assert.equal(await xenstore.read('/contested'), '50');
  });

  it('cannot be used when it has ended', async () => {
    let kept: XenstoreNodes | undefined;
    await xenstore.transaction(async (nodes) => (kept = nodes));
    assert.equal(await outcome(kept!.write('/late', '1')), 'EINVAL');
    assert.equal(await other.exists('/late'), false);
  });

  it('does not go on over another connection than its own', async function () {
    await using own = await PrivateXenstored.start(this);
    await using client = await opened(own);
    let attempts = 0;
    const cut = client.transaction(async (nodes) => {
      attempts += 1;
      await nodes.write('/cut', '1');
      await own.kill();
      await own.start();
      await eventually(() => client.exists('/'));
      await nodes.write('/cut', '2');
    });
    assert.equal(await outcome(cut), 'JITSU_BACKEND_UNREACHABLE');
    assert.equal(attempts, 1);
    assert.equal(await client.exists('/cut'), false);
  });
});
