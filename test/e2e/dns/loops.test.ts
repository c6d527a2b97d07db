import assert from 'node:assert/strict';
import { startDnsmasq } from '../../support/dnsmasq.js';
import type { NameDaemon } from '../../support/name-daemon.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { RESOLVED_STUB, startSystemdResolved } from '../../support/systemd-resolved.js';

const PORT = 10_053;
const LOOP =
  /asks Jitsu for the names below jitsu\.test that Jitsu asks it for: a loop\. .*authoritative \(dns\.zones\)/;
const DOWN = /is left out until/;
const DNSMASQ = [`server=/jitsu.test/127.0.0.1#${PORT}`, 'address=/other.example/192.0.2.9'];

/** Jitsu forwards to a server that sends it the names of its domain, as where the whole machine is to ask Jitsu. */
describe('a server that Jitsu forwards to, and that forwards to Jitsu', function () {
  this.timeout(120_000);

  let namespace: NetworkNamespace;
  let started: AsyncDisposable[];

  beforeEach(async function () {
    started = [];
    namespace = await NetworkNamespace.create(this);
  });

  afterEach(async () => {
    for (const each of started.reverse()) await each[Symbol.asyncDispose]();
    await namespace[Symbol.asyncDispose]();
  });

  const startJitsu = async (dns: object, names: readonly string[] = ['web.jitsu.test']): Promise<RunningJitsu> => {
    const unikernels = names.map((name) => RunningJitsu.aUnikernel(name.replaceAll('.', '-'), [], { dns: name }));
    const jitsu = new RunningJitsu(unikernels, { dns: { port: PORT, ...dns } }, within(namespace));
    started.push(jitsu);
    await jitsu.start();
    return jitsu;
  };
  const startServer = async (context: Mocha.Context): Promise<NameDaemon> => {
    const server = await startDnsmasq(context, { options: DNSMASQ, place: namespace, port: 53 });
    started.push(server);
    return server;
  };
  const asks = (server: string, port: number, name: string, type = 'A'): Promise<string> =>
    namespace.run('dig', '+tries=1', '+time=20', '-p', String(port), `@${server}`, name, type);
  const logs = async (jitsu: RunningJitsu, text: RegExp): Promise<void> => {
    while (!text.test(jitsu.log)) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  it('is told of at the start, and is not asked for these names, but for all others', async function () {
    await startServer(this);
    const jitsu = await startJitsu({ forwarders: '127.0.0.1:53' });
    await logs(jitsu, LOOP);
    for (const [port, name] of [
      [PORT, 'no.jitsu.test'],
      [53, 'nobody.jitsu.test'],
      [53, 'a.b.jitsu.test'],
    ] as const) {
      assert.match(await asks('127.0.0.1', port, name), /SERVFAIL/);
    }
    const { extendedErrors } = await jitsu.ask('x.jitsu.test');
    assert.match(extendedErrors.join(), /127\.0\.0\.1:53: it asks Jitsu itself for such names, which is a loop/);
    assert.deepEqual((await jitsu.ask('www.other.example')).addresses, ['192.0.2.9']);
    assert.match(await asks('127.0.0.1', 53, 'web.jitsu.test'), /NOERROR/);
    assert.doesNotMatch(jitsu.log, DOWN);
  });

  it('is found out by the first name, where it was not there at the start', async function () {
    const jitsu = await startJitsu({ forwarders: '127.0.0.1:53' });
    const server = await startServer(this);
    assert.match(await asks('127.0.0.1', PORT, 'no.jitsu.test'), /SERVFAIL/);
    assert.match(jitsu.log, LOOP);
    assert.doesNotMatch(jitsu.log, DOWN);
    assert.ok(server.pid > 0);
  });

  it('is found out where it waits for Jitsu already, and sends the same question to nobody', async function () {
    const jitsu = await startJitsu({ forwarders: '127.0.0.1:53' });
    await startServer(this);
    assert.match(await asks('127.0.0.1', 53, 'no.jitsu.test'), /SERVFAIL/);
    assert.match(jitsu.log, LOOP);
    assert.doesNotMatch(jitsu.log, DOWN);
  });

  it('forms no loop as docs/getting-started.md has it for systemd-resolved', async function () {
    started.push(await startSystemdResolved(this, namespace, ['DNS=127.0.0.1:10053', 'Domains=~jitsu.test']));
    const jitsu = await startJitsu({ forwarders: 'off', zones: [{ name: 'jitsu.test', authoritative: true }] });
    assert.match(await asks(RESOLVED_STUB, 53, 'web.jitsu.test'), /NOERROR/);
    assert.match(await asks(RESOLVED_STUB, 53, 'no.jitsu.test'), /NXDOMAIN/);
    assert.doesNotMatch(jitsu.log, /loop/);
  });

  it('forms no loop with a zone that is authoritative', async function () {
    await startServer(this);
    const zones = [{ name: 'jitsu.test', authoritative: true }];
    const jitsu = await startJitsu({ forwarders: '127.0.0.1:53', zones });
    assert.match(await asks('127.0.0.1', 53, 'no.jitsu.test'), /NXDOMAIN/);
    assert.match(await asks('127.0.0.1', 53, 'web.jitsu.test'), /NOERROR/);
    assert.deepEqual((await jitsu.ask('www.other.example')).addresses, ['192.0.2.9']);
    assert.doesNotMatch(jitsu.log, /loop/);
  });

  it('is found out where it is systemd-resolved, which sends everything to Jitsu', async function () {
    const jitsu = await startJitsu({ port: 53, forwarders: RESOLVED_STUB });
    started.push(await startSystemdResolved(this, namespace));
    assert.match(await asks('127.0.0.1', 53, 'www.nobody.jitsu.example'), /SERVFAIL/);
    for (let count = 0; !LOOP.test(jitsu.log); count++) {
      assert.match(await asks(RESOLVED_STUB, 53, `no${count}.jitsu.test`), /SERVFAIL/);
    }
    assert.match(jitsu.log, /asks Jitsu for the names below nobody\.jitsu\.example that Jitsu asks it for: a loop/);
    assert.doesNotMatch(jitsu.log, DOWN);
  });

  it('is found out where it is another Jitsu', async () => {
    const other = new RunningJitsu(
      [RunningJitsu.aUnikernel('other', [], { dns: 'web.other.example' })],
      { dns: { port: PORT + 1, forwarders: `127.0.0.1:${PORT}` } },
      within(namespace),
    );
    started.push(other);
    const jitsu = await startJitsu({ forwarders: `127.0.0.1:${PORT + 1}` });
    await other.start();
    assert.match(await asks('127.0.0.1', PORT, 'no.jitsu.test'), /SERVFAIL/);
    assert.match(jitsu.log + other.log, LOOP);
    assert.doesNotMatch(jitsu.log + other.log, DOWN);
  });

  it('is told of at the start where it is Jitsu itself, by the system’s list of name servers', async () => {
    await namespace.writeResolvConf('nameserver 127.0.0.1\n');
    const jitsu = await startJitsu({ port: 53, forwarders: 'system' });
    await logs(jitsu, /the upstream 127\.0\.0\.1:53 is Jitsu itself, and is not asked/);
    assert.match((await jitsu.ask('www.other.example')).extendedErrors.join(), /no upstream is known but ourselves/);
  });
});
