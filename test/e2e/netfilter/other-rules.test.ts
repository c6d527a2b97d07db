import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { aService } from '../../support/netfilter/a-service.js';
import {
  GUEST,
  PUBLISHED,
  RoutedNetwork,
  TCP_PORT,
  type Client,
  type Guest,
  type LabDoorman,
} from '../../support/netfilter/routed-network.js';
import { requireTool } from '../../support/require-tool.js';

/** A first packet that was lost comes again after a second. */
const RETRANSMITTED = 900;

/** A port of the guest that its firewall lets nobody reach, and one at which the host has it published. */
const CLOSED = 81;
const PUBLISHED_PORT = 8_080;

/** What /etc/nftables.conf of a host may look like: with all that was there before gone first. */
const FIREWALL = `flush ruleset
table inet firewall {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    ip daddr ${GUEST.ipv4} tcp dport ${TCP_PORT} accept
  }
  chain output {
    type filter hook output priority filter; policy accept;
    ct state invalid drop
    ip daddr ${GUEST.ipv4} tcp dport ${CLOSED} drop
  }
}
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr ${PUBLISHED.ipv4} tcp dport ${PUBLISHED_PORT} dnat to ${GUEST.ipv4}:${TCP_PORT}
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr ${PUBLISHED.ipv4} tcp dport ${PUBLISHED_PORT} dnat to ${GUEST.ipv4}:${TCP_PORT}
  }
}
`;

/** What dockerd has there from its start on, with a bridge of its own. */
const DOCKER = `*filter
:FORWARD DROP
:DOCKER -
:DOCKER-ISOLATION-STAGE-1 -
:DOCKER-ISOLATION-STAGE-2 -
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br0 -j DOCKER
-A FORWARD -i br0 ! -o br0 -j ACCEPT
-A FORWARD -i br0 -o br0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i br0 ! -o br0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o br0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.77.0.0/24 ! -o br0 -j MASQUERADE
-A DOCKER -i br0 -j RETURN
COMMIT
`;

/** What it adds when it starts a container with a published port, and takes away when that stops. */
const CONTAINER = [
  ['-t', 'nat', 'DOCKER', '!', '-i', 'br0', '-p', 'tcp', '--dport', `${PUBLISHED_PORT}`].concat([
    '-j',
    'DNAT',
    '--to-destination',
    `${GUEST.ipv4}:${TCP_PORT}`,
  ]),
  ['-t', 'filter', 'DOCKER', '-d', `${GUEST.ipv4}/32`, '!', '-i', 'br0', '-o', 'br0', '-p', 'tcp'].concat([
    '--dport',
    `${TCP_PORT}`,
    '-j',
    'ACCEPT',
  ]),
] as const;

