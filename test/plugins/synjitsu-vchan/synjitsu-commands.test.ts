import { describeCommand } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { SystemClock } from '#core/clock.js';
import { eventually } from '#core/testing/eventually.js';
import { listenOptions, SynjitsuListen } from '#synjitsu-vchan/synjitsu-listen.js';
import { SynjitsuNotifier } from '#synjitsu-vchan/synjitsu-notifier.js';
import { runJitsu, spawnJitsu } from '../../support/jitsu-command.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { VchanBed } from '../../support/vchan/vchan-bed.js';

const DOMAIN_0 = '00000000-0000-0000-0000-000000000000';
const LISTENER = '/local/domain/0/data/vchan/0/synjitsu';

describe('the commands around Synjitsu', function () {
  this.timeout(120_000);

  it('have a help, made of what the plugin says of its flags', async () => {
    const { status, stdout } = await runJitsu(['synjitsu-listen', '--help']);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: jitsu synjitsu-listen \[options\]\n\nStand where Synjitsu would/);
    assert.match(stdout, /\n {2}--from <FROM> +The number of the domain in which Jitsu runs\. \(0\)\n/);
    assert.match(stdout, /\n {2}--json +Print/);
  });

  it('refuse flags that are wrong, and words, with status 2', async () => {
    for (const [words, complaint] of [
      [['--from', 'x'], /^jitsu: JITSU_CONFIG_INVALID {2}jitsu synjitsu-listen has a problem:\n {2}--from: 'x'\. /],
      [['--xyzzy'], /^jitsu: unknown option '--xyzzy'\nTry 'jitsu synjitsu-listen --help'\.\n$/],
      [['word'], /^jitsu: too many arguments/],
    ] as const) {
      const { status, stderr } = await runJitsu(['synjitsu-listen', ...words]);
      assert.equal(status, 2);
      assert.match(stderr, complaint);
    }
  });

  it('are said to exist by the manual', async () => {
    const { stdout } = await runJitsu(['--help=plain']);
    assert.match(stdout, /\n {7}synjitsu-listen\n {11}Stand where Synjitsu would/);
  });

  describe('with libxenvchan', () => {
    let bed: VchanBed;
    let folder: TemporaryFolder;

    before(async function () {
      bed = await VchanBed.start(this);
      folder = new TemporaryFolder();
    });

    after(async () => {
      await bed[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    });

    async function tell(): Promise<void> {
      const notifier = new SynjitsuNotifier({ uuid: DOMAIN_0 }, new SystemClock(), new MemoryLogger());
      await notifier.open();
      await eventually(() => assert.equal(notifier.status().connected, true));
      for (const address of ['192.0.2.1', '192.0.2.2']) {
        await notifier.notify(anEvent({ kind: 'started', macs: ['00:16:3e:00:00:01'], addresses: [address] }));
      }
      await notifier.close();
    }

    describeCommand('synjitsu-listen', {
      patience: 60_000,
      // A listener that was killed has left there how to reach it.
      setUp: async () => {
        if (await bed.store.exists(LISTENER)) await bed.store.rm(LISTENER);
      },
      schema: listenOptions,
      command: (options) => new SynjitsuListen(options, new SystemClock()),
      runs: [
        {
          it: 'ends after as many records as were asked for',
          flags: { count: 2 },
          meanwhile: tell,
          out: /^.*192\.0\.2\.1\n.*192\.0\.2\.2\n$/,
          err: /^listening on the port synjitsu for domain 0\ndomain 0 has connected\n/,
        },
        {
          it: 'prints JSON where it is asked to',
          flags: { count: 2, json: true },
          meanwhile: tell,
          out: /^(\{"at":.*"mac":"00:16:3e:00:00:01".*\}\n){2}$/,
        },
      ],
      endless: {},
      refused: [
        { because: 'a domain without a number', flags: { from: 'x' } },
        { because: 'a port with a slash in its name', flags: { port: 'a/b' } },
        { because: 'no record at all', flags: { count: 0 } },
      ],
    });

    it('print what they are told, decoded, and end after as many records as were asked for', async () => {
      const child = spawnJitsu(['synjitsu-listen', '--count', '2', '--json'], { env: bed.environment });
      const [, stdout] = await Promise.all([tell(), text(child.stdout), once(child, 'exit')]);
      assert.equal(child.exitCode, 0);
      const records = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { at: number; bytes: string });
      assert.deepEqual(
        records.map(({ at: _at, ...record }) => record),
        [
          { mac: '00:16:3e:00:00:01', address: '192.0.2.1', bytes: '00163e000001c0000201' },
          { mac: '00:16:3e:00:00:01', address: '192.0.2.2', bytes: '00163e000001c0000202' },
        ],
      );
      assert.ok(records.every(({ at }) => Math.abs(at - Date.now()) < 60_000));
    });

    it('print a line a record for people, and end in order at a signal, leaving nothing in the store', async () => {
      const child = spawnJitsu(['synjitsu-listen'], { env: bed.environment });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk) => (stdout += String(chunk)));
      child.stderr.on('data', (chunk) => (stderr += String(chunk)));
      await tell();
      await eventually(() => assert.equal(stdout.trim().split('\n').length, 2));
      assert.match(stdout, /^\d{4}-\d\d-\d\dT[\d:.]+Z {2}00:16:3e:00:00:01 {2}192\.0\.2\.1\n/);
      await eventually(() => assert.match(stderr, /gone\nlistening on the port synjitsu for domain 0\n$/));
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      assert.deepEqual(await ended, [0, null]);
      assert.equal(await bed.store.exists(LISTENER), false);
    });

    it('let jitsu status say whether Synjitsu is connected, and a Jitsu that is connected end at once', async () => {
      const control = folder.in('control.sock');
      const listener = spawnJitsu(['synjitsu-listen'], { env: bed.environment });
      const words = [
        'start',
        '-x',
        'process',
        '-l',
        '0',
        '-f',
        '0.0.0.0',
        '--control',
        control,
        '--synjitsu',
        DOMAIN_0,
      ];
      const unikernel = 'dns=a.test,ip=127.0.0.9,name=a,command=/bin/true';
      const env = { ...bed.environment, RUNTIME_DIRECTORY: folder.path };
      const jitsu = spawnJitsu([...words, unikernel], { cwd: folder.path, env });
      try {
        await eventually(async () => {
          const { stdout } = await runJitsu(['status', '--control', control]);
          assert.match(stdout, /\nnotifier synjitsu: connected: domain 0, port synjitsu\n$/);
        });
        const { stdout } = await runJitsu(['status', '--control', control, '--json']);
        const { notifiers } = JSON.parse(stdout) as { notifiers: unknown };
        assert.deepEqual(notifiers, [{ name: 'synjitsu', connected: true, detail: 'domain 0, port synjitsu' }]);
        const ended = once(jitsu, 'exit');
        const asked = performance.now();
        jitsu.kill('SIGTERM');
        assert.deepEqual(await ended, [0, null]);
        assert.ok(performance.now() - asked < 3_000, 'it took its time to end');
      } finally {
        jitsu.kill('SIGKILL');
        listener.kill('SIGKILL');
        await Promise.all(
          [jitsu, listener].map(async (child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')),
        );
      }
    });
  });

  it('say what to install where there is no libxenvchan, and start nothing', async function () {
    const { findLibrary } = await import('../../support/vchan/find-library.js');
    if (await findLibrary('libxenvchan.so')) {
      const { cannotRun } = await import('../../support/cannot-run.js');
      cannotRun(this, 'libxenvchan is installed here');
    }
    using folder = new TemporaryFolder();
    const control = folder.in('control.sock');
    const start = ['start', '-x', 'process', '-l', '0', '--control', control, '--synjitsu', DOMAIN_0];
    const unikernel = 'dns=a.test,ip=127.0.0.9,name=a,command=/bin/true';
    for (const words of [[...start, unikernel], ['synjitsu-listen']]) {
      const { status, stderr } = await runJitsu(words, { cwd: folder.path, env: { RUNTIME_DIRECTORY: folder.path } });
      assert.equal(status, 1);
      assert.match(stderr, /jitsu: JITSU_NOTIFIER_FAILED {2}.*apt-get install libxenmisc4\.17/);
    }
  });
});
