import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { tellFigure } from '../../support/tell-figure.js';
import { EmulatedGuest } from '../../support/xapi/emulated-guest.js';
import { PoolServer } from '../../support/xapi/pool-server.js';

/** In seconds: an outage of a minute takes a minute, so tests make do with less. */
const OUTAGE = Number(process.env['JITSU_TEST_XAPI_OUTAGE'] ?? 4);

const ip = (name: string): string => String(RunningJitsu.aUnikernel(name)['ip']);

describe('a pool that goes away', function () {
  this.timeout(OUTAGE * 1_000 + 60_000);

  it(`for ${OUTAGE} s is known again within 2 s, and no VM was started or stopped by that`, async () => {
    await using server = await PoolServer.start();
    const { pool } = server;
    const names = ['up', 'down', 'fallen'];
    const addresses = new Map(names.map((name) => [name, ip(name)]));
    const guests = names.map((name) => new EmulatedGuest(pool, name, addresses.get(name)!));
    await using _all = { [Symbol.asyncDispose]: async () => void guests.map((guest) => guest[Symbol.asyncDispose]()) };
    const unikernels = names.map((name) => ({
      ...{ name, dns: `${name}.test`, ip: addresses.get(name), ready: 'tcp:8080' },
    }));
    const settings = { backend: 'xapi', backends: { xapi: { connect: server.uri() } } };
    // Were the unknown counted as unused, what runs would be stopped during the outage.
    await using jitsu = new RunningJitsu(unikernels, { ...settings, dns: { ttl: Math.max(2, OUTAGE) } });
    await jitsu.start();
    await jitsu.ask('up.test');
    await jitsu.ask('fallen.test');
    const states = async (): Promise<string[]> => (await jitsu.report()).unikernels.map(({ state }) => state);
    assert.deepEqual(await states(), ['running', 'off', 'running']);
    const powerCalls = (): number => pool.calls.filter(({ method }) => /^VM\.(?!get_)/.test(method)).length;
    const before = powerCalls();

    await server.lose();
    await eventually(async () => assert.deepEqual(await states(), ['unknown', 'unknown', 'unknown']));
    for (const name of ['up', 'down']) {
      const asked = performance.now();
      const { rcode, extendedErrors } = await jitsu.ask(`${name}.test`);
      assert.equal(rcode, 'SERVFAIL');
      assert.match(extendedErrors.join(), /^The pool at http:\/\/127\.0\.0\.1:\d+ does not answer: /);
      assert.ok(performance.now() - asked < 1_000, 'at once');
    }
    pool.put('fallen', 'Halted');
    await sleep(OUTAGE * 1_000);

    await server.restore();
    const back = performance.now();
    await eventually(async () => assert.deepEqual(await states(), ['running', 'off', 'off']));
    const took = Math.round(performance.now() - back);
    tellFigure(`after ${OUTAGE} s of absence, the states were right again within ${took} ms`);
    assert.ok(took <= 2_000);
    assert.equal(powerCalls(), before, 'no VM was started or stopped');
    assert.deepEqual((await jitsu.ask('up.test')).addresses, [addresses.get('up')]);
    assert.equal(guests[0]!.boots, 1);
    assert.equal((await jitsu.status('up')).totalStarts, 1);
    assert.deepEqual(pool.refused, []);
  });

  it('during a boot lets nobody wait for that, and the VM is found afterwards', async () => {
    await using server = await PoolServer.start();
    const address = ip('booting');
    await using guest = new EmulatedGuest(server.pool, 'booting', address);
    server.pool.vm('booting').habits.takes = { start: 500 };
    const unikernel = { name: 'booting', dns: 'booting.test', ip: address, ready: 'tcp:8080' };
    const settings = { backend: 'xapi', backends: { xapi: { connect: server.uri() } } };
    await using jitsu = new RunningJitsu([unikernel], settings);
    await jitsu.start();
    const answer = jitsu.ask('booting.test');
    await eventually(() => assert.equal(server.pool.called('VM.start'), 1));
    await server.lose();
    assert.equal((await answer).rcode, 'SERVFAIL');
    await eventually(() => assert.equal(server.pool.stateOf('booting'), 'Running'));
    await server.restore();
    await eventually(async () => assert.deepEqual((await jitsu.ask('booting.test')).addresses, [address]));
    assert.equal(guest.boots, 1);
    assert.deepEqual(server.pool.refused, []);
  });
});
