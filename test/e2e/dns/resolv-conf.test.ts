import assert from 'node:assert/strict';
import { startDnsmasq } from '../../support/dnsmasq.js';
import type { NameDaemon } from '../../support/name-daemon.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

describe('an /etc/resolv.conf that is mounted from elsewhere, as in a container', function () {
  this.timeout(60_000);

  let namespace: NetworkNamespace;
  let server: NameDaemon;
  let jitsu: RunningJitsu;

  before(async function () {
    namespace = await NetworkNamespace.create(this);
    await namespace.writeResolvConf('nameserver 127.0.0.99\n');
    const options = ['address=/forwarded.example/192.0.2.9'];
    server = await startDnsmasq(this, { options, place: namespace, port: 53 });
    const dns = { port: 10_053, forwarders: 'system' };
    jitsu = new RunningJitsu([RunningJitsu.aUnikernel('any')], { dns }, within(namespace));
    await jitsu.start();
  });

  after(async () => {
    await jitsu?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await namespace?.[Symbol.asyncDispose]();
  });

  it('is read again when it changes in place', async () => {
    assert.match(jitsu.log, /127\.0\.0\.99:53/);
    await namespace.writeResolvConf('nameserver 127.0.0.1\n');
    while (!jitsu.log.includes('"upstreams":["127.0.0.1:53"]')) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual((await jitsu.ask('www.forwarded.example')).addresses, ['192.0.2.9']);
  });
});
