import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SystemClock } from '#core/clock.js';
import type { Endpoint } from '#core/net/endpoint.js';
import type { Resolver } from '#core/contracts/resolver.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { DnsServer } from '#core/dns/server.js';
import { eventually } from '#core/testing/eventually.js';
import { askByUdp } from '../../support/dns-exchange.js';
import { DnsLog } from '../../support/dns-log.js';
import { decodeReply, queryBytes } from '../../support/dns-message.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { FakeLease } from '../../support/fake-lease.js';
import { requireTool } from '../../support/require-tool.js';
import { describeOverUdp } from '../../support/udp-transports.js';
import { wakeSettings } from '../../support/wake-settings.js';

const PER_SECOND = 20;
const FLOOD = 1_000;

describeOverUdp('clients outside the exempt networks get hot answers', function (transport) {
  const lease = new FakeLease();
  /** How often each name has been asked for where there was nothing hot. */
  const asked = { 'hot.test': 0, 'slow.test': 0 };
  let access: AccessControl;
  let server: DnsServer;
  let endpoint: Endpoint;

  before(async () => {
    const deps = { clock: new SystemClock(), logger: new DnsLog() };
    const settings = dnsSettings({ transport, rateLimit: { perSecond: PER_SECOND, slip: 2, exempt: [] } });
    access = new AccessControl(settings, wakeSettings(), deps);
    const resolver: Resolver = {
      resolve: async ({ name }) => {
        asked[name as keyof typeof asked] += 1;
        const answers = [{ name, type: 'A', ttl: 60, address: '192.0.2.1' }] as const;
        return { rcode: 0, answers, ...(name === 'hot.test' && { lease }) };
      },
    };
    server = new DnsServer(settings, [resolver], { ...deps, access });
    await server.listen();
    endpoint = server.listening[0] as Endpoint;
    // What has been asked for with EDNS and without is kept for all.
    await askByUdp(endpoint, queryBytes('hot.test'));
  });

  after(async () => {
    await server?.close(0);
  });

  const run = async (tool: string, ...words: string[]): Promise<string> =>
    (await promisify(execFile)(tool, ['@127.0.0.1', '-p', String(endpoint.port), ...words, 'hot.test'])).stdout;

  it('with a cookie of their own, which dig takes and brings back to be proven by it', async function () {
    const dig = requireTool(this, 'dig');
    const ask = async (option: string): Promise<string> => {
      const output = await run(dig, '+tries=1', '+time=5', '+noadflag', option);
      assert.match(output, /^hot\.test\..*192\.0\.2\.1$/m);
      return /COOKIE: ([0-9a-f]{48}) \(good\)/.exec(output)?.[1] ?? assert.fail(output);
    };
    const before = { asked: asked['hot.test'], uses: lease.uses };
    const cookie = await ask('+cookie');
    assert.equal(await ask(`+cookie=${cookie}`), cookie);
    await eventually(() => assert.equal(lease.uses, before.uses + 1));
    assert.equal(asked['hot.test'], before.asked);
  });

  it('with a cookie, which kdig takes and brings back', async function () {
    const kdig = requireTool(this, 'kdig');
    const ask = async (option: string): Promise<string> => {
      const output = await run(kdig, '+retry=0', '+noadflag', option);
      assert.match(output, /^hot\.test\..*192\.0\.2\.1$/m);
      return /COOKIE: ([0-9a-fA-F]{48})/.exec(output)?.[1]?.toLowerCase() ?? assert.fail(output);
    };
    const before = asked['hot.test'];
    const cookie = await ask('+cookie');
    assert.equal(await ask(`+cookie=${cookie}`), cookie);
    assert.equal(asked['hot.test'], before);
  });

  it('within one limit for these and all others, in a flood', async function () {
    this.timeout(30_000);
    const before = { ...asked };
    const refusedBefore = access.refusals.counts;
    const found = { whole: 0, cut: 0 };
    const socket = createSocket('udp4');
    socket.on('message', (reply) => (decodeReply(reply).flag_tc ? (found.cut += 1) : (found.whole += 1)));
    socket.bind(0, '127.9.9.9');
    await once(socket, 'listening');
    try {
      const start = performance.now();
      for (let id = 0; id < FLOOD; id += 1) {
        socket.send(queryBytes(id % 2 === 0 ? 'hot.test' : 'slow.test', { id }), endpoint.port, endpoint.address);
        // Slowly enough that the kernel loses little of it.
        if (id % 20 === 19) await sleep(4);
      }
      const refused = (): { dropped: number; cut: number } => {
        const { rateDropped, rateCut } = access.refusals.counts;
        return { dropped: rateDropped - refusedBefore.rateDropped, cut: rateCut - refusedBefore.rateCut };
      };
      await eventually(() => assert.ok(refused().dropped + refused().cut + found.whole > FLOOD / 2));
      // A thread tells of the last of them within 250 ms.
      await sleep(500);
      const { dropped, cut } = refused();
      const earned = PER_SECOND * (1 + (performance.now() - start) / 1_000);
      assert.ok(found.whole >= PER_SECOND && found.whole <= earned + 1, `${found.whole} of ${earned}`);
      assert.ok(dropped + cut + found.whole <= FLOOD, 'nothing is counted twice');
      assert.ok(Math.abs(dropped - cut) < 0.05 * FLOOD, `${dropped} dropped, ${cut} cut`);
      assert.ok(found.cut <= cut, `${found.cut} cut answers, ${cut} counted`);
      assert.equal(asked['hot.test'], before['hot.test']);
      assert.ok(asked['slow.test'] - before['slow.test'] <= found.whole);
    } finally {
      socket.close();
    }
  });
});
