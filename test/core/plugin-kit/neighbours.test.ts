import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import type { NeighbourCall } from '../../support/bridge/neighbours-child.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { requireTool } from '../../support/require-tool.js';

const CHILD = fileURLToPath(new URL('../../support/bridge/neighbours-child.js', import.meta.url));
const MAC = '02:16:3e:00:00:01';
const OTHER = '02:16:3e:00:00:02';

describe('the neighbours of this host, as the kernel knows them', function () {
  this.timeout(20_000);
  let host: NetworkNamespace;
  let other: NetworkNamespace;
  let child: ChildProcess;
  let lines: Interface;

  before(async function () {
    [host, other] = [await NetworkNamespace.create(this), await NetworkNamespace.create(this)];
    for (const words of [
      `link add br0 type bridge`,
      `address add 10.77.0.1/24 dev br0`,
      `address add fd77::1/64 dev br0 nodad`,
      `link set br0 up`,
      `link add port0 type veth peer name eth0 netns ${other.name}`,
      `link set port0 master br0 up`,
      `tuntap add dev tun0 mode tun`,
      `address add 10.78.0.1/24 dev tun0`,
      `link set tun0 up`,
      `route add 10.79.0.0/24 via 10.77.0.9`,
      `route add unreachable 10.80.0.0/24`,
    ]) {
      await host.run('ip', ...words.split(' '));
    }
    for (const words of [`address add 10.77.0.2/24 dev eth0`, `link set eth0 up`]) {
      await other.run('ip', ...words.split(' '));
    }
    child = start([]);
    lines = createInterface(child.stdout as NodeJS.ReadableStream);
  });

  after(async () => {
    child?.kill('SIGKILL');
    await host?.[Symbol.asyncDispose]();
    await other?.[Symbol.asyncDispose]();
  });

  const start = (before: readonly string[]): ChildProcess => {
    const [program, ...words] = [...before, process.execPath, CHILD];
    return host.spawn(program as string, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  };

  async function call(...words: NeighbourCall): Promise<unknown> {
    child.stdin?.write(`${JSON.stringify(words)}\n`);
    const [line] = (await once(lines, 'line')) as [string];
    return (JSON.parse(line) as { result: unknown }).result;
  }

  const shown = async (address: string): Promise<string> => (await host.run('ip', 'neighbour', 'show', address)).trim();

  for (const [version, address] of [
    [4, '10.77.0.80'],
    [6, 'fd77::80'],
  ] as const) {
    it(`are told for a while, over IPv${version}, and forgotten when they are asked for`, async () => {
      assert.equal(await call('knowledge', address), 'unknown');
      assert.equal(await call('tell', address, MAC), 'done');
      assert.deepEqual(await call('knowledge', address), { mac: MAC, reachable: true });
      assert.match(await shown(address), new RegExp(`dev br0 lladdr ${MAC} (ref 1 used .*)?REACHABLE$`));
      assert.equal(await call('tell', address, OTHER.toUpperCase()), 'done');
      assert.deepEqual(await call('knowledge', address), { mac: OTHER, reachable: true });
      assert.equal(await call('ask', address), 'done');
      assert.equal(await call('knowledge', address), 'asking');
      assert.equal(await call('tell', address, MAC), 'done');
      assert.deepEqual(await call('knowledge', address), { mac: MAC, reachable: true });
    });

    it(`stay where people have said that they are, over IPv${version}`, async () => {
      const fixed = address.replace('80', '81');
      await host.run('ip', 'neighbour', 'add', fixed, 'lladdr', MAC, 'dev', 'br0', 'nud', 'permanent');
      assert.equal(await call('knowledge', fixed), 'fixed');
      assert.equal(await call('tell', fixed, OTHER), 'done');
      assert.equal(await call('ask', fixed), 'done');
      assert.match(await shown(fixed), new RegExp(`lladdr ${MAC} PERMANENT$`));
    });
  }

  it('are known when they have answered', async () => {
    assert.equal(await call('ask', '10.77.0.2'), 'done');
    const mac = (await other.run('cat', '/sys/class/net/eth0/address')).trim();
    await eventually(async () => assert.deepEqual(await call('knowledge', '10.77.0.2'), { mac, reachable: true }));
  });

  it('are none of this host’s addresses, and none behind a router or without Ethernet', async () => {
    const before = await host.run('ip', 'neighbour', 'show', 'nud', 'all');
    for (const address of [
      ...['10.77.0.1', 'fd77::1', '127.0.0.1', '::1', '10.78.0.2', '10.79.0.2', '10.80.0.2', '192.0.2.1'],
      ...[
        '2001:db8::1',
        '10.77.0.255',
        '224.0.0.1',
        'ff02::1',
        'fe80::1',
        'fe80::1%br0',
        '::ffff:10.77.0.1',
        '0.0.0.0',
      ],
    ]) {
      assert.equal(await call('knowledge', address), 'elsewhere', address);
      assert.equal(await call('tell', address, MAC), 'done', address);
      assert.equal(await call('ask', address), 'done', address);
    }
    assert.equal(await host.run('ip', 'neighbour', 'show', 'nud', 'all'), before);
  });

  it('are told by no MAC address of a group, or of none', async () => {
    for (const mac of ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '00:00:00:00:00:00', 'x', '']) {
      assert.match(String(await call('tell', '10.77.0.90', mac)), /RangeError/, mac);
    }
    assert.equal(await call('knowledge', '10.77.0.90'), 'unknown');
  });

  it('are known to everybody, and told by nobody without CAP_NET_ADMIN', async function () {
    const setpriv = requireTool(this, 'setpriv');
    const [root, its] = [child, lines];
    child = start([setpriv, '--reuid=65533', '--regid=65533', '--clear-groups', '--']);
    lines = createInterface(child.stdout as NodeJS.ReadableStream);
    try {
      assert.equal(await call('knowledge', '10.77.0.91'), 'unknown');
      assert.equal(await call('tell', '10.77.0.91', MAC), 'EPERM');
      assert.equal(await call('ask', '10.77.0.91'), 'EPERM');
    } finally {
      child.kill('SIGKILL');
      [child, lines] = [root, its];
    }
  });
});
