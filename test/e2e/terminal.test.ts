import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '#core/control/control-client.js';
import { eventually } from '#core/testing/eventually.js';
import { requireRoot, requireTool } from '../support/require-tool.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const COMMAND = fileURLToPath(new URL('../../../cli/bin/jitsu.js', import.meta.url));

describe('Jitsu, started by root in a terminal', function () {
  this.timeout(60_000);

  it('leaves the terminal, which belongs to a shell of root’s, and ends by Ctrl-C', async function () {
    requireRoot(this);
    const script = requireTool(this, 'script');
    using folder = new TemporaryFolder();
    chmodSync(folder.path, 0o711);
    const socket = folder.in('control.sock');
    writeFileSync(
      folder.in('jitsu.config.json'),
      JSON.stringify({
        dns: { bind: '127.0.0.1', port: 0, forwarders: 'off' },
        control: { socket },
        runtimeDirectory: folder.in('run'),
        privileges: { user: 4_000_001 },
        unikernels: [],
      }),
    );
    // The shell leads the session, as the one does from which somebody starts Jitsu.
    const command = `'${process.execPath}' '${COMMAND}' start --config '${folder.in('jitsu.config.json')}'; exit`;
    const terminal = spawn(script, ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(terminal, 'exit');
    let said = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    try {
      const { pid } = await eventually(() => new ControlClient(socket).status(), 30_000);
      await eventually(() => assert.match(said, /runs as the user/));
      const [, shell = ''] = fieldsOf(pid);
      assert.deepEqual([terminalOf(pid), terminalOf(Number(shell)) === '0'], ['0', false]);
      terminal.stdin.write('\x03');
      await ended;
      assert.match(said, /ending/);
    } finally {
      terminal.kill('SIGKILL');
      terminal.stdin.destroy();
    }
  });
});

/** What follows the name in brackets (proc_pid_stat(5)): state, parent, group, session, terminal. */
function fieldsOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').pop()?.split(' ') ?? [];
}

function terminalOf(pid: number): string | undefined {
  return fieldsOf(pid)[4];
}
