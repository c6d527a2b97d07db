import assert from 'node:assert/strict';
import { SystemClock } from '#core/clock.js';
import type { UpstreamSettings } from '#core/config/settings.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
import { Authority } from '../../../support/certificates.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { freePort } from '../../../support/free-port.js';
import type { NameDaemon } from '../../../support/name-daemon.js';
import { requireTool } from '../../../support/require-tool.js';
import { startUnbound } from '../../../support/unbound.js';

const never = new AbortController().signal;
/** More than fits into a datagram of 1232 bytes. */
const LONG = Array.from({ length: 200 }, (_, index) => `local-data: "long.test. 60 A 192.0.2.${index + 1}"`);
const DATA = ['local-zone: "many.test." redirect', 'local-data: "many.test. 60 A 192.0.2.1"', ...LONG];

describe('Unbound as an upstream', () => {
  let authority: Authority | undefined;
  let plain: NameDaemon | undefined;
  let encrypted: NameDaemon | undefined;
  let forwarder: Forwarder | undefined;

  before(async function () {
    this.timeout(60_000);
    authority = new Authority(requireTool(this, 'openssl'));
    const { keyFile, certFile } = authority.issue('DNS:dns.example.org');
    plain = await startUnbound(this, { server: DATA });
    const port = await freePort();
    const tls = [`tls-port: ${port}`, `tls-service-key: "${keyFile}"`, `tls-service-pem: "${certFile}"`];
    encrypted = await startUnbound(this, { server: [...DATA, ...tls], port });
  });

  afterEach(() => forwarder?.close());

  after(async () => {
    await plain?.[Symbol.asyncDispose]();
    await encrypted?.[Symbol.asyncDispose]();
    authority?.[Symbol.dispose]();
  });

  const ways: readonly (readonly [string, () => UpstreamSettings])[] = [
    ['UDP', () => (plain as NameDaemon).endpoint],
    ['TCP', () => ({ ...(plain as NameDaemon).endpoint, transport: 'tcp' })],
    ['TLS', () => ({ ...(encrypted as NameDaemon).endpoint, transport: 'tls', name: 'dns.example.org' })],
  ];
  for (const [way, upstream] of ways) {
    it(`answers many queries at once over ${way}, and whole what is long`, async () => {
      const settings = dnsSettings({
        forwarders: [upstream()],
        forwardTimeout: 20_000,
        forwardCertificates: (authority as Authority).file,
      });
      forwarder = new Forwarder(settings, { clock: new SystemClock(), logger: new DnsLog(), listening: () => [] });
      await forwarder.open();
      const names = Array.from({ length: 90 }, (_, index) => `N${index}.Many.test`);
      const answersTo = async (name: string) => {
        const answer = await forwarder?.resolve(aQuery(name), never);
        assert.ok(answer && 'message' in answer);
        return decodeReply(answer.message);
      };
      const replies = await Promise.all(names.map(answersTo));
      assert.deepEqual(
        replies.map(({ questions, answers }) => [questions?.[0]?.name, answers?.length]),
        names.map((name) => [name, 1]),
      );
      assert.equal((await answersTo('long.test')).answers?.length, 200);
    });
  }
});
