import assert from 'node:assert/strict';
import { startKnot } from '../../support/knot.js';
import type { NameDaemon } from '../../support/name-daemon.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { oracleZone } from '../../support/oracle-zone.js';
import { within } from '../../support/place.js';
import { requireTool } from '../../support/require-tool.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import type { SystemTool } from '../../support/system-tools.js';
import { RESOLVED_STUB, startSystemdResolved } from '../../support/systemd-resolved.js';
import { startUnbound } from '../../support/unbound.js';

/** Jitsu has port 53, where glibc looks for it; the others are asked by their ports. */
const UNBOUND_PORT = 5353;
const KNOT_PORT = 5300;

/** How each client asks for the address of a name, once, and prints what it got. */
const CLIENTS: readonly (readonly [SystemTool, (name: string) => readonly string[]])[] = [
  ['dig', (name) => ['+tries=1', '+time=10', '+short', name, 'A']],
  ['kdig', (name) => ['+retry=0', '+timeout=10', '+short', name, 'A']],
  ['drill', (name) => [name, 'A', '@127.0.0.1']],
  ['delv', (name) => ['+noroot', '+nodnssec', '-i', '@127.0.0.1', name, 'A']],
];

describe('a stopped unikernel, and a name that is forwarded, are found at the first try by', function () {
  this.timeout(60_000);

  let namespace: NetworkNamespace;
  let knot: NameDaemon;
  let unbound: NameDaemon;
  let jitsu: RunningJitsu;
  const unikernels = ['dig', 'kdig', 'drill', 'delv', 'glibc', 'unbound', 'resolved'].map((name) =>
    RunningJitsu.aUnikernel(name),
  );
  const addressOf = (name: string): string =>
    String(unikernels.find((unikernel) => unikernel['name'] === name)?.['ip']);

  before(async function () {
    for (const [tool] of CLIENTS) requireTool(this, tool);
    namespace = await NetworkNamespace.create(this);
    await namespace.writeResolvConf('nameserver 127.0.0.1\noptions attempts:1 timeout:10\n');
    const zones = { 'forwarded.test': oracleZone('forwarded.test') };
    knot = await startKnot(this, { zones, place: namespace, port: KNOT_PORT });
    const dns = { port: 53, forwarders: `127.0.0.1:${KNOT_PORT}` };
    jitsu = new RunningJitsu(unikernels, { dns }, within(namespace));
    await jitsu.start();
    const clauses = 'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@53';
    const server = ['local-zone: "test." nodefault'];
    unbound = await startUnbound(this, { server, clauses, place: namespace, port: UNBOUND_PORT });
  });

  after(async () => {
    await unbound?.[Symbol.asyncDispose]();
    await jitsu?.[Symbol.asyncDispose]();
    await knot?.[Symbol.asyncDispose]();
    await namespace?.[Symbol.asyncDispose]();
  });

  for (const [tool, wordsFor] of CLIENTS) {
    it(tool, async () => {
      assert.equal((await jitsu.status(tool)).state, 'off');
      const found = await namespace.run(tool, ...wordsFor(`${tool}.test`));
      assert.ok(found.includes(addressOf(tool)), found);
      assert.equal((await jitsu.status(tool)).state, 'running');
      assert.match(await namespace.run(tool, ...wordsFor('www.forwarded.test')), /192\.0\.2\.1$/m);
    });
  }

  it('glibc', async () => {
    assert.ok((await namespace.run('getent', 'ahosts', 'glibc.test')).includes(addressOf('glibc')));
    assert.equal((await jitsu.status('glibc')).state, 'running');
    const forwarded = await namespace.run('getent', 'ahosts', 'www.forwarded.test');
    assert.match(forwarded, /^2001:db8::1\s/m);
    assert.match(forwarded, /^192\.0\.2\.1\s/m);
    assert.match(await namespace.run('getent', 'ahosts', 'any.localhost'), /^(::1|127\.0\.0\.1)\s/m);
  });

  it('Unbound that forwards to Jitsu', async () => {
    const words = ['+tries=1', '+time=10', '-p', String(UNBOUND_PORT), '@127.0.0.1', '+short'];
    assert.ok((await namespace.run('dig', ...words, 'unbound.test', 'A')).includes(addressOf('unbound')));
    assert.match(await namespace.run('dig', ...words, 'www.forwarded.test', 'A'), /^192\.0\.2\.1$/m);
    assert.match(await namespace.run('dig', ...words, 'hundred.forwarded.test', 'A'), /^(192\.0\.2\.\d+\n){100}$/);
  });

  it('systemd-resolved', async function () {
    await using _resolved = await startSystemdResolved(this, namespace);
    const words = ['+tries=1', '+time=10', `@${RESOLVED_STUB}`, '+short'];
    const found = await namespace.run('dig', ...words, 'resolved.test', 'A');
    assert.ok(found.includes(addressOf('resolved')), found);
    assert.equal((await jitsu.status('resolved')).state, 'running');
    assert.match(await namespace.run('dig', ...words, 'www.forwarded.test', 'A'), /^192\.0\.2\.1$/m);
    assert.match(await namespace.run('dig', ...words, 'hundred.forwarded.test', 'A'), /^(192\.0\.2\.\d+\n){100}$/);
  });
});
