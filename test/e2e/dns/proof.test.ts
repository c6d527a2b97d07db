import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { requireTool } from '../../support/require-tool.js';
import { RESOLVED_STUB, startSystemdResolved } from '../../support/systemd-resolved.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const SERVER = fileURLToPath(new URL('../../support/guarded-server.js', import.meta.url));

const LOOKUP = `require('node:dns').lookup(process.argv[1], { all: true }, (error, all) => {
  if (error) throw error;
  console.log(JSON.stringify(all.map(({ address }) => address).sort()));
});`;

/** Clients that know cookies or TCP notice nothing of the proof: each resolves the name of a stopped unikernel at once. */
describe('with a proof asked of everybody, a stopped name resolves at the first try', () => {
  let namespace: NetworkNamespace;
  let server: ChildProcess;
  const woken: string[] = [];

  before(async function () {
    for (const tool of ['dig', 'kdig', 'drill', 'unbound'] as const) requireTool(this, tool);
    namespace = await NetworkNamespace.create(this);
    await namespace.writeResolvConf('nameserver 127.0.0.1\noptions attempts:1 timeout:5\n');
    server = namespace.spawn(process.execPath, [SERVER, '127.0.0.1', '53'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => woken.push(line));
    await once(lines, 'line');
  });

  after(async () => {
    await namespace?.[Symbol.asyncDispose]();
  });

  const assertWoken = (name: string): Promise<void> =>
    eventually(() => assert.equal(woken.filter((line) => line === `woken ${name}`).length, 1));

  it('for dig, which is told BADCOOKIE and comes back with the cookie over UDP', async () => {
    const output = await namespace.run('dig', '@127.0.0.1', '+tries=1', '+time=5', 'u1.lab.test');
    assert.match(output, /BADCOOKIE, retrying/);
    assert.match(output, /^u1\.lab\.test\..*192\.0\.2\.1$/m);
    assert.match(output, /COOKIE: [0-9a-f]{16}01000000[0-9a-f]{24} \(good\)/);
    assert.match(output, /\(UDP\)/);
    await assertWoken('u1');
  });

  it('for dig without cookies, and without EDNS, which comes back over TCP', async () => {
    for (const [name, option] of [
      ['u2', '+nocookie'],
      ['u3', '+noedns'],
    ] as const) {
      const output = await namespace.run('dig', '@127.0.0.1', '+tries=1', '+time=5', option, `${name}.lab.test`);
      assert.match(output, /Truncated, retrying in TCP mode/);
      assert.match(output, new RegExp(`^${name}\\.lab\\.test\\..*192\\.0\\.2\\.${name.slice(1)}$`, 'm'));
      await assertWoken(name);
    }
  });

  it('for kdig with and without cookies, and over TCP', async () => {
    for (const [name, ...options] of [['u4', '+cookie'], ['u5'], ['u6', '+tcp']] as const) {
      const output = await namespace.run('kdig', '@127.0.0.1', '+retry=0', ...options, `${name}.lab.test`);
      assert.match(output, new RegExp(`192\\.0\\.2\\.${name.slice(1)}`), output);
      await assertWoken(name);
    }
  });

  it('for drill, told to come back over TCP', async () => {
    assert.match(await namespace.run('drill', '-a', '@127.0.0.1', 'u7.lab.test'), /192\.0\.2\.7/);
    await assertWoken('u7');
  });

  it('for glibc, with and without EDNS, of both families', async () => {
    // Node asks getaddrinfo, and not as getent does only for families of which there is an address beyond loopback.
    const lookup = (name: string, options = ''): Promise<string> =>
      namespace.run('env', `RES_OPTIONS=${options}`, process.execPath, '-e', LOOKUP, name);
    assert.deepEqual(JSON.parse(await lookup('u8.lab.test')), ['192.0.2.8', '2001:db8::7']);
    await assertWoken('u8');
    assert.deepEqual(JSON.parse(await lookup('u9.lab.test', 'edns0 trust-ad')), ['192.0.2.9', '2001:db8::7']);
    await assertWoken('u9');
    assert.deepEqual(JSON.parse(await lookup('u10.lab.test', 'single-request')), ['192.0.2.10', '2001:db8::7']);
    await assertWoken('u10');
  });

  it('for Unbound as forwarder', async () => {
    using folder = new TemporaryFolder();
    const config = folder.in('unbound.conf');
    await writeFile(
      config,
      [
        'server:',
        ' interface: 127.0.0.2',
        ' username: ""',
        ' chroot: ""',
        ' pidfile: ""',
        ` directory: "${folder.path}"`,
        ' module-config: "iterator"',
        ' do-not-query-localhost: no',
        ' local-zone: "test." transparent',
        ' use-syslog: no',
        'remote-control:',
        ' control-enable: no',
        'forward-zone:',
        ' name: "."',
        ' forward-addr: 127.0.0.1',
        '',
      ].join('\n'),
    );
    const unbound = namespace.spawn('unbound', ['-d', '-c', config], { stdio: 'ignore' });
    try {
      const ask = (name: string): Promise<string> =>
        namespace.run('dig', '@127.0.0.2', '+tries=1', '+time=5', '+short', name);
      await eventually(async () => assert.match(await ask('u11.lab.test'), /^192\.0\.2\.11$/m));
      await assertWoken('u11');
      assert.match(await ask('u12.lab.test'), /^192\.0\.2\.12$/m);
      await assertWoken('u12');
    } finally {
      unbound.kill();
      await once(unbound, 'exit');
    }
  });

  it('for systemd-resolved', async function () {
    await using _resolved = await startSystemdResolved(this, namespace);
    const ask = (name: string): Promise<string> =>
      namespace.run('dig', `@${RESOLVED_STUB}`, '+tries=1', '+time=10', '+short', name);
    assert.match(await ask('u13.lab.test'), /^192\.0\.2\.13$/m);
    await assertWoken('u13');
  });
});
