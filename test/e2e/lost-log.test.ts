import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '#core/control/control-client.js';
import { eventually } from '#core/testing/eventually.js';
import { nodeFlags } from '../support/node-flags.js';
import { requireTool } from '../support/require-tool.js';
import { isRunning } from '../support/running-jitsu.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const COMMAND = fileURLToPath(new URL('../../../cli/bin/jitsu.js', import.meta.url));

describe('Jitsu, whose log cannot be written any more', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let control: ControlClient;
  let words: readonly string[];

  beforeEach(() => {
    folder = new TemporaryFolder();
    chmodSync(folder.path, 0o711);
    const socket = folder.in('control.sock');
    control = new ControlClient(socket);
    const file = folder.in('jitsu.config.json');
    words = [process.execPath, ...nodeFlags, COMMAND, 'start', '--config', file];
    const unikernel = { name: 'sleeper', dns: 'sleeper.test', ip: '127.0.0.9', command: 'sleep 1000' };
    writeFileSync(
      file,
      JSON.stringify({
        dns: { bind: '127.0.0.1', port: 0, forwarders: 'off' },
        control: { socket },
        runtimeDirectory: folder.in('run'),
        stop: { onExit: 'stop' },
        backend: 'process',
        unikernels: [unikernel],
      }),
    );
  });

  afterEach(() => folder[Symbol.dispose]());

  it('goes on, and ends in order, where the disk is full', async () => {
    const full = openSync('/dev/full', 'w');
    const [node = '', ...rest] = words;
    const jitsu = spawn(node, rest, { stdio: ['ignore', full, full] });
    closeSync(full);
    const ended = once(jitsu, 'exit');
    try {
      await eventually(() => control.status(), 30_000);
      assert.equal((await control.summon('sleeper')).phase, 'ready');
      jitsu.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    } finally {
      jitsu.kill('SIGKILL');
    }
  });

  for (const [title, level] of [
    ['goes on, and ends in order, after its terminal has gone', 'info'],
    ['ends in order after its terminal has gone, where nothing was written since', 'silent'],
  ] as const) {
    it(title, async function () {
      const script = requireTool(this, 'script');
      const status = folder.in('status');
      const quoted = [...words, '--log-level', level].map((word) => `'${word}'`).join(' ');
      const command = `trap '' HUP; ${quoted}; echo $? >'${status}'`;
      const terminal = spawn(script, ['-qec', command, '/dev/null'], { stdio: ['pipe', 'ignore', 'inherit'] });
      const gone = once(terminal, 'exit');
      let pid = 0;
      try {
        await eventually(async () => assert((await control.status()).listening.length > 0), 30_000);
        ({ pid } = await control.status());
        terminal.kill('SIGKILL');
        await gone;
        assert.equal((await control.summon('sleeper')).phase, 'ready');
        process.kill(pid, 'SIGTERM');
        await eventually(() => assert(existsSync(status) && readFileSync(status, 'utf8') === '0\n'), 10_000);
      } finally {
        terminal.kill('SIGKILL');
        terminal.stdin.destroy();
        if (pid !== 0 && isRunning(pid)) process.kill(pid, 'SIGKILL');
      }
    });
  }
});
