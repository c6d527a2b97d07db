import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { GUEST, RoutedNetwork, type Client } from '../../support/netfilter/routed-network.js';
import { numbersFrom } from '../../support/numbers-from.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

const PLUGIN = fileURLToPath(new URL('../../support/netfilter/guest-plugin.js', import.meta.url));

const TIMES = 3;
/** In milliseconds. */
const BOOT_TIME = 200;
/** When the kernel sends a first packet for the third time, and some time for the work of a busy machine. */
const SENT_AGAIN = 6_000;

describe('a first packet that is held when something is killed', function () {
  this.timeout(120_000);
  let network: RoutedNetwork;
  let client: Client;

  before(async function () {
    network = await RoutedNetwork.create(this);
    client = await network.startClient('routed');
  });
  after(() => network[Symbol.asyncDispose]());

  const killGates = async (): Promise<void> => {
    const pids = await network.host.run('ip', 'netns', 'pids', network.host.name);
    for (const pid of pids.split('\n').filter((word) => word !== '')) {
      if (isGate(pid)) process.kill(Number(pid), 'SIGKILL');
    }
  };

  for (const victim of ['the gate', 'Jitsu', 'both'] as const) {
    it(`gets through by its retransmission when ${victim} is killed at any moment, and nothing is left`, async () => {
      const settings = { plugins: [PLUGIN], privileges: 'none', doormen: { netfilter: {} } };
      await using jitsu = new RunningJitsu([], settings, within(network.host));
      jitsu.configure([network.aGuest(jitsu.in(), { bootTime: BOOT_TIME })]);
      await jitsu.start();
      const seed = Date.now() % 2 ** 32;
      const numbers = numbersFrom(seed);
      for (let time = 0; time < TIMES; time += 1) {
        await eventually(async () => assert.equal((await jitsu.status('www')).armed, true, jitsu.log));
        const connection = client.tcp(GUEST.ipv4);
        const moment = numbers(2 * BOOT_TIME);
        await sleep(moment);
        if (victim !== 'Jitsu') await killGates();
        if (victim !== 'the gate') {
          await jitsu.end('SIGKILL');
          await jitsu.start();
        }
        const { error, took } = await connection;
        const said = `killed after ${moment} ms, --seed ${seed}`;
        assert.equal(error, undefined, `${said}\n${jitsu.log}`);
        assert.ok(took < SENT_AGAIN, `${took} ms, ${said}`);
        const next = await client.tcp(GUEST.ipv4);
        assert.equal(next.error, undefined, said);
        await eventually(async () => assert.equal((await network.held()).tables.length, 1));
        assert.deepEqual((await network.held()).queues, [0], said);
        await jitsu.control.stop('www');
      }
      await jitsu.end('SIGTERM');
      await eventually(async () => assert.deepEqual(await network.held(), { tables: [], queues: [] }));
    });
  }
});

/** And not the shell that starts it again. */
function isGate(pid: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    return words.includes('gate-program.js') && readlinkSync(`/proc/${pid}/exe`) === process.execPath;
  } catch {
    return false;
  }
}
