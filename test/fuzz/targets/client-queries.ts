import assert from 'node:assert/strict';
import type { DnsClient } from '#core/contracts/resolver.js';
import { DnsServer } from '#core/dns/server.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { dnsCorpus } from '../../support/dns-corpus.js';
import { anAccessControl, EVERY_CLIENT_WAKES } from '../../support/dns-admission.js';
import { DnsLog } from '../../support/dns-log.js';
import { DnsMutator } from '../../support/dns-mutator.js';
import { tcpClient, udpClient } from '../../support/dns-query.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { FakeSummons } from '../../support/dns-summons.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { wakeSettings } from '../../support/wake-settings.js';
import type { CpuMeter } from '../cpu-meter.js';
import type { FuzzStage, FuzzTarget } from '../fuzz-target.js';
import { LeapingClock } from '../leaping-clock.js';

/** The address of somebody whose packets may be forged. */
const stranger: DnsClient = { ...udpClient, address: '192.0.2.99' };
/** What docs/abuse.md says of those. */
const LONGEST_TO_STRANGERS = 128;
const FACTOR = 4;

/** What clients send, cookies included. */
export const clientQueries: FuzzTarget = {
  name: 'client-queries',
  about: 'queries and cookies of clients, over UDP and TCP, from trusted networks and from strangers',
  covers: ['/core/dist/dns/'],
  mostCpu: 1_000,
  seeds: () => dnsCorpus,
  mutator: (corpus, numbers) => {
    const mutator = new DnsMutator(corpus, numbers(2 ** 31));
    return () => (numbers(20) === 0 ? mutator.mutateLong() : mutator.mutate().subarray(0, 65_535));
  },
  open: () => Promise.resolve(new QueryStage()),
};

class QueryStage implements FuzzStage {
  private readonly clock = new LeapingClock();
  private readonly log = new DnsLog();
  private readonly summons = new FakeSummons();
  private readonly open = this.server(false);
  private readonly strict = this.server(true);
  /** A server cookie of the strict server for the client cookie of the last message. */
  private runs = 0;

  async run(input: Uint8Array, meter: CpuMeter): Promise<void> {
    this.clock.time += 1_000;
    this.runs += 1;
    for (const client of [udpClient, tcpClient]) {
      const reply = await meter.packet(() => this.open.handle(Uint8Array.from(input), client));
      check(input, reply, client === udpClient ? 1_232 : 65_535);
    }
    const reply = await meter.packet(() => this.strict.handle(Uint8Array.from(input), stranger));
    // With a valid cookie it might be longer, but nobody guesses one.
    check(input, reply, Math.max(LONGEST_TO_STRANGERS, FACTOR * input.length));
    assert.deepEqual(this.log.at('error'), []);
    this.log.entries.length = 0;
    this.summons.calls.length = 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  private server(isStrict: boolean): DnsServer {
    const { clock, log } = this;
    const rateLimit = { perSecond: 100, slip: 2, exempt: ['127.0.0.0/8'] };
    const settings = dnsSettings({
      zones: [{ name: 'lab.test', authoritative: true }],
      ...(isStrict && { rateLimit }),
    });
    const www = aUnikernel({ names: ['*.example.org'], addresses: ['192.0.2.7', '2001:db8::7'] });
    const wake = isStrict ? wakeSettings({ proof: 'cookie-or-tcp' }) : EVERY_CLIENT_WAKES;
    const resolver = new UnikernelResolver([www], this.summons, settings, { clock, logger: log });
    const access = anAccessControl(isStrict ? { rateLimit } : {}, wake, { clock, logger: log });
    return new DnsServer(settings, [resolver], { clock, logger: log, access });
  }
}

function check(query: Uint8Array, reply: Uint8Array | undefined, limit: number): void {
  if (reply === undefined) return;
  assert.deepEqual([reply[0], reply[1], (reply[2] ?? 0) & 0x80], [query[0], query[1], 0x80]);
  assert.ok(reply.length <= limit, `${reply.length} bytes for ${query.length}`);
}
