import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '#core/net/endpoint.js';
import type { DnsAnswer, DnsQuery, Resolver } from '#core/contracts/resolver.js';
import { DnsServer } from '#core/dns/server.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { TcpAbuser } from '../../support/abuse/tcp-abuser.js';
import { askByTcp, askByUdp } from '../../support/dns-exchange.js';
import { dnsCorpus } from '../../support/dns-corpus.js';
import { serverContext } from '../../support/dns-admission.js';
import { DnsLog } from '../../support/dns-log.js';
import { decodeReply, queryBytes } from '../../support/dns-message.js';
import { DnsMutator } from '../../support/dns-mutator.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { heapInUse } from '../../support/heap-in-use.js';
import { numbersFrom } from '../../support/numbers-from.js';

const seed = Number(process.env['JITSU_FUZZ_SEED'] ?? Date.now() % 2 ** 32);
/** How long it goes on, in milliseconds. */
const SPELL = 1_000;
const LANES = 8;
const IDLE = 10_000;
/** The garbage collector and the sockets of Node leave this much behind now and then; hundreds of connections more. */
const MOST_REMEMBERED = 2 ** 20;

const ping = queryBytes('ping.example.org', { id: 0xbeef });
const queries = {
  answered: [ping, queryBytes('slow.example.org', { edns: {} })],
  forsaken: [queryBytes('late.example.org'), queryBytes('late.example.org', { edns: {} })],
};

/** As a summon would, it gives up at last: whoever has only closed his own half might still listen. */
const DEADLINE = 250;

/** Answers at once, after a few milliseconds, or so late that the client should be gone. */
class Dawdler implements Resolver {
  waiting = 0;

  async resolve({ name }: DnsQuery, signal: AbortSignal): Promise<DnsAnswer> {
    this.waiting += 1;
    try {
      if (name.startsWith('slow')) await sleep(5);
      if (name.startsWith('late')) await sleep(DEADLINE, undefined, { signal }).catch(() => undefined);
      return { rcode: 0, answers: [{ name, type: 'A', ttl: 1, address: '192.0.2.1' }] };
    } finally {
      this.waiting -= 1;
    }
  }
}

describe(`the DNS server under abuse of TCP (JITSU_FUZZ_SEED=${seed})`, function () {
  this.timeout(60_000);

  let clock: ManualClock;
  let dawdler: Dawdler;
  let log: DnsLog;
  let server: DnsServer;
  let endpoint: Endpoint;
  let spells = 0;

  /** Starts a server that takes so many connections. */
  async function listen(tcpConnections: number): Promise<void> {
    clock = new ManualClock();
    dawdler = new Dawdler();
    log = new DnsLog();
    const limits = { ...dnsSettings().limits, tcpConnections, tcpConnectionsPerClient: tcpConnections, tcpIdle: IDLE };
    server = new DnsServer(dnsSettings({ limits }), [dawdler], serverContext({ clock, logger: log }));
    await server.listen();
    endpoint = server.listening[0] as Endpoint;
  }

  /** Several abusers side by side, until the time is up and what they left open has been closed for idleness. */
  async function abuse(): Promise<TcpAbuser['tally'][]> {
    const until = performance.now() + SPELL;
    const first = seed + 1_000 * spells++;
    const abusers = Array.from({ length: LANES }, (_, lane) => {
      const numbers = numbersFrom(first + lane);
      return new TcpAbuser(endpoint, queries, new DnsMutator(dnsCorpus, first + lane), numbers, 4);
    });
    await Promise.all(
      abusers.map(async (abuser, lane) => {
        while (performance.now() < until) await (lane === 0 ? abuser.reconnectStorm(20) : abuser.connection());
      }),
    );
    const abandoned = abusers.flatMap(({ abandoned }) => abandoned);
    await Promise.all(abandoned.map((connection) => connection.settled()));
    // What was still on its way when the time jumped begins a new time of idleness.
    while (abandoned.some(({ socket }) => !socket.readableEnded && !socket.destroyed)) {
      await clock.advance(IDLE);
      await sleep(5);
    }
    for (const { closed, socket } of abandoned) {
      socket.end();
      await closed;
    }
    return abusers.map(({ tally }) => tally);
  }

  async function assertServed(): Promise<void> {
    const [byTcp] = await askByTcp(endpoint, ping);
    for (const reply of [byTcp, await askByUdp(endpoint, ping)]) assert.equal(decodeReply(reply).rcode, 'NOERROR');
  }

  async function assertNothingLeft(socketsBefore: number): Promise<void> {
    await sleep(2 * DEADLINE);
    assert.equal(dawdler.waiting, 0, 'queries are still being answered');
    assert.ok(openSockets() <= socketsBefore, `${openSockets()} sockets are open, and before ${socketsBefore}`);
    assert.deepEqual(log.at('error'), []);
  }

  it('answers every valid query of those who stay, and keeps nothing of any of them', async () => {
    const socketsBefore = openSockets();
    await listen(1_000);
    try {
      await abuse();
      const heapBefore = await heapInUse();
      const tallies = await abuse();
      await assertServed();
      await assertNothingLeft(socketsBefore);
      const more = (await heapInUse()) - heapBefore;
      assert.ok(more < MOST_REMEMBERED, `${more} bytes are left`);
      assert.deepEqual(
        tallies.map(({ missing, cutOff }) => ({ missing, cutOff })),
        tallies.map(() => ({ missing: 0, cutOff: 0 })),
      );
    } finally {
      // The clock stands still: this ends only if no query and no connection is left.
      await server.close(0);
    }
  });

  it('still serves newcomers, and keeps nothing, when there are more connections than it takes', async () => {
    const socketsBefore = openSockets();
    await listen(LANES / 2);
    try {
      const tallies = await abuse();
      assert.deepEqual(
        tallies.map(({ missing }) => missing),
        tallies.map(() => 0),
      );
      await assertServed();
      await assertNothingLeft(socketsBefore);
    } finally {
      await server.close(0);
    }
  });
});

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}
