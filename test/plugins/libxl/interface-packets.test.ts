import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describeActivitySource } from '@jitsud/core/testing';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { interfacePackets } from '#libxl/interface-packets.js';
import { LibxlBackend } from '#libxl/libxl-backend.js';
import { connectionOptions } from '#libxl/libxl-options.js';
import { FakeXen } from '../../support/libxl/fake-xen.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** The interfaces of a host as its kernel shows them below /sys/class/net. */
class HostInterfaces {
  readonly folder = new TemporaryFolder();

  count(name: string, received: number | string, sent: number): void {
    const statistics = this.folder.in(name, 'statistics');
    mkdirSync(statistics, { recursive: true });
    writeFileSync(`${statistics}/rx_packets`, `${received}\n`);
    writeFileSync(`${statistics}/tx_packets`, `${sent}\n`);
  }

  remove(name: string): void {
    rmSync(this.folder.in(name), { recursive: true });
  }
}

describe('the packets of a guest of Xen', () => {
  let host: HostInterfaces;

  beforeEach(() => {
    host = new HostInterfaces();
    host.count('vif7.0', 3, 4);
  });

  afterEach(() => host.folder[Symbol.dispose]());

  const packets = (domainId: number, interfaces: number): Promise<number> =>
    interfacePackets(domainId, interfaces, host.folder.path);

  it('are those of all of its interfaces and both directions, and of no other guest', async () => {
    host.count('vif7.1', 10, 20);
    host.count('vif71.0', 1_000, 1_000);
    host.count('vif7.0-emu', 1_000, 1_000);
    host.count('eth0', 1_000, 1_000);
    assert.equal(await packets(7, 2), 37);
  });

  it('are none where it has no interface', async () => {
    assert.equal(await packets(8, 0), 0);
  });

  it('are not known where an interface of it is not of this host, which is never taken for none', async () => {
    assert.match(
      (await rejectsWithCode(packets(7, 2), 'JITSU_BACKEND_FAILED')).message,
      /has 2 interfaces, of which this host has vif7\.0$/,
    );
    assert.match(
      (await rejectsWithCode(packets(8, 1), 'JITSU_BACKEND_FAILED')).message,
      /the domain 8 .* of which this host has none$/,
    );
    host.count('vif9.0', 'many', 1);
    assert.match(
      (await rejectsWithCode(packets(9, 1), 'JITSU_BACKEND_FAILED')).message,
      /rx_packets has 'many', which is no count$/,
    );
    rmSync(host.folder.in('vif7.0', 'statistics', 'tx_packets'));
    assert.match((await rejectsWithCode(packets(7, 1), 'JITSU_BACKEND_FAILED')).message, /an interface of it is gone$/);
  });
});

describe('the libxl backend', () => {
  let xen: FakeXen;
  let host: HostInterfaces;
  let clock: ManualClock;
  let backend: LibxlBackend;
  let machine: string;
  let domainId: number;

  const open = (trafficThreshold?: number): LibxlBackend => {
    const options = connectionOptions.parse({ saves: xen.saves, trafficThreshold });
    const parts = { ...xen.parts, interfaces: host.folder.path };
    return new LibxlBackend(options, 'libxl', xen.folder.path, [], clock, new MemoryLogger(), parts);
  };

  const endpoints = (): ServiceEndpoints => ({
    ...{ unikernel: 'web', machine, addresses: ['192.0.2.7'], ports: [], macs: [], domainId },
    rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
  });

  const setUp = async (): Promise<void> => {
    clock = new ManualClock();
    host = new HostInterfaces();
    xen = await FakeXen.start();
    backend = open(100);
    await backend.connect();
    const guest = await backend.machine({ name: 'web', options: xen.options('web', { nic: 'br0' }) });
    await guest.start();
    machine = guest.id;
    domainId = (await guest.describe()).domainId!;
    host.count(`vif${domainId}.0`, 5, 5);
  };

  const tearDown = async (): Promise<void> => {
    await backend.close();
    await xen[Symbol.asyncDispose]();
    host.folder[Symbol.dispose]();
  };

  describeActivitySource('with a threshold', {
    setUp,
    tearDown,
    source: () => backend.activity!,
    seen: endpoints,
    unseen: () => ({ ...endpoints(), machine: '' }),
    now: () => clock.now(),
    send: async () => {
      // The first count says nothing of the time before.
      await backend.activity?.observe(endpoints(), new AbortController().signal);
      await clock.advance(60_000);
      host.count(`vif${domainId}.0`, 60, 60);
    },
    breakDown: () => host.remove(`vif${domainId}.0`),
  });

  describe('counts packets', () => {
    beforeEach(setUp);
    afterEach(tearDown);

    it('only where a threshold is configured', () => {
      assert.equal(open().activity, undefined);
      assert.equal(connectionOptions.safeParse({ trafficThreshold: 0 }).success, false);
    });

    it('of the domain that runs now, whatever was looked at before', async () => {
      const never = new AbortController().signal;
      const stale = { ...endpoints(), domainId: 4_711 };
      assert.deepEqual(await backend.activity?.observe(stale, never), { lastPacket: clock.now() });
    });

    it('not of a guest that does not run, and says so', async () => {
      const guest = await backend.machine({ name: 'off', options: xen.options('off') });
      const observed = backend.activity!.observe(
        { ...endpoints(), unikernel: 'off', machine: guest.id },
        new AbortController().signal,
      );
      assert.match(
        (await rejectsWithCode(observed, 'JITSU_BACKEND_FAILED')).message,
        /does not run, so nobody counts its packets$/,
      );
    });
  });
});
