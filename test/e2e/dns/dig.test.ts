import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SystemClock } from '#core/clock.js';
import type { Endpoint } from '#core/net/endpoint.js';
import type { Resolver } from '#core/contracts/resolver.js';
import { DnsServer } from '#core/dns/server.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { JitsuError } from '#core/errors.js';
import { serverContext } from '../../support/dns-admission.js';
import { DnsLog } from '../../support/dns-log.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { FakeSummons } from '../../support/dns-summons.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { requireTool } from '../../support/require-tool.js';
import { describeOverUdp } from '../../support/udp-transports.js';

const deps = { clock: new SystemClock(), logger: new DnsLog() };

/** Many unikernels behind one name, so that their addresses do not fit into 512 bytes. */
const crowd = Array.from({ length: 60 }, (_, index) =>
  aUnikernel({ name: `crowd${index}`, names: ['crowd.lab.test'], addresses: [`192.0.2.${index + 100}`] }),
);

const broken: Resolver = {
  resolve: async ({ name }) => {
    if (name === 'broken.test') throw new JitsuError('JITSU_SUMMON_DEADLINE', 'broken was not ready within 60 s');
    return undefined;
  },
};

function serverWith(
  transport: 'dgram' | 'mmsg',
  forwarders: readonly Endpoint[] | 'off',
  unikernels: ReturnType<typeof aUnikernel>[],
): DnsServer {
  const zones = [{ name: 'lab.test', authoritative: true }];
  const settings = dnsSettings({ bind: ['127.0.0.1', '::1'], transport, forwarders, zones });
  const resolvers = [new UnikernelResolver(unikernels, new FakeSummons(), settings, deps), broken];
  const server: DnsServer = new DnsServer(
    settings,
    [...resolvers, new Forwarder(settings, { ...deps, listening: () => server.listening })],
    serverContext(deps),
  );
  return server;
}

