import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { SystemClock } from '#core/clock.js';
import type { Clock } from '#core/contracts/clock.js';
import { eventually, isPending } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { describeReadinessProbe } from '@jitsud/core/testing';
import { XenstoreKeyProbe } from '#xenstore/xenstore-key-probe.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { FakeXenstored } from '../../support/xenstore/fake-xenstored.js';
import { opened } from '../../support/xenstore/opened.js';
import { PrivateXenstored } from '../../support/xenstore/private-xenstored.js';

const HOUR = 3_600_000;

describe('waiting for a key', () => {
  let daemon: PrivateXenstored;
  let domains = 0;

  before(async function () {
    this.timeout(120_000);
    daemon = await PrivateXenstored.start(this);
  });

  after(() => daemon?.[Symbol.asyncDispose]());

  const aTarget = () => ({ name: 'web', id: randomUUID(), addresses: ['192.0.2.1'], domainId: (domains += 1) });

  /** The environment counts when the probe is made, which takes no time in which anybody else could look. */
  const aProbe = (
    { timeout = HOUR, key = 'data/ready', clock = new SystemClock() as Clock, logger = new MemoryLogger() },
    { socket } = daemon as { socket: string },
  ): XenstoreKeyProbe => {
    const before = process.env['XENSTORED_PATH'];
    process.env['XENSTORED_PATH'] = socket;
    try {
      return new XenstoreKeyProbe({ key, timeout }, clock, logger);
    } finally {
      if (before === undefined) delete process.env['XENSTORED_PATH'];
      else process.env['XENSTORED_PATH'] = before;
    }
  };

  const write = async (path: string): Promise<void> => {
    await using xenstore = await opened(daemon);
    await xenstore.write(path, '');
  };

  describeReadinessProbe('the xenstore-key probe', {
    probe: () => aProbe({}),
    service: () => {
      const target = aTarget();
      return { target, answer: () => write(`/local/domain/${target.domainId}/data/ready`), end: () => undefined };
    },
  });

  it('takes the key of its own domain only, and no other of that', async () => {
    const target = aTarget();
    const controller = new AbortController();
    const ready = aProbe({}).untilReady(target, controller.signal);
    await write(`/local/domain/${target.domainId}0/data/ready`);
    await write(`/local/domain/${target.domainId}/data/ready-not`);
    await write(`/local/domain/${target.domainId}/data`);
    assert.ok(await isPending(ready));
    await write(`/local/domain/${target.domainId}/data/ready`);
    await ready;
  });

  it('is over after its time: the unikernel passes for ready, and the log has a warning', async () => {
    const clock = new ManualClock();
    const logger = new MemoryLogger();
    const target = aTarget();
    const ready = aProbe({ timeout: 2_000, clock, logger }).untilReady(target, new AbortController().signal);
    await clock.advance(1_999);
    assert.ok(await isPending(ready));
    await clock.advance(1);
    await ready;
    const path = `/local/domain/${target.domainId}/data/ready`;
    assert.deepEqual(logger.lines, [
      `warn: web: no xenstore key ${path} after 2 s; answering all the same. Does the guest write it?`,
    ]);
    assert.deepEqual(logger.entries[0]?.fields, { plugin: 'xenstore', unikernel: 'web', path });
    assert.equal(clock.pending, 0);
  });

  it('is over after its time when there is no xenstored, and when it says nothing, and the log has why', async () => {
    await using silent = await FakeXenstored.start();
    const signal = new AbortController().signal;
    for (const [socket, why] of [
      ['/no/such/socket', /Is this a Xen dom0/],
      [silent.socket, /Does the guest write it\?$/],
    ] as const) {
      const clock = new ManualClock();
      const logger = new MemoryLogger();
      const ready = aProbe({ timeout: 2_000, clock, logger }, { socket }).untilReady(aTarget(), signal);
      for (let step = 0; step < 200; step += 1) await clock.advance(10);
      await ready;
      assert.equal(logger.lines.length, 1);
      assert.match(logger.lines[0] ?? '', why);
      assert.equal(clock.pending, 0);
    }
    await eventually(() => assert.equal(silent.peers.size, 0));
  });

  it('goes on when xenstored starts late, and when it starts anew', async function () {
    await using own = await PrivateXenstored.start(this);
    await own.kill();
    const logger = new MemoryLogger();
    const target = aTarget();
    const ready = aProbe({ logger }, own).untilReady(target, new AbortController().signal);
    assert.ok(await isPending(ready));
    await own.start();
    assert.ok(await isPending(ready));
    await own.kill();
    await own.start();
    await using xenstore = await opened(own);
    await xenstore.write(`/local/domain/${target.domainId}/data/ready`, '1');
    await ready;
  });

  it('is over at once where the backend tells no domain id, and the log says what to do', async () => {
    const logger = new MemoryLogger();
    const { domainId: _none, ...target } = aTarget();
    await aProbe({ logger }).untilReady(target, new AbortController().signal);
    assert.deepEqual(logger.lines, [
      "warn: web: no domain id below which to look for 'data/ready'; answering all the same. Do not wait for a key, or give it a backend of Xen: libxl, or libvirt at xen:///.",
    ]);
  });
});
