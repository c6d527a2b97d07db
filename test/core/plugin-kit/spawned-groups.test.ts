import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { SpawnedGroups } from '#core/plugin-kit/spawned-groups.js';
import { eventually } from '#core/testing/eventually.js';
import { cannotRun } from '../../support/cannot-run.js';

describe('the process groups that may be signalled', () => {
  let groups: SpawnedGroups;
  let children: ChildProcess[];

  beforeEach(function () {
    if (process.platform !== 'linux') cannotRun(this, 'processes are told apart by /proc');
    groups = new SpawnedGroups();
    children = [];
  });

  afterEach(() => {
    for (const { pid = NaN } of children) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  });

  function started(script = 'sleep 1000'): { child: ChildProcess; pid: number } {
    const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    return { child, pid: child.pid ?? NaN };
  }

  const startTimeOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[21] ?? '';

  it('are those that were added, until none of their processes is left', async () => {
    const { child, pid } = started('sleep 1000 & echo; sleep 1000');
    if (child.stdout !== null) await once(child.stdout, 'data');
    assert.equal(groups.signal(pid, 'SIGKILL'), false);
    assert.equal(child.killed, false);
    groups.add(pid, 'web');
    assert.deepEqual([groups.count('web'), groups.count('other')], [1, 0]);
    groups.ended(4_711);
    child.kill('SIGKILL');
    await once(child, 'exit');
    groups.ended(pid);
    assert.equal(groups.count('web'), 1);
    // The rest of the group is signalled, too.
    assert.equal(groups.signal(pid, 'SIGKILL'), true);
    await eventually(() => assert.equal(groups.count('web'), 0));
    assert.equal(groups.signal(pid, 'SIGKILL'), false);
  });

  it('are forgotten at once where the first process was the last', async () => {
    const { child, pid } = started('exit');
    groups.add(pid, 'web');
    const other = started();
    groups.add(other.pid, 'web');
    assert.equal(groups.count('web'), 2);
    await once(child, 'exit');
    groups.ended(pid);
    assert.equal(groups.count('web'), 1);
  });

  it('are those that were adopted, as long as they are the very ones', async () => {
    const [mine, other] = [started(), started()];
    groups.adopt(mine.pid, startTimeOf(mine.pid));
    groups.adopt(other.pid, String(Number(startTimeOf(other.pid)) - 1));
    groups.adopt(2 ** 22 + 1, '7');
    assert.equal(groups.signal(mine.pid, 'SIGKILL'), true);
    for (const pid of [other.pid, 2 ** 22 + 1]) assert.equal(groups.signal(pid, 'SIGKILL'), false);
    await once(mine.child, 'exit');
    assert.deepEqual([other.child.exitCode, other.child.signalCode], [null, null]);
    await eventually(() => assert.equal(groups.signal(mine.pid, 'SIGKILL'), false));
  });

  it('are let alone where their number belongs to somebody else', async () => {
    const { child, pid } = started();
    groups.add(pid, 'web');
    // As if it had been the first process that ended, and another had got its number since.
    groups.ended(pid);
    assert.deepEqual([groups.signal(pid, 'SIGKILL'), groups.count('web')], [false, 0]);
    assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
  });
});
