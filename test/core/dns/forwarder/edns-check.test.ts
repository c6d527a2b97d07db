import assert from 'node:assert/strict';
import { AnswerScrubber } from '#core/dns/forwarder/answer-scrubber.js';
import { Deadlines } from '#core/dns/forwarder/deadlines.js';
import { checkEdns } from '#core/dns/forwarder/edns-check.js';
import { RandomSource } from '#core/dns/forwarder/random-source.js';
import { Upstream } from '#core/dns/forwarder/upstream.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import { FakeUdpSockets } from '../../../support/fake-udp-sockets.js';

const OPT = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

/** What an upstream says to a query with an OPT record, and to one without; nothing where absent. */
interface Temper {
  readonly withOpt?: { readonly rcode: number; readonly opt: boolean };
  readonly without?: number;
}

describe('the check whether an upstream knows EDNS', () => {
  let clock: ManualClock;
  let deadlines: Deadlines;
  let sockets: FakeUdpSockets;
  let upstream: Upstream;
  let answered: number;

  beforeEach(() => {
    [clock, sockets, answered] = [new ManualClock(), new FakeUdpSockets(), 0];
    deadlines = new Deadlines(clock);
    const scrubber = new AnswerScrubber({ rebindProtection: false });
    const context = { clock, deadlines, scrubber, logger: new DnsLog(), random: new RandomSource(), sockets };
    upstream = new Upstream(
      { address: '192.0.2.53', port: 53 },
      { ...context, timeout: 2_000, trust: undefined },
      () => {},
    );
  });
  afterEach(() => deadlines[Symbol.dispose]());

  /** Answers what was not answered yet. */
  const answer = ({ withOpt, without }: Temper): void => {
    for (const { socket, message } of sockets.sent.slice(answered)) {
      const hasOpt = message[11] === 1;
      const said = hasOpt ? withOpt : without === undefined ? undefined : { rcode: without, opt: false };
      if (said === undefined) continue;
      const reply = Uint8Array.of(...message.subarray(0, 17), ...(said.opt ? OPT : []));
      [reply[2], reply[3], reply[11]] = [0x81, 0x80 | said.rcode, said.opt ? 1 : 0];
      socket.listener.onMessage(reply);
    }
    answered = sockets.sent.length;
  };
  const knowsEdns = (): boolean => upstream.quirks.supportsEdns(clock.now());
  const check = async (temper: Temper): Promise<boolean> => {
    checkEdns(upstream);
    answer(temper);
    for (let half = 0; half < 2; half += 1) {
      await clock.advance(1_000);
      answer(temper);
    }
    return knowsEdns();
  };

  it('finds out who drops, or answers badly, only what has an OPT record', async () => {
    for (const withOpt of [undefined, ...[1, 2, 4].map((rcode) => ({ rcode, opt: false }))]) {
      for (const without of withOpt === undefined ? [0, 2, 3, 5] : [0, 3, 5]) {
        assert.equal(
          await check({ ...(withOpt && { withOpt }), without }),
          false,
          JSON.stringify({ withOpt, without }),
        );
        await clock.advance(3_600_000);
        assert.equal(knowsEdns(), true);
      }
    }
  });

  it('asks for the name servers of the root, with an OPT record and without, and again where nothing comes', async () => {
    checkEdns(upstream);
    await clock.advance(1_000);
    const lengths = sockets.sent.map(({ message }) => message.length);
    assert.deepEqual(lengths, [28, 17, 28, 17]);
    for (const { message } of sockets.sent) assert.deepEqual([...message.subarray(12, 17)], [0, 0, 2, 0, 1]);
  });

  it('says nothing about who answers both, or both alike, or nothing at all', async () => {
    for (const temper of [
      { withOpt: { rcode: 0, opt: true }, without: 0 },
      { withOpt: { rcode: 0, opt: false }, without: 0 },
      { withOpt: { rcode: 2, opt: true }, without: 0 },
      { withOpt: { rcode: 5, opt: true } },
      { withOpt: { rcode: 2, opt: false }, without: 2 },
      { withOpt: { rcode: 2, opt: false } },
      {},
    ]) {
      assert.equal(await check(temper), true, JSON.stringify(temper));
      await clock.advance(10_000);
    }
    assert.equal(upstream.health.down, false, 'it is no query that anybody waits for');
  });

  it('is given up where another query with an OPT record is answered meanwhile', async () => {
    checkEdns(upstream);
    answer({ without: 0 });
    upstream.quirks.answeredEdns();
    await clock.advance(2_000);
    assert.equal(knowsEdns(), true);
  });

  it('is made once in ten seconds', async () => {
    for (const expected of [2, 2, 4]) {
      checkEdns(upstream);
      assert.equal(sockets.sent.length, expected);
      answer({ withOpt: { rcode: 0, opt: true }, without: 0 });
      await clock.advance(5_000);
    }
  });
});