describe('the gate beside the rules of others', function () {
  this.timeout(60_000);
  let network: RoutedNetwork;
  let guest: Guest;
  let doorman: LabDoorman;
  let clients: Readonly<Record<'routed' | 'host', Client>>;

  before(async function () {
    for (const tool of ['nft', 'iptables'] as const) requireTool(this, tool);
    network = await RoutedNetwork.create(this);
    guest = await network.startGuest();
    clients = { routed: await network.startClient('routed'), host: await network.startClient('host') };
  });
  after(() => network?.[Symbol.asyncDispose]());
  beforeEach(() => guest.halt());
  afterEach(() => doorman.end());

  const load = (rules: string): Promise<string> => network.host.run('nft', rules);
  const restore = (rules: string): Promise<string> =>
    network.host.run('sh', '-c', `exec iptables-restore <<'END'\n${rules}END`);

  /** Boots the guest, and releases what is held for it. @param meanwhile done before its service is known to answer */
  const bootAndRelease = async (meanwhile: () => Promise<unknown> = async () => undefined): Promise<void> => {
    await guest.boot(50);
    await meanwhile();
    await doorman.order({ probe: [[GUEST.ipv4], TCP_PORT] });
    await doorman.order({ release: ['www', 'deliver'] });
  };

  const knocked = (times: number): Promise<void> =>
    eventually(() => assert.equal(doorman.knocks.length, times, JSON.stringify(doorman.knocks)));

  const isDelivered = async (connection: ReturnType<Client['tcp']>, held = 0): Promise<void> => {
    const { error, took } = await connection;
    assert.equal(error, undefined);
    assert.ok(took < held + RETRANSMITTED, `${took} ms`);
  };

  describe('of nft', () => {
    beforeEach(async () => {
      await load(FIREWALL);
      doorman = await network.startDoorman();
    });
    afterEach(() => load('flush ruleset'));

    for (const place of ['routed', 'host'] as const) {
      it(`is not knocked at by what they drop, and delivers what they let pass, ${place}`, async () => {
        const ports = [TCP_PORT, CLOSED].map((port) => ({ protocol: 'tcp', port }) as const);
        await doorman.order({ arm: [aService({ ports })] });
        const { error } = await clients[place].tcp(GUEST.ipv4, { port: CLOSED, limit: 400 });
        assert.equal(error, 'timeout');
        assert.deepEqual(doorman.knocks, []);
        const connection = clients[place].tcp();
        await knocked(1);
        await bootAndRelease();
        await isDelivered(connection);
      });

      it(`holds what they send on to the guest, and its retransmissions, beside "ct state invalid drop", ${place}`, async () => {
        await doorman.order({ arm: [aService()] });
        const begin = performance.now();
        const connection = clients[place].tcp(PUBLISHED.ipv4, { port: PUBLISHED_PORT });
        await knocked(1);
        assert.equal(doorman.knocks[0]?.port, TCP_PORT);
        await sleep(1_500);
        await bootAndRelease();
        // After the one of the first second, the next retransmission would come after three.
        await isDelivered(connection, performance.now() - begin);
        await knocked(1);
      });
    }

    it('loses nothing when all rules are flushed, and made anew, while it is armed and while it holds', async () => {
      await doorman.order({ arm: [aService()] });
      const { tables } = await network.held();
      const own = tables.find((name) => name.startsWith('jitsu_'));
      await load('flush ruleset');
      assert.deepEqual((await network.held()).tables, [own]);
      await load(FIREWALL);
      const begin = performance.now();
      const connection = clients.routed.tcp();
      await knocked(1);
      await load('flush ruleset');
      await load(FIREWALL);
      assert.ok((await network.held()).tables.includes(own ?? ''));
      await bootAndRelease();
      await isDelivered(connection, performance.now() - begin);
      await assert.rejects(load(`delete table inet ${own}`), /not permitted/);
    });
  });

  describe('of Docker, by iptables', () => {
    beforeEach(() => restore(DOCKER));
    afterEach(() => load('flush ruleset'));

    const change = async (how: '-A' | '-D'): Promise<void> => {
      for (const [option, table, chain, ...rule] of CONTAINER) {
        await network.host.run('iptables', option as string, table as string, how, chain as string, ...rule);
      }
    };

    for (const [rung, place] of [
      ['a queue', 'routed'],
      ['a queue', 'host'],
      ['NFLOG', 'routed'],
      ['NFLOG', 'host'],
    ] as const) {
      it(`holds by ${rung} for a published port, which is nobody's while its container is stopped, ${place}`, async () => {
        doorman = await network.startDoorman(rung === 'NFLOG' ? { rungs: [rung] } : {});
        const published = aService({
          addresses: [PUBLISHED.ipv4],
          ports: [{ protocol: 'tcp', port: PUBLISHED_PORT }],
          macs: [],
        });
        for (let cycle = 1; cycle <= 2; cycle += 1) {
          await doorman.order({ arm: [published] });
          const connection = clients[place].tcp(PUBLISHED.ipv4, { port: PUBLISHED_PORT });
          await knocked(cycle);
          await bootAndRelease(() => change('-A'));
          await isDelivered(connection);
          await isDelivered(clients[place].tcp(PUBLISHED.ipv4, { port: PUBLISHED_PORT }));
          await doorman.order({ arm: [published] });
          await guest.halt();
          await change('-D');
        }
      });
    }
  });
});