describeOverUdp('dig', (transport) => {
  let dig: string;
  let behind: DnsServer;
  let server: DnsServer;

  before(async function () {
    dig = requireTool(this, 'dig');
    const far = Array.from({ length: 90 }, (_, index) =>
      aUnikernel({ name: `far${index}`, names: ['far.example.net'], addresses: [`198.51.100.${index + 1}`] }),
    );
    behind = serverWith(transport, 'off', far);
    await behind.listen();
    const www = aUnikernel({ names: ['www.lab.test', '*.pages.lab.test'], addresses: ['192.0.2.7', '2001:db8::7'] });
    const plain = aUnikernel({ names: ['plain.example.org'], addresses: ['192.0.2.8'] });
    server = serverWith(transport, [behind.listening[0] as Endpoint], [www, plain, ...crowd]);
    await server.listen();
  });

  after(async () => {
    await server?.close(0);
    await behind?.close(0);
  });

  const ask = async (...words: string[]): Promise<string> => {
    const address = words.includes('-6') ? '::1' : '127.0.0.1';
    const port = String(server.listening[0]?.port);
    const run = promisify(execFile)(dig, [`@${address}`, '-p', port, '+tries=1', '+time=5', ...words]);
    return (await run).stdout;
  };

  it('gets an address, over UDP and TCP, IPv4 and IPv6', async () => {
    for (const way of [[], ['+tcp'], ['-6'], ['-6', '+tcp'], ['+noedns'], ['+norecurse']]) {
      const output = await ask('www.lab.test', 'A', ...way);
      assert.match(output, /status: NOERROR/);
      assert.match(output, /flags: qr aa/);
      assert.match(output, /^www\.lab\.test\.\s+60\s+IN\s+A\s+192\.0\.2\.7$/m);
      assert.equal(output.includes('EDNS: version: 0'), !way.includes('+noedns'));
      assert.doesNotMatch(output, /WARNING|malformed/i);
    }
  });

  it('gets an IPv6 address, a wildcard’s address, a name for an address, and the SOA', async () => {
    assert.match(await ask('www.lab.test', 'AAAA', '+short'), /^2001:db8::7$/m);
    assert.match(await ask('any.thing.pages.lab.test', 'A'), /^any\.thing\.pages\.lab\.test\..*192\.0\.2\.7$/m);
    assert.match(await ask('-x', '192.0.2.7', '+short'), /^www\.lab\.test\.$/m);
    assert.match(await ask('-x', '2001:db8::7', '+short'), /^www\.lab\.test\.$/m);
    assert.match(await ask('lab.test', 'SOA', '+short'), /^ns\.lab\.test\. hostmaster\.lab\.test\. \d{10} /m);
  });

  it('gets its question back in its own case', async () => {
    const output = await ask('WwW.lAb.TeSt', 'A');
    assert.match(output, /^;WwW\.lAb\.TeSt\.\s+IN\s+A$/m);
    assert.match(output, /^WwW\.lAb\.TeSt\..*192\.0\.2\.7$/m);
  });

  it('gets no data and the SOA for what a unikernel has not', async () => {
    for (const type of ['MX', 'TXT', 'HTTPS', 'SVCB']) {
      const output = await ask('www.lab.test', type, '+notcp');
      assert.match(output, /status: NOERROR/);
      assert.match(output, /ANSWER: 0, AUTHORITY: 1/);
      assert.match(output, /^lab\.test\.\s+60\s+IN\s+SOA/m);
    }
  });

  it('gets next to nothing for ANY (RFC 8482)', async () => {
    for (const way of ['+notcp', '+tcp']) {
      assert.match(
        await ask('www.lab.test', 'ANY', '+noall', '+answer', way),
        /^www\.lab\.test\.\s+60\s+IN\s+HINFO\s+"RFC8482" ""$/m,
      );
    }
  });

  it('gets NXDOMAIN with the SOA in an authoritative zone', async () => {
    const output = await ask('nobody.lab.test', 'A');
    assert.match(output, /status: NXDOMAIN/);
    assert.match(output, /^lab\.test\.\s+60\s+IN\s+SOA/m);
  });

  it('gets TC by UDP and everything by TCP where the answer is too long', async () => {
    const cut = await ask('crowd.lab.test', 'A', '+noedns', '+ignore');
    assert.match(cut, /flags: qr aa tc/);
    assert.match(cut, /ANSWER: 0/);
    assert.match(await ask('crowd.lab.test', 'A', '+noedns'), /ANSWER: 60/);
    assert.match(await ask('crowd.lab.test', 'A', '+bufsize=1232', '+ignore'), /flags: qr aa rd ra;.*ANSWER: 60/);
  });

  it('gets SERVFAIL with the reason', async () => {
    const output = await ask('broken.test', 'A');
    assert.match(output, /status: SERVFAIL/);
    assert.match(output, /EDE: 14 \(Not Ready\).*broken was not ready within 60 s/);
  });

  it('gets NOTIMP, BADVERS and REFUSED for what is not done here', async () => {
    assert.match(await ask('www.lab.test', '+opcode=STATUS'), /status: NOTIMP/);
    assert.match(await ask('www.lab.test', '+edns=1', '+noednsnegotiation'), /status: BADVERS/);
    assert.match(await ask('version.bind', 'TXT', 'CH'), /status: REFUSED/);
    assert.match(await ask('lab.test', 'AXFR'), /Transfer failed/);
    assert.match(await ask('other.example.org', 'A', '+norecurse'), /status: REFUSED/);
  });

  it('gets its answer whatever EDNS options it sends', async () => {
    for (const option of [
      ['+ednsopt=65001:abcd'],
      ['+cookie'],
      ['+nsid'],
      ['+subnet=192.0.2.0/24'],
      ['+padding=128'],
      ['+dnssec'],
    ]) {
      const output = await ask('www.lab.test', 'A', ...option);
      assert.match(output, /192\.0\.2\.7/, option.join());
      assert.equal(output.includes('flags: do;'), option.includes('+dnssec'));
    }
  });

  it('gets what another server answers, cut or whole as it can take it', async () => {
    const whole = await ask('far.example.net', 'A');
    assert.match(whole, /ANSWER: 90/);
    const cut = await ask('far.example.net', 'A', '+noedns', '+ignore');
    assert.match(cut, /flags: qr tc rd ra/);
    assert.match(await ask('far.example.net', 'A', '+tcp'), /flags: qr rd ra; .*ANSWER: 90/);
    const refused = await ask('unknown.example.net', 'A');
    assert.match(refused, /status: REFUSED/);
    assert.match(refused, /EDE: 20 \(Not Authoritative\)/);
  });
});
