import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { TemporaryFolder } from '../support/temporary-folder.js';

const COMMAND = fileURLToPath(new URL('../../../cli/bin/jitsu.js', import.meta.url));

describe('the output of a command', () => {
  it('that cannot be written is told, and is a failure', async () => {
    const full = openSync('/dev/full', 'w');
    const command = spawn(process.execPath, [COMMAND, '--help=plain'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    const [said, status] = await Promise.all([text(command.stderr as Readable), statusOf(command)]);
    assert.deepEqual(
      [said, status],
      ['jitsu: The results cannot be written: ENOSPC: no space left on device, write\n', 1],
    );
  });

  it('may be left by its reader', async () => {
    const command = spawn('sh', ['-c', `"$0" "$1" --help=plain | head -n 1 >/dev/null`, process.execPath, COMMAND], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [said, status] = await Promise.all([text(command.stderr as Readable), statusOf(command)]);
    assert.deepEqual([said, status], ['', 0]);
  });

  it('leaves the status as it is where an error cannot be told', async () => {
    const full = openSync('/dev/full', 'w');
    const command = spawn(process.execPath, [COMMAND, 'status', '--nonsense'], { stdio: ['ignore', 'ignore', full] });
    closeSync(full);
    assert.equal(await statusOf(command), 2);
  });

  it('has a level for systemd at the head of each line of an error, where the journal takes it', () => {
    using folder = new TemporaryFolder();
    const file = openSync(folder.in('log'), 'w');
    const { dev, ino } = fstatSync(file);
    const env = { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` };
    spawnSync(process.execPath, [COMMAND, 'status', '--nonsense'], { stdio: ['ignore', 'ignore', file], env });
    closeSync(file);
    const [first = '', second = ''] = readFileSync(folder.in('log'), 'utf8').split('\n');
    assert.match(first, /^<3>jitsu: .*--nonsense/);
    assert.match(second, /^<3>Try /);
  });
});

async function statusOf(command: ChildProcess): Promise<unknown> {
  const [status] = (await once(command, 'exit')) as unknown[];
  return status;
}
