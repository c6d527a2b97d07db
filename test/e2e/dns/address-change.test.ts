import assert from 'node:assert/strict';
import { startKnot } from '../../support/knot.js';
import type { NameDaemon } from '../../support/name-daemon.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { oracleZone } from '../../support/oracle-zone.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { UDP_TRANSPORTS } from '../../support/udp-transports.js';

const UPSTREAM = '10.98.0.2';
const PORT = 5300;

for (const transport of UDP_TRANSPORTS) {
  describe(`on a machine whose address changes, by ${transport}`, function () {
    this.timeout(60_000);

    let machine: NetworkNamespace;
    let other: NetworkNamespace;
    let knot: NameDaemon;
    let jitsu: RunningJitsu;
    let count = 0;

    before(async function () {
      [machine, other] = [await NetworkNamespace.create(this), await NetworkNamespace.create(this)];
      await machine.run('ip', 'link', 'add', 'out', 'type', 'veth', 'peer', 'name', 'in', 'netns', other.name);
      await other.run('ip', 'address', 'add', `${UPSTREAM}/16`, 'dev', 'in');
      await other.run('ip', 'link', 'set', 'in', 'up');
      await machine.run('ip', 'address', 'add', '10.98.0.1/16', 'dev', 'out');
      await machine.run('ip', 'link', 'set', 'out', 'up');
      const zones = { 'forwarded.test': oracleZone('forwarded.test') };
      knot = await startKnot(this, { zones, server: [`listen: ${UPSTREAM}@${PORT}`], place: other, port: PORT });
      const dns = { forwarders: `${UPSTREAM}:${PORT}`, transport };
      jitsu = new RunningJitsu([RunningJitsu.aUnikernel('any')], { dns }, within(machine));
      await jitsu.start();
    });

    after(async () => {
      await jitsu?.[Symbol.asyncDispose]();
      await knot?.[Symbol.asyncDispose]();
      for (const namespace of [machine, other]) await namespace?.[Symbol.asyncDispose]();
    });

    const change = async (from: string, to: string): Promise<void> => {
      await machine.run('ip', 'address', 'delete', `${from}/16`, 'dev', 'out');
      if (to !== '') await machine.run('ip', 'address', 'add', `${to}/16`, 'dev', 'out');
    };
    /** Asks for names that nobody has asked for yet, so that each of the source ports is used. */
    const ask = async (times: number): Promise<readonly string[]> => {
      const replies = [];
      for (let round = 0; round < times; round++) replies.push(await jitsu.ask(`n${count++}.forwarded.test`));
      return [...new Set(replies.map(({ rcode }) => rcode))];
    };

    it('forwards at once from the new address, and counts nothing against the upstream', async () => {
      assert.deepEqual(await ask(40), ['NXDOMAIN']);
      await change('10.98.0.1', '10.98.0.3');
      assert.deepEqual(await ask(5), ['NXDOMAIN']);
      assert.doesNotMatch(jitsu.log, /left out|cannot be reached/);
    });

    it('says that this machine has no route, and forwards as soon as it has one', async () => {
      await change('10.98.0.3', '');
      const name = `n${count}.forwarded.test`;
      const { rcode, extendedErrors } = await jitsu.ask(name);
      assert.equal(rcode, 'SERVFAIL');
      assert.match(extendedErrors.join(), /no upstream can be reached from this machine: .*ENETUNREACH/);
      assert.match(jitsu.log, /the upstream 10\.98\.0\.2:5300 cannot be reached from this machine: .*ENETUNREACH/);
      await machine.run('ip', 'address', 'add', '10.98.0.4/16', 'dev', 'out');
      assert.equal((await jitsu.ask(name)).rcode, 'NXDOMAIN', 'that it failed is not cached');
      assert.doesNotMatch(jitsu.log, /left out/);
    });
  });
}
