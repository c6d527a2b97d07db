import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { runJitsu, spawnJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** Starts a Jitsu that serves one name on a free port, and waits until it answers. */
async function startJitsu(folder: TemporaryFolder): Promise<ReturnType<typeof spawnJitsu>> {
  const word = `dns=a.test,ip=127.0.0.1,name=a,command=${process.execPath} -e setInterval(Boolean\\,1000)`;
  const flags = ['-x', 'process', '-l', '0', '-f', '0.0.0.0', '-d', '0', '--control', folder.in('c.sock')];
  const child = spawnJitsu(['start', ...flags, word], {
    cwd: folder.path,
    env: { RUNTIME_DIRECTORY: folder.in('run'), XDG_RUNTIME_DIR: folder.path },
  });
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes('answering DNS on')) break;
  }
  return child;
}

describe('jitsu start', () => {
  const folder = new TemporaryFolder();
  after(() => folder[Symbol.dispose]());

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`summons what jitsu resolve asks for, and ends in order at ${signal}`, async () => {
      const control = ['--control', folder.in('c.sock')];
      const child = await startJitsu(folder);
      try {
        const resolved = await runJitsu(['resolve', 'a.test', ...control], { cwd: folder.path });
        assert.equal(resolved.status, 0, resolved.stderr);
        assert.match(resolved.stdout, /^NOERROR .*\n\n.*\nanswer +a\.test +60 +A +127\.0\.0\.1\n$/);
        const shown = await runJitsu(['status', ...control], { cwd: folder.path });
        assert.match(shown.stdout, /\na +process +ready +a\.test /);
        const stopped = await runJitsu(['stop', 'a', ...control], { cwd: folder.path });
        assert.deepEqual(stopped, { status: 0, stdout: 'a is off.\n', stderr: '' });
      } finally {
        child.kill(signal);
      }
      await once(child, 'close');
      assert.deepEqual({ status: child.exitCode, signal: child.signalCode }, { status: 0, signal: null });
    });
  }

  it('ignores SIGHUP, and serves on', async () => {
    const child = await startJitsu(folder);
    child.kill('SIGHUP');
    const { status } = await runJitsu(['status', '--control', folder.in('c.sock')], { cwd: folder.path });
    child.kill('SIGTERM');
    await once(child, 'close');
    assert.deepEqual([status, child.exitCode], [0, 0]);
  });

  it('is found by other commands, from any folder, as long as it runs', async () => {
    const elsewhere = { cwd: '/', env: { RUNTIME_DIRECTORY: folder.in('run') } };
    const child = await startJitsu(folder);
    const [shown, stopped] = [await runJitsu(['status'], elsewhere), await runJitsu(['stop', 'a'], elsewhere)];
    child.kill('SIGTERM');
    await once(child, 'close');
    assert.match(shown.stdout, /\na +process +off +a\.test /, shown.stderr);
    assert.deepEqual(stopped, { status: 0, stdout: 'a is off.\n', stderr: '' });
    assert.match((await runJitsu(['status'], elsewhere)).stderr, /JITSU_NOT_RUNNING/);
    assert.deepEqual(readdirSync(folder.in('run/running')), []);
  });

  it('refuses a second Jitsu on the same control socket, with status 1', async () => {
    const child = await startJitsu(folder);
    try {
      const second = spawnJitsu(
        [
          '-x',
          'process',
          '-l',
          '0',
          '-f',
          '0.0.0.0',
          '--control',
          folder.in('c.sock'),
          'dns=b.test,ip=127.0.0.1,name=b,command=true',
        ],
        { cwd: folder.path, env: { RUNTIME_DIRECTORY: folder.in('run') } },
      );
      const [stderr] = await Promise.all([text(second.stderr), once(second, 'close')]);
      assert.equal(second.exitCode, 1);
      assert.match(stderr, /jitsu: JITSU_ALREADY_RUNNING {2}/);
    } finally {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
  });

  it('ends at once at a second signal, by that signal', async () => {
    const stubborn = {
      name: 'stubborn',
      dns: 'stubborn.test',
      ip: '127.0.0.1',
      backend: 'process',
      command: ['sh', '-c', "trap '' TERM; while :; do sleep 0.05; done"],
      mode: 'shutdown',
      grace: 60,
    };
    const config = {
      dns: { port: 0, forwarders: 'off' },
      boot: { delay: 0 },
      stop: { onExit: 'stop' },
      control: { socket: 'c.sock' },
      unikernels: [stubborn],
    };
    using own = new TemporaryFolder();
    writeFileSync(own.in('jitsu.config.json'), JSON.stringify(config));
    const setting = { cwd: own.path, env: { RUNTIME_DIRECTORY: own.in('run') } };
    const child = spawnJitsu([], setting);
    const log = createInterface({ input: child.stderr });
    const said = (words: string): Promise<void> =>
      new Promise((resolve) => {
        log.on('line', (line: string) => {
          if (line.includes(words)) resolve();
        });
      });
    await said('answering DNS on');
    const summoned = await runJitsu(['summon', 'stubborn'], setting);
    assert.equal(summoned.status, 0, summoned.stderr);
    const { stdout } = await runJitsu(['status', '--json'], setting);
    const { unikernels } = JSON.parse(stdout) as { unikernels: { domainId: number }[] };
    try {
      const stopping = said('stubborn: stopping');
      child.kill('SIGINT');
      await stopping;
      child.kill('SIGINT');
      await once(child, 'close');
      assert.equal(child.signalCode, 'SIGINT');
    } finally {
      for (const { domainId } of unikernels) process.kill(-domainId, 'SIGKILL');
    }
  });
});
