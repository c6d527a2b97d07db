import assert from 'node:assert/strict';
import { LightGuest } from '../../support/light-guest.js';
import { RoutedNetwork } from '../../support/netfilter/routed-network.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { tellFigure } from '../../support/tell-figure.js';

const NAMES = 300;
const PORT = 8_080;
/** In milliseconds. */
const BOOT_TIME = 20;
const PATIENCE = 100_000;

describe('three hundred stopped unikernels that are all knocked at within a second', function () {
  this.timeout(PATIENCE + 60_000);
  let network: RoutedNetwork;

  before(async function () {
    network = await RoutedNetwork.create(this);
  });
  after(() => network[Symbol.asyncDispose]());

  for (const [what, queue] of [
    ['all of which may wait for their boot', 1_000],
    ['most of which find the boot queue full, and are left to their retransmission', 40],
  ] as const) {
    it(`get all through, four booting at once, ${what}`, async () => {
      using guest = new LightGuest();
      const unikernels = Array.from({ length: NAMES }, (_, index) => {
        const ip = `127.1.${index >> 7}.${(index & 127) + 1}`;
        const command = guest.command(ip, PORT, BOOT_TIME);
        return { name: `n${index}`, dns: `n${index}.test`, ip, command, ready: `tcp:${PORT}` };
      });
      const settings = { doormen: { netfilter: {} }, boot: { limit: 4, queue, deadline: '90s' } };
      // What runs as Jitsu's own user could not be told from its probes.
      const privileges = 'none';
      await using jitsu = new RunningJitsu(unikernels, { ...settings, privileges }, within(network.host));
      await jitsu.start();
      const client = await network.startClient('host');
      const reports = await Promise.all(
        unikernels.map(async ({ ip }, index) => {
          await new Promise((resolve) => setTimeout(resolve, (index * 900) / NAMES));
          return client.tcp(ip, { port: PORT, connects: true, limit: PATIENCE });
        }),
      );
      const failures = reports.flatMap(({ error, took }) => (error === undefined ? [] : [`${error} after ${took} ms`]));
      assert.deepEqual(failures, [], jitsu.log.slice(-5_000));
      const last = Math.max(...reports.map(({ took }) => took));
      tellFigure(`${NAMES} names, ${what}: the last one is reached after ${(last / 1_000).toFixed(1)} s`);
      const history = await jitsu.control.history({ limit: 10_000 });
      const waits = history.filter(({ kind }) => kind === 'failed').map(({ code }) => code);
      assert.deepEqual(new Set(waits), new Set(queue < NAMES ? ['JITSU_BOOT_QUEUE_FULL'] : []));
      assert.deepEqual(
        history.filter(({ kind }) => kind === 'started').length,
        NAMES,
        'each is started once, by whoever knocks',
      );
    });
  }
});
