import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { aService } from '../../support/netfilter/a-service.js';
import { GUEST, RoutedNetwork, type Client, type LabDoorman } from '../../support/netfilter/routed-network.js';
import { requireTool } from '../../support/require-tool.js';

/** Guests look whether anybody has their address when they come up, while they are still armed. */
describe('a guest that looks for duplicates of its address', function () {
  this.timeout(60_000);
  let network: RoutedNetwork;
  let doorman: LabDoorman;
  let client: Client;
  let busybox: string;

  before(async function () {
    busybox = requireTool(this, 'busybox');
    network = await RoutedNetwork.create(this);
    doorman = await network.startDoorman({ bridges: ['br0'] });
    client = await network.startClient('bridge');
  });
  after(() => network[Symbol.asyncDispose]());

  beforeEach(async () => {
    await network.bridge.run('ip', 'neigh', 'flush', 'all');
    await doorman.order({ arm: [aService()], verdict: 'hold' });
    await network.guest.run('ip', 'link', 'set', 'eth0', 'up');
  });
  afterEach(async () => {
    await doorman.order({ release: ['www', 'drop'] });
    await network.guest.run('ip', 'link', 'set', 'eth0', 'down');
  });

  /** A neighbour asks for it meanwhile, and is answered in its place. */
  const whileItIsCalled = async (address: string, look: () => Promise<void>): Promise<void> => {
    const knocks = doorman.knocks.length;
    const calling = client.tcp(address, { limit: 4_000 });
    await eventually(() => assert.equal(doorman.knocks.length, knocks + 1));
    await look();
    await doorman.order({ release: ['www', 'refuse'] });
    await calling;
  };

  it('finds none for IPv6 (RFC 4862), nor where it is asked for meanwhile', async () => {
    const guest = network.guest;
    await guest.run('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=1', 'net.ipv6.conf.eth0.dad_transmits=2');
    await guest.run('ip', 'address', 'del', `${GUEST.ipv6}/64`, 'dev', 'eth0');
    try {
      await whileItIsCalled(GUEST.ipv6, async () => {
        await guest.run('ip', 'address', 'add', `${GUEST.ipv6}/64`, 'dev', 'eth0');
        assert.match(await guest.run('ip', '-6', '-o', 'address', 'show', 'dev', 'eth0'), /fd77::80.*tentative/);
        await eventually(async () => {
          const shown = await guest.run('ip', '-6', '-o', 'address', 'show', 'dev', 'eth0');
          assert.doesNotMatch(shown, /dadfailed/);
          assert.doesNotMatch(shown, /fd77::80.*tentative/);
        }, 10_000);
      });
    } finally {
      await guest.run('ip', 'address', 'replace', `${GUEST.ipv6}/64`, 'dev', 'eth0', 'nodad');
    }
  });

  it('finds none for IPv4 (RFC 5227), nor where it is asked for meanwhile', async () => {
    // An answer with the MAC of the guest that looks would be no duplicate.
    await doorman.order({ arm: [aService({ macs: ['02:00:00:00:00:99'] })] });
    await whileItIsCalled(GUEST.ipv4, async () => {
      // Some systems look before they have the address.
      await network.guest.run('ip', 'address', 'del', `${GUEST.ipv4}/24`, 'dev', 'eth0');
      try {
        await network.guest.run(busybox, 'arping', '-D', '-I', 'eth0', '-c', '2', '-w', '2', GUEST.ipv4);
      } finally {
        await network.guest.run('ip', 'address', 'add', `${GUEST.ipv4}/24`, 'dev', 'eth0');
      }
    });
  });

  it('finds the one that somebody else really has', async () => {
    await network.bridge.run('ip', 'address', 'add', `${GUEST.ipv4}/32`, 'dev', 'eth0');
    try {
      await sleep(50);
      const look = network.guest.run(busybox, 'arping', '-D', '-I', 'eth0', '-c', '2', '-w', '2', GUEST.ipv4);
      await assert.rejects(look);
    } finally {
      await network.bridge.run('ip', 'address', 'del', `${GUEST.ipv4}/32`, 'dev', 'eth0');
    }
  });
});
