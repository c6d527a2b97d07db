import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { SystemClock } from '#core/clock.js';
import { LinuxProcessTable } from '#process/linux-process-table.js';
import { ProcessGroup } from '#process/process-group.js';
import { cannotRun } from '../../support/cannot-run.js';

describe('the group of a process', () => {
  let leader: ChildProcess;
  let pid: number;
  let table: LinuxProcessTable;

  beforeEach(function () {
    if (process.platform !== 'linux') cannotRun(this, 'processes are told apart by /proc');
    table = new LinuxProcessTable();
    leader = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    pid = leader.pid ?? NaN;
  });

  afterEach(() => {
    leader.kill('SIGKILL');
  });

  const groupOf = (startTime: string): ProcessGroup =>
    new ProcessGroup('id-of-web', { pid, startTime, bootId: table.bootId }, table, new SystemClock());

  it('gets signals while its first process is the very one of the record', async () => {
    const group = groupOf(table.look(pid)?.startTime ?? '');
    assert.equal(group.look(), 'running');
    group.signal('SIGKILL');
    while (group.look() === 'running') await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(await group.ended, {});
    assert.equal(group.hasEnded, true);
  });

  it('has ended, and gets no signal, where another process has got the pid', async () => {
    const group = groupOf('an earlier one');
    group.signal('SIGKILL');
    assert.equal(group.look(), 'stopping');
    assert.deepEqual(await group.ended, {});
    assert.equal(table.look(pid)?.state, 'alive', 'the other process goes on');
  });
});
