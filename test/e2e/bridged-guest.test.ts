import assert from 'node:assert/strict';
import type { SpawnOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BRIDGED_BACKEND, BridgedNetwork } from '../support/bridge/bridged-network.js';
import { within } from '../support/place.js';
import { requireTool } from '../support/require-tool.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { tellFigure } from '../support/tell-figure.js';

const COMMAND = fileURLToPath(new URL('../../../cli/bin/jitsu.js', import.meta.url));

/** Has no name on any machine. */
const USER = 4_000_001;

/** In which the service is to be seen, in milliseconds. */
const WITHIN = 30;

/** However busy the machine is: the kernel asks again after a second. */
const BELOW_A_SECOND = 500;

const BOOTS = 5;

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN;

/** What else runs on this machine makes it later, and nothing makes it earlier. */
function assertSeen(times: readonly number[], within: number): void {
  assert.ok(Math.min(...times) <= within && median(times) < BELOW_A_SECOND, times.join());
}

/** Boots and stops the guest some times. Resolves with how long after its first listen Jitsu has seen it. */
async function boots(jitsu: RunningJitsu, network: BridgedNetwork, before: () => Promise<unknown>) {
  const times: number[] = [];
  for (let boot = 0; boot < BOOTS; boot += 1) {
    await before();
    await jitsu.control.summon('guest');
    const seenAt = Date.now();
    const { listenedAt } = await network.order('look');
    times.push(seenAt - listenedAt);
    await jitsu.control.stop('guest');
  }
  return times;
}

for (const [title, privileges] of [
  ['with root', 'none'],
  ['that has given up root', { user: USER }],
] as const) {
  describe(`a guest on a bridge that does not announce itself, for a Jitsu ${title}`, function () {
    this.timeout(60_000);

    const settings = { privileges, plugins: [BRIDGED_BACKEND], backend: 'bridged', stop: { onExit: 'keep' } };

    for (const [bridge, otherPort] of [
      ['with another port', true],
      ['of which it is the only port', false],
    ] as const) {
      for (const version of [4, 6] as const) {
        it(`is seen within ${WITHIN} ms of its first listen, on a bridge ${bridge}, over IPv${version}`, async function () {
          await using network = await BridgedNetwork.create(this, otherPort);
          await using jitsu = new RunningJitsu([network.unikernel(version)], settings, within(network.host));
          await jitsu.start();
          const times = await boots(jitsu, network, () => network.forget());
          tellFigure(`${title}, IPv${version}, ${bridge}: seen ${times.join(', ')} ms after its first listen`);
          assertSeen(times, WITHIN);
        });
      }
    }

    it('is seen as soon when it has got another MAC address, and where it has other interfaces', async function () {
      await using network = await BridgedNetwork.create(this, true);
      const unikernel = network.unikernel(4, { otherMacs: ['02:16:3e:00:00:fe'] });
      await using jitsu = new RunningJitsu([unikernel], settings, within(network.host));
      await jitsu.start();
      let count = 0;
      const times = await boots(jitsu, network, () => network.order(`mac 02:16:3e:00:00:0${++count}`));
      tellFigure(`${title}, with new MAC addresses beside another one: seen ${times.join(', ')} ms after`);
      // A wrong one may have had its turn.
      assertSeen(times, WITHIN + 50);
      assert.equal((await network.neighbour(4)).mac, `02:16:3e:00:00:0${count}`);
    });

    it('is found by what it answers where its backend has another MAC address than it', async function () {
      await using network = await BridgedNetwork.create(this, true);
      const unikernel = network.unikernel(4, { wrongMac: '02:16:3e:00:00:fe' });
      await using jitsu = new RunningJitsu([unikernel], settings, within(network.host));
      await jitsu.start();
      const times = await boots(jitsu, network, () => network.forget());
      assert.ok(Math.max(...times) < 2_000, times.join());
      assert.notEqual((await network.neighbour(4)).mac, '02:16:3e:00:00:fe');
    });

    it('is where people have fixed it, and where it was for less than a minute', async function () {
      await using network = await BridgedNetwork.create(this, true);
      const unikernel = network.unikernel(4, { deadline: '2s' });
      await using jitsu = new RunningJitsu([unikernel], settings, within(network.host));
      await jitsu.start();
      await jitsu.control.summon('guest');
      assert.match((await network.neighbour(4)).states, /^(REACHABLE|STALE|DELAY)$/);
      await jitsu.control.stop('guest');
      await network.host.run(
        ...['ip', 'neighbour', 'replace', network.addresses[4], 'lladdr', '02:16:3e:00:00:fe', 'dev', 'br0', 'nud'],
        'permanent',
      );
      await assert.rejects(jitsu.control.summon('guest'), { code: 'JITSU_SUMMON_DEADLINE' });
      assert.deepEqual(await network.neighbour(4), { mac: '02:16:3e:00:00:fe', states: 'PERMANENT' });
    });
  });
}

describe('a guest on a bridge that does not announce itself, for a Jitsu without the right to tell the kernel', () => {
  it('is seen after a second, of which the check warns', async function () {
    this.timeout(60_000);
    await using network = await BridgedNetwork.create(this, true);
    const settings = { plugins: [BRIDGED_BACKEND], backend: 'bridged', stop: { onExit: 'keep' } };
    const setpriv = requireTool(this, 'setpriv');
    const place = within(network.host);
    const bare = [setpriv, '--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'];
    const without = {
      ...place,
      spawn: (program: string, words: readonly string[], options: SpawnOptions) =>
        place.spawn(bare[0] as string, [...bare.slice(1), program, ...words], options),
    };
    await using jitsu = new RunningJitsu([network.unikernel(4)], { ...settings, privileges: 'none' }, without);
    await jitsu.start(['--log-level', 'debug']);
    const times = await boots(jitsu, network, () => network.forget());
    tellFigure(`without the right, IPv4: seen ${times.join(', ')} ms after its first listen`);
    assert.ok(Math.max(...times) > BELOW_A_SECOND, times.join());
    assert.equal([...jitsu.log.matchAll(/the kernel is not told.*CAP_NET_ADMIN/g)].length, 1, jitsu.log);
    assert.doesNotMatch(jitsu.log, /"level":"warn"/);
    const words = [process.execPath, COMMAND, 'check', '--config', jitsu.in('jitsu.config.json')];
    const warning = /guest is reached by Ethernet, and Jitsu may not tell the kernel/;
    assert.match(
      (await network.host.run(bare[0] as string, ...bare.slice(1), ...words)).replaceAll(/\s+/g, ' '),
      warning,
    );
    const [program = '', ...rest] = words;
    assert.doesNotMatch((await network.host.run(program, ...rest)).replaceAll(/\s+/g, ' '), warning);
  });
});
