import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '#core/testing/eventually.js';
import { LinuxProcessTable, parseStat } from '#process/linux-process-table.js';
import { PortableProcessTable } from '#process/portable-process-table.js';
import type { ProcessTable } from '#process/process-table.js';

const tables: Record<string, () => ProcessTable> = {
  'the process table of /proc': () => new LinuxProcessTable(),
  'the process table of ps': () => new PortableProcessTable(),
};

for (const [name, make] of Object.entries(tables)) {
  describe(name, () => {
    const table = make();
    let child: ChildProcess;
    let pid: number;

    beforeEach(async () => {
      child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
      await once(child, 'spawn');
      pid = child.pid ?? NaN;
    });

    afterEach(() => child.kill('SIGKILL'));

    it('tells a process, its group and session', () => {
      const { group, session, state } = table.look(pid) ?? {};
      assert.deepEqual([group, session, state], [pid, pid, 'alive']);
    });

    it('tells the same start time each time', () => {
      const { startTime = '' } = table.look(pid) ?? {};
      assert.equal(table.look(pid)?.startTime, startTime);
      // That of ps is a date in whole seconds, which the first process of a container may share.
      if (table instanceof PortableProcessTable)
        assert.ok(Math.abs(Date.parse(`${startTime} UTC`) - Date.now()) < 5_000);
      else assert.notEqual(startTime, table.look(1)?.startTime);
    });

    it('tells that a process is stopped', async () => {
      child.kill('SIGSTOP');
      await eventually(() => assert.equal(table.look(pid)?.state, 'stopped'));
    });

    it('tells nothing of a process that is gone', async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(table.look(pid), undefined);
    });

    it('finds it among all', () => {
      assert.deepEqual(
        table.all().find((entry) => entry.pid === pid),
        table.look(pid),
      );
    });
  });
}

describe('a line of /proc/PID/stat', () => {
  const rest = (state: string, threads: number) =>
    `${state} 1 41 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 ${threads} 0 987654 1 2`;

  it('is read behind a name with blanks and parentheses', () => {
    const entry = parseStat(`43 (a) R 1 (b) ${rest('S', 1)}`);
    assert.deepEqual(entry, { pid: 43, group: 41, session: 42, startTime: '987654', state: 'alive' });
  });

  it('tells a zombie from a program whose first thread has ended', () => {
    assert.equal(parseStat(`43 (a) ${rest('Z', 1)}`).state, 'dead');
    assert.equal(parseStat(`43 (a) ${rest('Z', 3)}`).state, 'alive');
    assert.equal(parseStat(`43 (a) ${rest('T', 1)}`).state, 'stopped');
  });
});
