import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { SystemClock } from '#core/clock.js';
import { eventually } from '#core/testing/eventually.js';
import { SynjitsuNotifier } from '#synjitsu-vchan/synjitsu-notifier.js';
import { cannotRun } from '../../../../support/cannot-run.js';
import { findProgram } from '../../../../support/find-program.js';
import { spawnJitsu } from '../../../../support/jitsu-command.js';
import { MemoryLogger } from '../../../../support/memory-logger.js';
import { anEvent } from '../../../../support/store-records.js';
import { Dom0 } from '../../../../support/xen/dom0.js';
import { programFiles } from '../../../../support/xen/program-files.js';

const DOMAIN_0 = '00000000-0000-0000-0000-000000000000';
/** A program of Xen's own, by which the bytes of a vchan become those of a pipe. */
const PROXY = 'vchan-socket-proxy';

/** Listens as Synjitsu does, prints what it takes, and dies a sudden death after two records. */
const RECEIVER = `#!/bin/busybox sh
export LD_LIBRARY_PATH=/lib
busybox mkfifo /silence
exec 4<>/silence
while :; do
  ${PROXY} --mode=server 0 data/vchan/0/synjitsu - <&4 | for number in 1 2; do
    echo "record $(busybox dd bs=10 count=1 iflag=fullblock 2>/dev/null | busybox xxd -p)"
    if [ $number = 2 ]; then busybox killall -9 ${PROXY}; fi
  done
done
`;

describe('Synjitsu, on Xen', function () {
  this.timeout(180_000);
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

  /** By what the log says: who listens again at once is connected to again before anybody looks. */
  const untilSaid = (line: string, times: number): Promise<true> =>
    dom0.until(
      async () => (logger.lines.filter((each) => each === line).length === times ? true : undefined),
      () => `the log does not say ${times} times "${line}":\n${logger.lines.join('\n')}`,
    );

  const tell = (address: string): Promise<void> =>
    notifier.notify(anEvent({ kind: 'started', macs: ['00:16:3e:00:00:01'], addresses: [address] }));

  it('hears in dom0 what it is told, byte for byte, also when it has died and another has taken its place', async function () {
    const proxy = findProgram(PROXY) ?? cannotRun(this, `${PROXY} is not in the PATH (Debian: xen-utils)`);
    await open(DOMAIN_0);
    const receivers = {
      '192.0.2.1': () => spawn(proxy, ['--mode=server', '0', 'data/vchan/0/synjitsu', '-'], { stdio: 'pipe' }),
      '192.0.2.2': () => spawnJitsu(['synjitsu-listen']),
    };
    for (const [address, start] of Object.entries(receivers)) {
      const receiver = start();
      let [heard, said] = [Buffer.alloc(0), ''];
      receiver.stdout.on('data', (chunk: Buffer) => (heard = Buffer.concat([heard, chunk])));
      receiver.stderr.on('data', (chunk) => (said += String(chunk)));
      try {
        await untilConnected().catch((error: unknown) => assert.fail(`${String(error)}; ${said}`));
        await tell(address);
        const text = `Z  00:16:3e:00:00:01  ${address}\n`;
        await eventually(() =>
          address === '192.0.2.1'
            ? assert.equal(heard.toString('hex'), '00163e000001c0000201')
            : assert.equal(heard.toString().slice(-text.length), text),
        );
      } finally {
        const ended = once(receiver, 'exit');
        receiver.kill('SIGKILL');
        await ended;
      }
      await untilConnected(false);
    }
  });

  it('hears in a domain of its own what it is told, byte for byte, also when it has died and is back', async function () {
    const proxy = findProgram(PROXY) ?? cannotRun(this, `${PROXY} is not in the PATH (Debian: xen-utils)`);
    const guest = dom0.guest('synjitsu', {
      files: [...(await programFiles(proxy)), { path: 'bin/receiver', content: RECEIVER, isExecutable: true }],
      modules: ['xen-evtchn', 'xen-gntalloc'],
      program: '/bin/receiver',
    });
    const domainId = await dom0.create(guest);
    const uuid = (await dom0.readKey(`/local/domain/${domainId}/vm`))?.replace('/vm/', '') ?? '';
    await open(uuid);
    const connected = `domain ${domainId}, port synjitsu`;
    for (const life of [1, 2]) {
      await untilSaid(`info: Synjitsu is connected: ${connected}`, life);
      assert.deepEqual(notifier.status(), { connected: true, detail: connected });
      for (const number of [2 * life - 1, 2 * life]) {
        await tell(`192.0.2.${number}`);
        await dom0.untilConsole(guest, new RegExp(`^record 00163e000001c000020${number}$`, 'm'));
      }
      await untilSaid(`warn: Synjitsu is not connected: domain ${domainId} has closed the connection`, life);
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
