import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Endpoint } from '#core/net/endpoint.js';
import { DnsServer } from '#core/dns/server.js';
import { frame, FrameReader } from '#core/dns/wire/frame-reader.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { dnsCorpus } from '../../support/dns-corpus.js';
import { serverContext } from '../../support/dns-admission.js';
import { DnsLog } from '../../support/dns-log.js';
import { queryBytes } from '../../support/dns-message.js';
import { DnsMutator } from '../../support/dns-mutator.js';
import { tcpClient, udpClient } from '../../support/dns-query.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { FakeSummons } from '../../support/dns-summons.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { heapInUse } from '../../support/heap-in-use.js';
import { UDP_TRANSPORTS } from '../../support/udp-transports.js';

const seed = Number(process.env['JITSU_FUZZ_SEED'] ?? Date.now() % 2 ** 32);
/** So many, of at most so many bytes, always fit into a socket's buffer: nothing is lost on the way. */
const BATCH = 100;
const LONGEST = 700;
/** A test sends as many messages of its seed as fit into this time, in milliseconds, or as it wants. */
const PATIENCE = 2_500;
/** Less than the smallest object for each of so many messages. */
const REMEMBERED_MESSAGES = 20_000;
const MOST_REMEMBERED = 2 ** 19;
const ping = queryBytes('ping.example.org', { id: 0xbeef, edns: {} });

for (const transport of UDP_TRANSPORTS) {
  describe(`the DNS server under fire over ${transport} (JITSU_FUZZ_SEED=${seed})`, function () {
    this.timeout(60_000);

    let server: DnsServer;
    let endpoint: Endpoint;
    let pong: Uint8Array;
    const log = new DnsLog();

    before(async () => {
      const deps = { clock: new ManualClock(), logger: log };
      const settings = dnsSettings({ transport, zones: [{ name: 'lab.test', authoritative: true }] });
      const www = aUnikernel({ names: ['*.example.org'], addresses: ['192.0.2.7', '2001:db8::7'] });
      server = new DnsServer(
        settings,
        [new UnikernelResolver([www], new FakeSummons(), settings, deps)],
        serverContext(deps),
      );
      await server.listen();
      endpoint = server.listening[0] as Endpoint;
      pong = (await server.handle(ping, udpClient)) ?? new Uint8Array();
    });

    after(() => server.close(0));

    afterEach(() => {
      assert.deepEqual(log.at('error'), []);
    });

    it('answers after 100,000 spoilt datagrams as before', async () => {
      const mutator = new DnsMutator(dnsCorpus, seed);
      const enough = performance.now() + PATIENCE;
      const socket = createSocket('udp4');
      try {
        let onPong = (): void => {};
        socket.on('message', (message) => {
          if (Buffer.compare(message, pong) === 0) onPong();
        });
        for (let sent = 0; sent < 100_000 && performance.now() < enough; sent += BATCH) {
          for (let count = 0; count < BATCH; count++)
            socket.send(mutator.mutate().subarray(0, LONGEST), endpoint.port, endpoint.address);
          const answered = new Promise<void>((resolve) => (onPong = resolve));
          socket.send(ping, endpoint.port, endpoint.address);
          await answered;
        }
      } finally {
        socket.close();
      }
    });

    it('answers after 60,000 spoilt messages by TCP as before', async () => {
      const mutator = new DnsMutator(dnsCorpus, seed + 1);
      const enough = performance.now() + PATIENCE;
      for (let connection = 0; connection < 12 && performance.now() < enough; connection++) {
        const socket = connect({ host: endpoint.address, port: endpoint.port });
        const frames = new FrameReader();
        let onPong = (): void => {};
        await once(socket, 'connect');
        socket.on('data', (chunk) => {
          for (const message of frames.push(chunk)) if (Buffer.compare(message, pong) === 0) onPong();
        });
        for (let sent = 0; sent < 5_000 && performance.now() < enough; sent += BATCH) {
          const answered = new Promise<void>((resolve) => (onPong = resolve));
          socket.write(Buffer.concat([...Array.from({ length: BATCH }, () => mutator.mutate()), ping].map(frame)));
          await answered;
        }
        socket.destroy();
      }
    });

    it('keeps nothing of a message when it is answered', async () => {
      const handleMany = async (mutator: DnsMutator): Promise<void> => {
        for (let count = 0; count < REMEMBERED_MESSAGES; count++) {
          await server.handle(mutator.mutate(), count % 2 === 0 ? udpClient : tcpClient);
        }
      };
      await handleMany(new DnsMutator(dnsCorpus, seed + 5));
      const before = await heapInUse();
      await handleMany(new DnsMutator(dnsCorpus, seed + 6));
      const more = (await heapInUse()) - before;
      assert.ok(more < MOST_REMEMBERED, `${more} bytes are left of ${REMEMBERED_MESSAGES} messages`);
    });
  });
}
