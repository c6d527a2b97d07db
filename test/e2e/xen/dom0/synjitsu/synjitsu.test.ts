import assert from 'node:assert/strict';
import { once } from 'node:events';
import { SystemClock } from '#core/clock.js';
import { eventually } from '#core/testing/eventually.js';
import { loadVchan } from '#synjitsu-vchan/native/vchan-library.js';
import { SynjitsuNotifier } from '#synjitsu-vchan/synjitsu-notifier.js';
import { spawnJitsu } from '../../../../support/jitsu-command.js';
import { MemoryLogger } from '../../../../support/memory-logger.js';
import { anEvent } from '../../../../support/store-records.js';
import { Dom0 } from '../../../../support/xen/dom0.js';
import { NODE_GUEST_MEMORY, nodeGuestFiles } from '../../../../support/xen/node-guest.js';

const DOMAIN_0 = '00000000-0000-0000-0000-000000000000';
const FOLDERS = ['plugins/synjitsu-vchan/dist', 'node_modules/koffi', 'node_modules/@koromix'];

/** Listens as Synjitsu does, prints what it takes, and dies a sudden death after two records. */
const RECEIVER = `
import { Worker } from 'node:worker_threads';
const program = new URL('plugins/synjitsu-vchan/dist/native/receiver-worker.js', import.meta.url);
const stop = new Int32Array(new SharedArrayBuffer(4));
let taken = 0;
new Worker(program, { workerData: { domain: 0, path: 'data/vchan/0/synjitsu', stop } }).on('message', (message) => {
  if (message.kind !== 'record') return console.log('receiver:', JSON.stringify(message));
  console.log('record', Buffer.from(message.bytes).toString('hex'));
  taken += 1;
  if (taken === 2) process.kill(process.pid, 'SIGKILL');
});
`;

describe('Synjitsu, on Xen', function () {
  this.timeout(120_000);
  let dom0: Dom0;
  let notifier: SynjitsuNotifier;
  let logger: MemoryLogger;

  before(async function () {
    dom0 = await Dom0.open(this);
  });

  after(async () => dom0[Symbol.asyncDispose]());

  afterEach(async () => notifier.close());

  const open = async (uuid: string): Promise<void> => {
    logger = new MemoryLogger();
    notifier = new SynjitsuNotifier({ uuid }, new SystemClock(), logger);
    await notifier.open();
  };

  const untilConnected = (isSo = true): Promise<true> =>
    dom0.until(
      async () => (notifier.status().connected === isSo ? true : undefined),
      () => `connected is not ${String(isSo)}: ${notifier.status().detail}`,
    );

  const tell = (address: string): Promise<void> =>
    notifier.notify(anEvent({ kind: 'started', macs: ['00:16:3e:00:00:01'], addresses: [address] }));

  it('hears in dom0 what it is told, byte for byte, also when it has died and is back', async () => {
    await open(DOMAIN_0);
    for (const last of [1, 2]) {
      const receiver = spawnJitsu(['synjitsu-listen', '--json']);
      let [stdout, stderr] = ['', ''];
      receiver.stdout.on('data', (chunk) => (stdout += String(chunk)));
      receiver.stderr.on('data', (chunk) => (stderr += String(chunk)));
      try {
        await untilConnected().catch((error: unknown) => assert.fail(`${String(error)}; ${stderr}`));
        await tell(`192.0.2.${last}`);
        await eventually(() => assert.match(stdout, new RegExp(`"bytes":"00163e000001c000020${last}"`)));
      } finally {
        const ended = once(receiver, 'exit');
        receiver.kill('SIGKILL');
        await ended;
      }
      await untilConnected(false);
    }
  });

  it('hears in a domain of its own what it is told, byte for byte, also when it has died and is back', async () => {
    // Its libraries are those that are loaded here.
    loadVchan();
    const guest = dom0.guest('synjitsu', {
      files: nodeGuestFiles(RECEIVER, FOLDERS),
      modules: ['xen-evtchn', 'xen-gntalloc'],
      program: '/bin/start',
      memory: NODE_GUEST_MEMORY,
    });
    const domainId = await dom0.create(guest);
    const uuid = (await dom0.readKey(`/local/domain/${domainId}/vm`))?.replace('/vm/', '') ?? '';
    await open(uuid);
    await dom0.untilConsole(guest, /"listening"/);
    for (const pair of [
      [1, 2],
      [3, 4],
    ]) {
      await untilConnected();
      assert.equal(notifier.status().detail, `domain ${domainId}, port synjitsu`);
      for (const number of pair) {
        await tell(`192.0.2.${number}`);
        await dom0.untilConsole(guest, new RegExp(`^record 00163e000001c000020${number}$`, 'm'));
      }
      await untilConnected(false);
    }
    await untilConnected();
    await dom0.xl('destroy', guest.name);
    await untilConnected(false);
    await dom0.until(
      async () => (notifier.status().detail === `no domain has the UUID ${uuid}` ? true : undefined),
      () => notifier.status().detail,
    );
  });
});
