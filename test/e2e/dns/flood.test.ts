import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '#core/clock.js';
import type { Endpoint } from '#core/net/endpoint.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { DnsServer } from '#core/dns/server.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { WakeGuard } from '#core/dns/admission/wake-guard.js';
import { cookieIn, queryWithCookie } from '../../support/dns-cookie.js';
import { askByTcp, askByUdp } from '../../support/dns-exchange.js';
import { DnsLog } from '../../support/dns-log.js';
import { decodeReply, queryBytes } from '../../support/dns-message.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { FakeSummons } from '../../support/dns-summons.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { describeOverUdp } from '../../support/udp-transports.js';
import { wakeSettings } from '../../support/wake-settings.js';

const NAMES = 10_000;
const SOURCES = 100;
const clientCookie = Buffer.from('0102030405060708', 'hex');

/** As a client does: the socket's buffer may be full of the flood at the moment. */
async function askAgainAndAgain({ address, port }: Endpoint, message: Uint8Array): Promise<Uint8Array> {
  const socket = createSocket('udp4');
  const send = (): void => socket.send(message, port, address);
  const timer = setInterval(send, 200);
  send();
  try {
    const [reply] = (await once(socket, 'message')) as [Uint8Array];
    return reply;
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

describeOverUdp('a flood of forged sources that asks for 10,000 stopped names', (transport) => {
  const summons = new FakeSummons();
  const log = new DnsLog();
  const sources: Socket[] = [];
  let access: AccessControl;
  let server: DnsServer;
  let answered = 0;

  before(async () => {
    const deps = { clock: new SystemClock(), logger: log };
    const settings = dnsSettings({ transport, rateLimit: { perSecond: 50, slip: 2, exempt: [] } });
    const wake = wakeSettings();
    access = new AccessControl(settings, wake, deps);
    const unikernels = Array.from({ length: NAMES }, (_, index) =>
      aUnikernel({ name: `u${index}`, names: [`u${index}.lab.test`] }),
    );
    const guard = new WakeGuard(wake, access, deps.clock);
    const resolver = new UnikernelResolver(unikernels, summons, settings, { ...deps, guard });
    server = new DnsServer(settings, [resolver], { ...deps, access });
    await server.listen();
    for (let index = 0; index < SOURCES; index++) {
      const socket = createSocket('udp4');
      // Each a network of its own, as forged sources are.
      socket.bind(0, `127.${1 + index}.${index}.9`);
      socket.on('message', () => (answered += 1));
      await once(socket, 'listening');
      sources.push(socket);
    }
  });

  after(async () => {
    for (const socket of sources) socket.close();
    await server?.close(0);
  });

  it('boots nothing, and a proven client’s own query among them is answered', async () => {
    const { address, port } = server.listening[0] as Endpoint;
    const endpoint = { address, port };
    const cookie = cookieIn(decodeReply(await askByUdp(endpoint, queryWithCookie('u0.lab.test', clientCookie))));
    assert.ok(cookie);

    const own: Promise<Uint8Array>[] = [];
    for (let index = 0; index < NAMES; index++) {
      const message =
        index % 2 === 0 ? queryBytes(`u${index}.lab.test`) : queryWithCookie(`u${index}.lab.test`, Buffer.alloc(24, 7));
      (sources[index % SOURCES] as Socket).send(message, port, address);
      // Slowly enough that the kernel loses little of it.
      if (index % 50 === 49) await sleep(1);
      if (index === NAMES / 2) own.push(askAgainAndAgain(endpoint, queryWithCookie('u7.lab.test', cookie)));
    }
    const [reply] = await Promise.all(own);
    assert.equal(decodeReply(reply).answers?.length, 1);
    const [byTcp] = await askByTcp(endpoint, queryBytes('u8.lab.test'));
    assert.equal(decodeReply(byTcp).answers?.length, 1);
    assert.deepEqual(new Set(summons.calls.map(({ unikernel }) => unikernel)), new Set(['u7', 'u8']));
    const { unproven, rateDropped, rateCut } = access.refusals.counts;
    assert.ok(unproven + rateDropped + rateCut > NAMES / 2, 'most of the flood has arrived');
    assert.ok(answered <= unproven + rateCut, `${answered} answers`);
    assert.ok(log.entries.length < 20, 'the log stays short');
  });
});
