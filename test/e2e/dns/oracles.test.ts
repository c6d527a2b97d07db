import assert from 'node:assert/strict';
import type { Endpoint } from '#core/net/endpoint.js';
import { assertWholeSets } from '../../support/assert-whole-sets.js';
import { askByTcp, askByUdp } from '../../support/dns-exchange.js';
import { decodeReply } from '../../support/dns-message.js';
import { startKnot } from '../../support/knot.js';
import type { NameDaemon } from '../../support/name-daemon.js';
import { ORACLE_QUESTIONS, ORACLE_TTL, oracleZone } from '../../support/oracle-zone.js';
import { rawQuery, type RawQuery } from '../../support/raw-query.js';
import { viewOf } from '../../support/reply-view.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { startUnbound } from '../../support/unbound.js';

const [RD, AD, CD] = [0x0100, 0x0020, 0x0010];
const DO = 0x8000;
const ZONES = ['oracle.test', 'signed.test'];

/** Everything by which two queries for the same can differ. */
const WAYS: readonly Pick<RawQuery, 'flags' | 'edns'>[] = [RD, RD | AD, RD | CD].flatMap((flags) => [
  { flags },
  ...[512, 700, 1232, 4096].flatMap((payloadSize) =>
    [0, DO].map((bits) => ({ flags, edns: { payloadSize, flags: bits } })),
  ),
]);

/** Over TCP sizes count for nothing, and each question takes four connections. */
const WAYS_BY_TCP = WAYS.filter(({ flags, edns }) => edns?.payloadSize === 512 || (edns === undefined && flags === RD));

type Transport = 'UDP' | 'TCP';

async function ask(server: Endpoint, query: RawQuery, transport: Transport): Promise<Uint8Array> {
  const message = rawQuery(query);
  if (transport === 'UDP') return askByUdp(server, message);
  const [reply] = await askByTcp(server, message);
  assert.ok(reply);
  return reply;
}

/**
 * What Jitsu says must be what the server behind it says to the same question, but for this:
 *
 * - RA is set: Jitsu does forward. CD comes back as it was sent (RFC 4035, 3.2.2), which Knot clears. AA is not passed on by
 *   a cache. None of them is compared here.
 * - TTLs count down from what the server has said; they must never be higher.
 * - Of an answer that is too long, Knot and Unbound send another part than Jitsu, which has asked for all of it by TCP, and
 *   sends as many whole RRsets as fit. TC must be the same, and so must be what comes by TCP.
 * - Over UDP, additional records may be left out where there is no room; servers do not agree on how many.
 */
async function assertSame(query: RawQuery, transport: Transport, jitsu: Endpoint, oracle: Endpoint) {
  const about = `${query.name} TYPE${query.type} by ${transport} ${JSON.stringify([query.flags, query.edns])}`;
  const [ours, theirs] = await Promise.all([ask(jitsu, query, transport), ask(oracle, query, transport)]);
  const [own, other] = [viewOf(ours), viewOf(theirs)];
  assert.ok(longestTtl(ours) <= ORACLE_TTL, about);
  if (transport === 'UDP') assert.ok(ours.length <= Math.min(query.edns?.payloadSize ?? 512, 1232), about);
  if (other.flags.includes('tc')) {
    const { rcode, flags, question, edns } = other;
    assert.deepEqual(
      { rcode: own.rcode, flags: own.flags, question: own.question, edns: own.edns },
      { rcode, flags, question, edns },
      about,
    );
    const [whole, kept] = [decodeReply(await ask(oracle, query, 'TCP')), decodeReply(ours)];
    assertWholeSets(whole.answers ?? [], kept.answers ?? []);
    assertWholeSets(whole.authorities ?? [], kept.authorities ?? []);
    return;
  }
  const { additionals, ...rest } = own;
  const { additionals: all, ...expected } = other;
  assert.deepEqual(rest, expected, about);
  if (transport === 'TCP') assert.deepEqual(additionals, all, about);
  else
    assert.ok(
      additionals.every((record) => all.includes(record)),
      about,
    );
}

function longestTtl(message: Uint8Array): number {
  const { answers = [], authorities = [] } = decodeReply(message);
  return Math.max(0, ...[...answers, ...authorities].map((record) => ('ttl' in record ? (record.ttl ?? 0) : 0)));
}

describe('Jitsu in front of', function () {
  this.timeout(120_000);

  let knot: NameDaemon;
  let unbound: NameDaemon;
  let beforeKnot: RunningJitsu;
  let beforeUnbound: RunningJitsu;

  const jitsuBefore = async ({ address, port }: Endpoint): Promise<RunningJitsu> => {
    const dns = { forwarders: `${address}:${port}`, cache: { size: 0 } };
    const jitsu = new RunningJitsu([RunningJitsu.aUnikernel('unused')], { dns });
    await jitsu.start();
    return jitsu;
  };
  const at = ({ port }: RunningJitsu): Endpoint => ({ address: '127.0.0.1', port });

  before(async function () {
    const zones = Object.fromEntries(ZONES.map((zone) => [zone, oracleZone(zone)]));
    knot = await startKnot(this, { zones, signed: ['signed.test'] });
    const clauses = `forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@${knot.endpoint.port}`;
    const server = ['local-zone: "test." nodefault', 'minimal-responses: no', 'max-udp-size: 1232'];
    unbound = await startUnbound(this, { server, clauses });
    beforeKnot = await jitsuBefore(knot.endpoint);
    beforeUnbound = await jitsuBefore(unbound.endpoint);
  });

  after(async () => {
    await beforeKnot?.[Symbol.asyncDispose]();
    await beforeUnbound?.[Symbol.asyncDispose]();
    await unbound?.[Symbol.asyncDispose]();
    await knot?.[Symbol.asyncDispose]();
  });

  for (const zone of ZONES) {
    for (const transport of ['UDP', 'TCP'] as const) {
      const compare = async (jitsu: Endpoint, oracle: Endpoint): Promise<void> => {
        for (const [below, type] of ORACLE_QUESTIONS) {
          const name = below === '' ? zone : `${below}.${zone}`;
          // A resolver would look for the servers of the zone that is delegated, and there are none.
          if (oracle === unbound.endpoint && below.endsWith('child')) continue;
          for (const way of transport === 'UDP' ? WAYS : WAYS_BY_TCP)
            await assertSame({ name, type, ...way }, transport, jitsu, oracle);
        }
      };

      it(`Knot says what Knot says of ${zone}, by ${transport}, in every way to ask`, () =>
        compare(at(beforeKnot), knot.endpoint));

      it(`Unbound says what Unbound says of ${zone}, by ${transport}, in every way to ask`, () =>
        compare(at(beforeUnbound), unbound.endpoint));
    }
  }

  it('any server forwards nothing without RD, and ANY only by TCP', async () => {
    const query = { name: 'www.oracle.test', type: 255, edns: { payloadSize: 1232 } };
    assert.equal(viewOf(await ask(at(beforeKnot), { ...query, type: 1, flags: 0 }, 'UDP')).rcode, 'REFUSED');
    const minimal = viewOf(await ask(at(beforeKnot), query, 'UDP'));
    assert.match(minimal.answers.join(), /^\{"name":"www\.oracle\.test","type":"HINFO".*"cpu":"RFC8482"/);
    await assertSame(query, 'TCP', at(beforeKnot), knot.endpoint);
  });
});
