import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { eventually } from '#core/testing/eventually.js';
import { thisMachine, type Place } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { tellFigure } from '../../support/tell-figure.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { EmulatedGuest } from '../../support/xapi/emulated-guest.js';
import { PoolServer, type ServerSettings } from '../../support/xapi/pool-server.js';
import { makeCertificate } from '../../support/xapi/test-certificate.js';

const PATIENCE = 30_000;

/** A unikernel of the pool behind NAME.test, on a loopback address of its own. */
function aUnikernel(name: string): { name: string; dns: string; ip: string; ready: string } {
  const { habits: _none, ...unikernel } = RunningJitsu.aUnikernel(name);
  return unikernel as ReturnType<typeof aUnikernel>;
}

const xapi = (server: PoolServer, options: object = {}): Record<string, unknown> => ({
  backend: 'xapi',
  backends: { xapi: { connect: server.uri(), ...options } },
});

describe('a name with a VM of a pool behind it', function () {
  this.timeout(60_000);
  const folder = new TemporaryFolder();
  after(() => folder[Symbol.dispose]());

  const ways: Readonly<Record<string, (context: Mocha.Context) => [ServerSettings, object]>> = {
    'over JSON-RPC': () => [{}, {}],
    'over XML-RPC': () => [{ speaks: 'xml-rpc' }, {}],
    'over TLS': (context) => {
      const certificate = makeCertificate(context, 'xcp-ng-1');
      const file = folder.in('host.pem');
      writeFileSync(file, certificate.cert);
      return [{ certificate }, { certificate: file }];
    },
  };
  for (const [way, settings] of Object.entries(ways)) {
    it(`leads to a web server that answers at the first try, and is off again when nobody asks, ${way}`, async function () {
      const [serverSettings, options] = settings(this);
      await using server = await PoolServer.start(serverSettings);
      const unikernel = aUnikernel('fleeting');
      await using guest = new EmulatedGuest(server.pool, 'fleeting', unikernel.ip);
      await using jitsu = new RunningJitsu([unikernel], { ...xapi(server, options), dns: { ttl: 1 } });
      await jitsu.start();
      assert.equal(server.pool.stateOf('fleeting'), 'Halted');
      const { addresses, rcode } = await jitsu.ask('fleeting.test');
      assert.deepEqual({ addresses, rcode }, { addresses: [unikernel.ip], rcode: 'NOERROR' }, jitsu.log);
      assert.equal(await (await fetch(`http://${unikernel.ip}:8080/`)).text(), 'fleeting');
      const { state, macs, domainId, totalStarts } = await jitsu.status('fleeting');
      assert.deepEqual(
        { state, macs, domainId, totalStarts },
        { state: 'running', macs: ['00:16:3e:00:00:01'], domainId: 1, totalStarts: 1 },
      );
      await eventually(() => assert.equal(server.pool.stateOf('fleeting'), 'Halted'), PATIENCE);
      await jitsu.ask('fleeting.test');
      assert.equal(guest.boots, 2);
      assert.deepEqual(server.pool.refused, []);
      assert.equal(server.pool.called('VM.destroy'), 0);
    });
  }

  it('is answered as soon as its service is there, each time', async () => {
    await using server = await PoolServer.start();
    const unikernel = aUnikernel('quick');
    await using guest = new EmulatedGuest(server.pool, 'quick', unikernel.ip, 200);
    await using jitsu = new RunningJitsu([]);
    const { name, dns, ip, ready } = unikernel;
    await jitsu.start(['-x', 'xapi', '-c', server.uri(), `dns=${dns},ip=${ip},name=${name},ready=${ready}`]);
    const over: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { addresses } = await jitsu.ask(dns);
      assert.deepEqual(addresses, [ip], jitsu.log);
      over.push(Math.round(performance.now() - guest.listeningSince!));
      await jitsu.control.stop(name);
      assert.equal(server.pool.stateOf(name), 'Halted');
    }
    tellFigure(`answered ${over.join(', ')} ms after the service was there`);
    assert.deepEqual(server.pool.refused, []);
  });

  it('is answered with the address that the agent in the guest reports', async () => {
    await using server = await PoolServer.start();
    const { ip, name, dns, ready } = aUnikernel('agent');
    await using _guest = new EmulatedGuest(server.pool, name, ip);
    await using jitsu = new RunningJitsu([{ name, dns, ready }], xapi(server));
    await jitsu.start();
    const answer = jitsu.ask(dns);
    await eventually(() => assert.equal(server.pool.stateOf(name), 'Running'));
    server.pool.report(name, { '0/ip': ip, '0/ipv6/0': 'fe80::1' });
    assert.deepEqual((await answer).addresses, [ip], jitsu.log);
    assert.deepEqual((await jitsu.status(name)).addresses, [ip]);
    assert.deepEqual(server.pool.refused, []);
  });

  it('keeps the password to itself: no log, status, argument or environment of a child has it', async () => {
    const password = 'hunter2-of-the-pool';
    const environment = folder.in('environment');
    // The probe runs as the user that Jitsu becomes, where root has started it.
    writeFileSync(environment, '');
    chmodSync(environment, 0o666);
    chmodSync(folder.path, 0o711);
    await using server = await PoolServer.start();
    server.pool.password = password;
    const { ip, name, dns } = aUnikernel('discreet');
    await using _guest = new EmulatedGuest(server.pool, name, ip);
    const place: Place = {
      ...thisMachine,
      spawn: (program, parameters, options) =>
        spawn(program, parameters, { ...options, env: { ...process.env, JITSU_XAPI_PASSWORD: password, DEBUG: '*' } }),
    };
    const unikernel = { name, dns, ip, ready: `exec:sh -c "env > ${environment}"` };
    const settings = { backend: 'xapi', backends: { xapi: { connect: server.uri('root') } } };
    await using jitsu = new RunningJitsu([unikernel], settings, place);
    await jitsu.start(['--debug', '--log-level', 'debug']);
    assert.deepEqual((await jitsu.ask(dns)).addresses, [ip], jitsu.log);
    assert.match(readFileSync(environment, 'utf8'), /JITSU_ADDRESSES/);
    server.pool.password = 'another';
    server.pool.expireSessions();
    await eventually(async () => assert.equal((await jitsu.status(name)).state, 'unknown'), PATIENCE);
    const refused = await jitsu.ask(dns);
    assert.equal(refused.rcode, 'SERVFAIL');
    assert.match(refused.extendedErrors.join(), /does not let us in/);
    const report = JSON.stringify(await jitsu.report());
    for (const text of [jitsu.log, report, readFileSync(environment, 'utf8'), JSON.stringify(refused)]) {
      assert.ok(!text.includes(password), 'the password was told');
    }
    assert.deepEqual(server.pool.refused, []);
  });
});
