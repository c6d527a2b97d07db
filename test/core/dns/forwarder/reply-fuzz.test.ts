import assert from 'node:assert/strict';
import { SystemClock } from '#core/clock.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
import { errorCode } from '#core/errors.js';
import { DnsLog } from '../../../support/dns-log.js';
import { DnsMutator } from '../../../support/dns-mutator.js';
import { aQuery } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { UDP_TRANSPORTS } from '../../../support/udp-transports.js';
import { addressFor, FakeUpstream, replyTo } from '../../../support/dns-upstream.js';

const SEED = Number(process.env['JITSU_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const QUERIES = 300;

describe(`answers of upstreams that are mutated (JITSU_FUZZ_SEED=${SEED})`, () => {
  const ways = [...UDP_TRANSPORTS.map((taken) => ['udp', taken] as const), ['tcp', 'dgram'] as const];
  for (const [transport, taken] of ways) {
    it(`over ${transport.toUpperCase()}, by ${taken}, end in an answer or a failure, and harm nobody`, async function () {
      this.timeout(60_000);
      await using server = await FakeUpstream.start((query) => {
        const right = replyTo(query, addressFor(query, '192.0.2.1'));
        const mutator = new DnsMutator([right], SEED + server.queries.length);
        return Array.from({ length: 4 }, () => {
          const wrong = Buffer.from(mutator.mutate().subarray(0, 60_000));
          // Half of them get past the look at the id and the question.
          if (mutator.mutate().length % 2 === 0) Buffer.from(right).copy(wrong, 0, 0, 12 + 8 + 4);
          return wrong;
        });
      });
      const settings = dnsSettings({
        forwarders: [{ ...server.endpoint, transport }],
        forwardTimeout: 200,
        transport: taken,
      });
      const deps = { clock: new SystemClock(), logger: new DnsLog(), listening: () => [] };
      const forwarder = new Forwarder(settings, deps);
      await forwarder.open();
      const never = new AbortController().signal;
      try {
        for (let round = 0; round < QUERIES; round += 50) {
          const endings = Array.from({ length: 50 }, () =>
            forwarder.resolve(aQuery('ab.cd'), never).then(
              (answer) => (answer && 'message' in answer ? 'answered' : 'nothing'),
              (error: unknown) => errorCode(error),
            ),
          );
          for (const ending of await Promise.all(endings)) {
            assert.ok(ending === 'answered' || ending === 'JITSU_FORWARD_FAILED', ending);
          }
        }
      } finally {
        forwarder.close();
      }
    });
  }
});
