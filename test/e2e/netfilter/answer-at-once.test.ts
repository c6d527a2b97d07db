import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { GUEST, RoutedNetwork, type Client } from '../../support/netfilter/routed-network.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

const PLUGIN = fileURLToPath(new URL('../../support/netfilter/guest-plugin.js', import.meta.url));

/** How long the guest takes to boot, in milliseconds. */
const SLOW = 3_000;

/** TCP sends a first packet again after 1, 3 and 7 s: one that is lost when the guest is ready comes seconds later. */
const RETRANSMITTED = 2_500;

describe('an answer at once for a guest, with the netfilter doorman', function () {
  this.timeout(90_000);
  let network: RoutedNetwork;
  let jitsu: RunningJitsu;
  let client: Client;

  before(async function () {
    network = await RoutedNetwork.create(this);
  });
  after(() => network[Symbol.asyncDispose]());
  afterEach(async () => {
    client?.process.kill('SIGKILL');
    await jitsu.control.stop('www').catch(() => undefined);
    await jitsu[Symbol.asyncDispose]();
  });

  const start = async (wake: object, more: object = {}): Promise<void> => {
    const doormen = { netfilter: { bridges: ['br0'] } };
    jitsu = new RunningJitsu(
      [],
      { plugins: [PLUGIN], privileges: 'none', doormen, wake, ...more },
      within(network.host),
    );
    jitsu.configure([network.aGuest(jitsu.in(), { bootTime: SLOW })]);
    await jitsu.start();
  };
  const ask = async (): Promise<{ readonly addresses: readonly string[]; readonly took: number }> => {
    const begin = performance.now();
    const { addresses } = await jitsu.ask('www.test');
    return { addresses, took: performance.now() - begin };
  };
  const causes = async (): Promise<readonly unknown[]> =>
    (await jitsu.control.history({ unikernel: 'www' }))
      .filter(({ kind }) => kind === 'summoning')
      .map(({ cause }) => cause);

  /** When it was ready for the first time, by the wall clock. */
  const readyAt = async (): Promise<number> => {
    const ready = (await jitsu.control.history({ unikernel: 'www' })).find(({ kind }) => kind === 'ready');
    assert.ok(ready, jitsu.log);
    return ready.at;
  };

  for (const place of ['routed', 'bridge'] as const) {
    it(`comes long before the guest is ready; a connection ${place === 'routed' ? 'from beyond the host' : 'from its own bridge'} is held until then`, async () => {
      await start({ answer: 'at-once' });
      client = await network.startClient(place);
      const { addresses } = await ask();
      const answered = Date.now();
      assert.deepEqual(addresses, [GUEST.ipv4]);
      const { error } = await client.tcp();
      const connected = Date.now();
      assert.equal(error, undefined, jitsu.log);
      const ready = await readyAt();
      assert.ok(answered < ready, `${answered - ready} ms after it was ready`);
      assert.ok(connected < ready + RETRANSMITTED, `${connected - ready} ms after it was ready`);
      assert.deepEqual(
        (await causes()).map((cause) => (cause as { kind: string }).kind),
        ['query'],
      );
      assert.equal((await jitsu.status('www')).totalStarts, 1);
    });
  }

  it('boots nothing where only a connection does', async () => {
    await start({ on: 'connection' });
    client = await network.startClient('routed');
    for (let time = 0; time < 5; time += 1) {
      assert.deepEqual((await ask()).addresses, [GUEST.ipv4]);
    }
    await sleep(200);
    const { state, totalStarts, answersAtOnce, armed } = await jitsu.status('www');
    assert.deepEqual([state, totalStarts, answersAtOnce, armed], ['off', 0, true, true]);
    const { error, took } = await client.tcp();
    assert.equal(error, undefined, jitsu.log);
    const connected = Date.now();
    assert.ok(took > SLOW, `${took} ms`);
    const late = connected - (await readyAt());
    assert.ok(late < RETRANSMITTED, `${late} ms after it was ready`);
    assert.deepEqual(await causes(), [{ kind: 'knock', protocol: 'tcp', port: 80, from: '10.78.0.2' }]);
  });

  it('goes to a question that may be forged, which boots nothing; a connection from a trusted network does', async () => {
    await start({ answer: 'at-once', trusted: ['10.78.0.0/24'], proof: 'cookie-or-tcp' });
    client = await network.startClient('routed');
    const other = await network.startClient('bridge');
    assert.deepEqual((await ask()).addresses, [GUEST.ipv4]);
    // Nor is the first packet of a connection a proof.
    const { error } = await other.tcp();
    assert.equal(error, 'ECONNREFUSED');
    assert.equal((await jitsu.status('www')).totalStarts, 0);
    assert.equal((await client.tcp()).error, undefined, jitsu.log);
    assert.deepEqual(await causes(), [{ kind: 'knock', protocol: 'tcp', port: 80, from: '10.78.0.2' }]);
    other.process.kill('SIGKILL');
  });

  it('waits for the guest while the gate is lost, and comes at once again when it is back', async () => {
    await start({ answer: 'at-once' });
    assert.equal((await jitsu.status('www')).answersAtOnce, true);
    // Its first death is mended at once, its second a second later.
    for (let deaths = 0; deaths < 2; deaths += 1) {
      await eventually(async () => assert.equal((await jitsu.status('www')).answersAtOnce, true));
      process.kill(await gatePid(), 'SIGKILL');
      await eventually(async () => assert.equal((await jitsu.status('www')).answersAtOnce, false));
    }
    assert.match(jitsu.log, /answered/);
    const late = await ask();
    assert.deepEqual(late.addresses, [GUEST.ipv4]);
    assert.ok(late.took > SLOW - 500, `${late.took} ms`);
    await jitsu.control.stop('www');
    await eventually(async () => assert.equal((await jitsu.status('www')).answersAtOnce, true));
    const early = await ask();
    assert.deepEqual(early.addresses, [GUEST.ipv4]);
    assert.ok(early.took < SLOW, `${early.took} ms`);
    client = await network.startClient('routed');
    assert.equal((await client.tcp()).error, undefined, jitsu.log);
  });

  const gatePid = async (): Promise<number> => {
    const pids = (await network.host.run('ip', 'netns', 'pids', network.host.name))
      .split('\n')
      .filter((pid) => pid !== '');
    const found = pids.find(
      (pid) => commandOf(pid).split('\0')[0] === process.execPath && commandOf(pid).includes('gate-program.js'),
    );
    assert.ok(found, 'there is a gate');
    return Number(found);
  };
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
