import { ManualClock, SystemClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { LinuxProcessTable } from '#process/linux-process-table.js';
import { ProcessGroup } from '#process/process-group.js';
import type { Exit, ProcessEnds } from '@jitsud/core/plugin';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';
import { cannotRun } from '../../support/cannot-run.js';
import { FakeProcesses } from '../../support/fake-processes.js';

const PID = 700_001;
const MEMBER = 700_002;

describe('the processes of a unikernel', () => {
  let processes: FakeProcesses;
  let clock: ManualClock;
  let exit: (exit: Exit) => void;
  let child: { pid: number; exited: Promise<Exit>; told: boolean };

  beforeEach(() => {
    processes = new FakeProcesses();
    clock = new ManualClock();
    processes.add(PID);
    processes.add(1, { state: 'alive' });
    child = { pid: PID, exited: new Promise((resolve) => (exit = resolve)), told: true };
  });

  afterEach(() => processes[Symbol.dispose]());

  /** A group, and how it ended; `reported` where the spawner reports its end. */
  function aGroup(reported: boolean): { group: ProcessGroup; ends: Exit[] } {
    const record = { pid: PID, startTime: '100', bootId: processes.bootId };
    const group = new ProcessGroup('id', record, processes, clock, new SealableSpawner(), reported ? child : undefined);
    const ends: Exit[] = [];
    void group.ended.then((end) => ends.push(end));
    return { group, ends };
  }

  it('run, or are suspended, as the first of them', () => {
    const { group } = aGroup(false);
    assert.deepEqual([group.pid, group.look(), group.isTold], [PID, 'running', false]);
    processes.change(PID, { state: 'stopped' });
    assert.equal(group.look(), 'suspended');
    group.check();
    assert.deepEqual([group.hasEnded, group.gentle, group.released], [false, false, false]);
    assert.deepEqual(processes.signals, []);
  });

  for (const [what, change] of [
    ['has gone', undefined],
    ['is a zombie', { state: 'dead' }],
    ['has a successor by its number', { startTime: '101' }],
  ] as const) {
    it(`have ended when a look shows that the first one ${what}, unless that is reported`, async () => {
      processes.change(PID, change);
      const { group, ends } = aGroup(false);
      assert.equal(group.look(), 'stopping');
      assert.equal(group.look(), 'stopping');
      if (change !== undefined && 'state' in change) processes.change(PID);
      await clock.advance(10);
      assert.deepEqual([ends, group.hasEnded, group.look()], [[{}], true, 'stopping']);
      assert.equal(clock.pending, 0);
      const reported = aGroup(true);
      assert.equal(reported.group.look(), 'stopping');
      await clock.advance(10);
      assert.deepEqual([reported.ends, reported.group.isTold], [[], true]);
      exit({ status: 3 });
      await clock.advance(0);
      assert.deepEqual(reported.ends, [{ status: 3 }]);
    });
  }

  it('have ended when a check shows that the number of the first one is unused, unless that is reported', async () => {
    const [lost, reported] = [aGroup(false), aGroup(true)];
    for (const { group } of [lost, reported]) group.check();
    await clock.advance(0);
    assert.deepEqual([lost.ends, reported.ends], [[], []]);
    processes.change(PID);
    for (const { group } of [lost, reported]) group.check();
    await clock.advance(0);
    assert.deepEqual([lost.ends, reported.ends], [[{}], []]);
    child.told = false;
    reported.group.check();
    await clock.advance(0);
    assert.deepEqual(reported.ends, [{}]);
    assert.deepEqual(processes.signals, []);
  });

  it('have not ended for a system that does not let us look', async () => {
    const { ends } = aGroup(true);
    processes.add(MEMBER, { group: PID, session: PID });
    processes.change(PID);
    processes.look = () => {
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    };
    exit({ status: 3 });
    await clock.advance(100);
    assert.deepEqual(ends, []);
    Reflect.deleteProperty(processes, 'look');
    processes.change(MEMBER);
    await clock.advance(100);
    assert.deepEqual(ends, [{ status: 3 }]);
  });

  it('get signals all together, until they have ended or the number belongs to somebody else', async () => {
    const { group } = aGroup(true);
    void group.signal('SIGTERM');
    assert.deepEqual(processes.signals, [`SIGTERM -${PID}`]);
    processes.change(PID, { startTime: '101' });
    void group.signal('SIGTERM');
    exit({});
    await clock.advance(0);
    assert.ok(group.hasEnded);
    processes.change(PID, { startTime: '100' });
    void group.signal('SIGTERM');
    assert.equal(processes.signals.length, 1);
  });

  it('are killed again and again when the first has ended, after longer and longer pauses, until none is left', async () => {
    const { group, ends } = aGroup(false);
    processes.add(MEMBER, { group: PID, session: PID });
    processes.change(PID);
    group.check();
    group.check();
    assert.equal(group.look(), 'stopping');
    await clock.advance(0);
    assert.deepEqual(processes.signals, [`SIGKILL -${PID}`]);
    await clock.advance(10);
    assert.equal(processes.signals.length, 5);
    // The pauses are 1, 2, … 50, 50 ms.
    await clock.advance(1_325 - 11);
    assert.equal(processes.signals.length, 51);
    await clock.advance(1);
    assert.equal(processes.signals.length, 52);
    assert.deepEqual([group.hasEnded, ends], [false, []]);
    processes.change(MEMBER);
    await clock.advance(50);
    assert.deepEqual([group.hasEnded, ends, processes.signals.length], [true, [{}], 52]);
  });

  it('may end by themselves where that is wanted', async () => {
    const { group, ends } = aGroup(true);
    processes.add(MEMBER, { group: PID, session: PID });
    processes.change(PID);
    group.gentle = true;
    exit({ status: 0 });
    await clock.advance(500);
    assert.deepEqual([processes.signals, ends], [[], []]);
    processes.change(MEMBER);
    await clock.advance(50);
    assert.deepEqual(ends, [{ status: 0 }]);
  });

  it('have ended, too, where only zombies are left, which is looked for each 16th time', async () => {
    const { ends } = aGroup(true);
    processes.add(MEMBER, { group: PID, session: PID, state: 'dead' });
    processes.change(PID);
    exit({ signal: 'SIGKILL' });
    await clock.advance(119);
    assert.deepEqual(ends, []);
    await clock.advance(1);
    assert.deepEqual(ends, [{ signal: 'SIGKILL' }]);
  });

  it('count as ending as soon as the system tells the end of the first, and have ended when the spawner tells it', async () => {
    let endings = 0;
    const record = { pid: PID, startTime: '100', bootId: processes.bootId };
    const spawner = new SealableSpawner();
    const group = new ProcessGroup('id', record, processes, clock, spawner, child, () => (endings += 1));
    let told = (): void => assert.fail('nobody watches it');
    let watches = 0;
    const watch = (pid: number, listener: () => void): Disposable => {
      assert.equal(pid, PID);
      told = listener;
      watches += 1;
      return { [Symbol.dispose]: () => void (watches -= 1) };
    };
    group.watchEnd({ watch } as unknown as ProcessEnds);
    group.watchEnd({ watch } as unknown as ProcessEnds);
    assert.deepEqual([endings, watches, group.needsWatch], [0, 1, false]);
    processes.change(PID, { state: 'dead' });
    told();
    assert.deepEqual([endings, group.hasEnded, group.look()], [1, false, 'stopping']);
    processes.change(PID);
    exit({ status: 3 });
    assert.deepEqual(await group.ended, { status: 3 });
    assert.deepEqual([endings, watches], [1, 0]);
  });

  it('are let alone once they are released', async () => {
    const { group } = aGroup(true);
    processes.add(MEMBER, { group: PID, session: PID });
    processes.change(PID);
    exit({});
    await clock.advance(0);
    group.release();
    await clock.advance(100);
    assert.deepEqual([processes.signals.length, clock.pending], [1, 0]);
  });
});

describe('the group of a process of the system', () => {
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
    new ProcessGroup(
      'id-of-web',
      { pid, startTime, bootId: table.bootId },
      table,
      new SystemClock(),
      new SealableSpawner(),
    );

  it('gets signals while its first process is the very one of the record', async () => {
    const group = groupOf(table.look(pid)?.startTime ?? '');
    assert.equal(group.look(), 'running');
    void group.signal('SIGKILL');
    while (group.look() === 'running') await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(await group.ended, {});
    assert.equal(group.hasEnded, true);
  });

  it('has ended, and gets no signal, where another process has got the pid', async () => {
    const group = groupOf('an earlier one');
    void group.signal('SIGKILL');
    assert.equal(group.look(), 'stopping');
    assert.deepEqual(await group.ended, {});
    assert.equal(table.look(pid)?.state, 'alive', 'the other process goes on');
  });
});
