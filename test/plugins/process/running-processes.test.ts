import { ManualClock, SystemClock } from '@jitsud/core/testing';
import type { Clock, PowerChange } from '@jitsud/core/plugin';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, GLANCE, isPending } from '#core/testing/eventually.js';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';
import { LinuxProcessTable } from '#process/linux-process-table.js';
import type { MachineRecord } from '#process/machine-records.js';
import type { ProcessPlan } from '#process/process-plan.js';
import { HeldListeners } from '#process/held-listeners.js';
import { RunningProcesses } from '#process/running-processes.js';
import { cannotRun } from '../../support/cannot-run.js';
import { ProcessSystem } from '../../support/process-system.js';

const ID = '1b2fa29b-1f9c-5509-a337-b3c1a8b1873f';
const OTHER = '1b2fa29b-1f9c-5509-a337-b3c1a8b1873e';

describe('the running processes of a connection', () => {
  let system: ProcessSystem;
  let changes: PowerChange[];
  let running: RunningProcesses;

  beforeEach(() => {
    system = new ProcessSystem();
    changes = [];
    running = make();
  });

  afterEach(() => {
    running.close();
    system[Symbol.dispose]();
  });

  const make = (connection = 'process', clock: Clock = new SystemClock()): RunningProcesses =>
    new RunningProcesses(
      ...([system.folder.path, connection, clock, system.logger, new SealableSpawner()] as const),
      new HeldListeners(clock, system.logger),
      (change) => changes.push(change),
    );
  const plan = (script: string, id = ID): ProcessPlan => ({
    ...{ id, name: `web of ${id}`, program: '/bin/sh', words: ['sh', '-c', script] as const, cwd: '/', env: {} },
    account: undefined,
  });
  const folder = (): string => join(system.folder.path, 'process-process');
  const parentOf = (pid = NaN): string | undefined =>
    /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const offDetail = async (wanted = ID): Promise<string | undefined> =>
    eventually(() => {
      const last = changes.findLast(({ id }) => id === wanted);
      assert.equal(last?.state, 'off');
      return last?.detail;
    });

  it('are not to be had before it is opened and after it is closed', async () => {
    const closed = {
      code: 'JITSU_BACKEND_UNREACHABLE',
      message: "The process backend 'process' is not connected.",
    };
    assert.throws(() => running.get(ID), closed);
    await assert.rejects(running.spawn(plan('exit')), closed);
    running.open();
    assert.equal(running.get(ID), undefined);
    running.close();
    assert.throws(() => running.get(ID), closed);
    assert.deepEqual(readdirSync(folder()), ['output']);
  });

  it('have a folder by the name of the connection', () => {
    running = make('a/b');
    running.open();
    assert.deepEqual(readdirSync(system.folder.path), ['process-a%2Fb']);
    assert.deepEqual(readdirSync(join(system.folder.path, 'process-a%2Fb')), ['output']);
  });

  it('cannot be had where nothing can be written', () => {
    writeFileSync(folder(), '');
    assert.throws(() => running.open(), {
      code: 'JITSU_BACKEND_UNREACHABLE',
      message: new RegExp(
        `^The process backend cannot keep its records in ${system.folder.path}: EEXIST.*\\. Give Jitsu a runtime directory that it can write to\\.$`,
      ),
    });
    assert.throws(() => running.get(ID), /not connected/);
  });

  it('are told of when they begin and end, and remembered by how they ended', async () => {
    running.open();
    await running.spawn(plan('read nothing; exit 3'));
    assert.deepEqual(changes[0], { id: ID, state: 'running' });
    assert.equal(await offDetail(), 'exited with status 3');
    assert.deepEqual([running.endOf(ID), running.get(ID)], ['exited with status 3', undefined]);
    assert.deepEqual(readdirSync(join(folder(), 'output')), []);
    assert.deepEqual(readdirSync(folder()), ['output']);
    running.tellStateOf(ID);
    assert.deepEqual(changes.at(-1), { id: ID, state: 'off' });
    await running.spawn(plan('echo why >&2; kill -9 $$'));
    assert.equal(await offDetail(), 'killed by SIGKILL: why');
    await running.spawn(plan('sleep 1000'));
    assert.equal(running.endOf(ID), undefined);
    running.tellStateOf(ID);
    assert.deepEqual(changes.at(-1), { id: ID, state: 'running' });
  });

  it('may have ended before they are looked at for the first time', async () => {
    running.open();
    const look = mock.method(LinuxProcessTable.prototype, 'look', () => undefined);
    try {
      await running.spawn(plan('sleep 0.2; exit 3'));
      const { pid } = running.get(ID)?.record ?? {};
      assert.ok(pid !== undefined && look.mock.callCount() > 0);
      const { bootId } = new LinuxProcessTable();
      const saved = JSON.parse(readFileSync(join(folder(), `${ID}.json`), 'utf8')) as MachineRecord;
      assert.deepEqual([saved.pid, saved.startTime, saved.bootId], [pid, '', bootId]);
      running.tellStateOf(ID);
      assert.deepEqual(changes.at(-1), { id: ID, state: 'stopping' });
      assert.equal(await offDetail(), 'exited with status 3');
    } finally {
      look.mock.restore();
    }
  });

  it('are started by one process, which is another once that has been killed', async () => {
    running.open();
    await running.spawn(plan('sleep 1000'));
    await running.spawn(plan('sleep 1000', OTHER));
    const spawner = parentOf(running.get(ID)?.pid);
    assert.equal(parentOf(running.get(OTHER)?.pid), spawner);
    process.kill(Number(spawner), 'SIGKILL');
    await eventually(() => assert.equal(running.get(ID)?.isTold, false));
    // Nobody asks for their states: that they end is noticed all the same.
    process.kill(running.get(OTHER)?.pid ?? NaN, 'SIGKILL');
    assert.equal(await offDetail(OTHER), 'ended; only the Jitsu that started it could know its exit status');
    await running.spawn(plan('sleep 1000', OTHER));
    assert.notEqual(parentOf(running.get(OTHER)?.pid), spawner);
  });

  it('are the same when it is opened twice, and told of again when it is opened after it was closed', async () => {
    running.open();
    await running.spawn(plan('echo up; sleep 1000'));
    await running.spawn(plan('sleep 1000', OTHER));
    const [group, other] = [running.get(ID), running.get(OTHER)];
    running.open();
    assert.equal(running.get(ID), group);
    await eventually(() => assert.deepEqual(system.logger.lines, ['info: up']));
    running.close();
    changes = [];
    process.kill(other?.pid ?? NaN, 'SIGKILL');
    await sleep(GLANCE);
    assert.deepEqual(changes, []);
    assert.ok(existsSync(join(folder(), `${OTHER}.json`)));
    running.open();
    assert.deepEqual(changes, [
      { id: ID, state: 'running' },
      { id: OTHER, state: 'off' },
    ]);
    assert.equal(running.get(ID)?.pid, group?.pid);
    assert.equal(existsSync(join(folder(), `${OTHER}.json`)), false);
    // Its output is followed again, from where it stood.
    writeFileSync(join(folder(), 'output', `${ID}.stdout`), 'more\n', { flag: 'a' });
    await eventually(() => assert.deepEqual(system.logger.lines, ['info: up', 'info: more']));
    running.close();
    changes = [];
    running.open();
    assert.deepEqual(changes[0], { id: ID, state: 'running' });
    process.kill(group?.pid ?? NaN, 'SIGKILL');
    await eventually(() => assert.equal(running.get(ID), undefined));
  });

  it('do not take up the output of what does not run, nor twice', async () => {
    running.open();
    running.takeUp({ ...plan(''), name: 'web' });
    await running.spawn(plan('sleep 0.2; echo one; sleep 1000'));
    running.takeUp({ ...plan(''), name: 'web' });
    await eventually(() => assert.deepEqual(system.logger.lines, ['info: one']));
    assert.equal(system.logger.entries[0]?.fields.unikernel, `web of ${ID}`);
  });

  it('have nothing left behind of one that is started while the connection is closed', async () => {
    running.open();
    const start = running.spawn(plan('sleep 1000'));
    running.close();
    await assert.rejects(start, { code: 'JITSU_BACKEND_UNREACHABLE' });
    await eventually(() => assert.deepEqual(system.pids(), []));
    assert.deepEqual(readdirSync(folder()), ['output']);
  });

  it('have nothing left behind of one that cannot be started or written down', async () => {
    running.open();
    await assert.rejects(running.spawn({ ...plan(''), program: '/no/such/program' }), {
      code: 'JITSU_BACKEND_FAILED',
      message: `web of ${ID} cannot be started: /no/such/program in /: spawn /no/such/program ENOENT. The program, the interpreter in its first line, or its folder is gone.`,
    });
    assert.deepEqual([readdirSync(folder()), readdirSync(join(folder(), 'output'))], [['output'], []]);
    assert.deepEqual([changes, running.get(ID)], [[], undefined]);
  });

  it('are started also where they cannot be written down, with a warning, and found by the next Jitsu', async () => {
    running.open();
    mkdirSync(join(folder(), `${ID}.json.new`));
    await running.spawn(plan('sleep 1000 & sleep 1000'));
    const pid = running.get(ID)?.pid;
    assert.match(system.logger.lines[0] ?? '', /^warn: It cannot be written down which process .* is: EISDIR/);
    running.close();
    rmSync(join(folder(), `${ID}.json.new`), { recursive: true });
    running = make();
    running.open();
    assert.equal(running.get(ID)?.pid, pid);
  });

  /** A process that runs while the connection is closed, and whose records are gone. */
  const startWithoutRecord = async () => {
    running.open();
    const web = plan('sleep 1000; true');
    await running.spawn(web);
    const pid = running.get(ID)?.pid ?? NaN;
    running.close();
    rmSync(system.folder.in('process-process'), { recursive: true });
    return { web, pid };
  };

  it('are found by their marks, user and words where their records are gone, and nothing else is', async () => {
    const { web, pid } = await startWithoutRecord();
    const ofAnother = { ...web, account: { uid: 4_000_001, gid: 4_000_001 } };
    for (const [registered, expected] of [
      [ofAnother, undefined],
      [{ ...web, id: OTHER }, undefined],
      [web, pid],
    ] as const) {
      running = make();
      running.open();
      running.takeUp(registered);
      assert.equal(running.get(registered.id)?.pid, expected);
      running.close();
    }
    running = make();
    running.open();
    assert.equal(running.get(ID)?.pid, pid, 'it is written down again');
  });

  it('are found where their records are gone and their command has changed, which is told', async () => {
    const { web, pid } = await startWithoutRecord();
    const now = { ...web, words: ['sh', '-c', 'sleep 1000'] as const, ip: ['127.0.0.9'] };
    for (const what of ['by its marks', 'by the record that it has again']) {
      running = make();
      running.open();
      running.takeUp(now);
      const { pid: found, outdated } = running.get(ID) ?? {};
      assert.deepEqual([found, outdated], [pid, { changed: 'command', addresses: ['127.0.0.9'] }], what);
      running.close();
    }
    running = make();
    running.open();
  });

  it('are written down again, and started, where the runtime folder is removed', async () => {
    running.open();
    await running.spawn(plan('sleep 1000'));
    rmSync(system.folder.path, { recursive: true });
    await eventually(() => assert.deepEqual(readdirSync(folder()).sort(), [`${ID}.json`, 'output']));
    assert.match(system.logger.lines[0] ?? '', /^warn: .*process-process was removed by somebody, and is made again\./);
    // Another time, and faster than that can be noticed.
    rmSync(system.folder.path, { recursive: true });
    await running.spawn(plan('echo here; sleep 1000', OTHER));
    await eventually(() => assert.ok(system.logger.lines.includes('info: here')));
    assert.deepEqual(readdirSync(folder()).sort(), [`${OTHER}.json`, `${ID}.json`, 'output']);
  });

  it('are started without a record and their output where no folder can be made', async () => {
    running.open();
    rmSync(system.folder.path, { recursive: true });
    writeFileSync(system.folder.path, '');
    await running.spawn(plan('echo lost; sleep 1000'));
    const pid = running.get(ID)?.pid ?? NaN;
    assert.equal(running.get(ID)?.look(), 'running');
    assert.match(
      system.logger.lines[0] ?? '',
      /is started without its output in the log, since nothing can be written/,
    );
    rmSync(system.folder.path);
    process.kill(pid, 'SIGKILL');
    assert.equal(await offDetail(), 'killed by SIGKILL');
  });

  it('are found where the process that starts them dies before it can tell of them', async () => {
    running.open();
    for (let round = 0; round < 4; round += 1) {
      await running.spawn(plan('sleep 1000', OTHER));
      const spawner = Number(parentOf(running.get(OTHER)?.pid));
      const children = (): string => readFileSync(`/proc/${spawner}/task/${spawner}/children`, 'latin1');
      const before = children();
      const spawned = running.spawn(plan('sleep 1000; true'));
      // Orders are written to the socket in the next turn; then all is done before this process takes the news.
      await new Promise(setImmediate);
      while (children() === before);
      process.kill(spawner, 'SIGKILL');
      await spawned;
      const pid = running.get(ID)?.pid ?? NaN;
      assert.deepEqual(
        system.pids(`JITSU_UNIKERNEL=${ID}`).filter((each) => system.table.look(each)?.session === each),
        [pid],
      );
      assert.equal((JSON.parse(readFileSync(join(folder(), `${ID}.json`), 'utf8')) as MachineRecord).pid, pid);
      for (const id of [ID, OTHER]) {
        process.kill(-(running.get(id)?.pid ?? NaN), 'SIGKILL');
        await offDetail(id);
      }
    }
  });

  it('are stopping from the moment on when the first process has ended and others have not', async () => {
    // Nothing is looked for, as no time passes.
    const clock = new ManualClock();
    running = make('process', clock);
    running.open();
    await running.spawn(plan('sleep 1000 & sleep 0.05; exit 3'));
    await eventually(() => assert.deepEqual(changes.at(-1), { id: ID, state: 'stopping' }));
    await eventually(async () => {
      await clock.advance(50);
      assert.deepEqual(changes.at(-1), { id: ID, state: 'off', detail: 'exited with status 3' });
    });
  });

  it('are told at once of one whose end the process that starts programs does not tell', async function () {
    if (process.platform !== 'linux') cannotRun(this, 'only Linux tells it');
    running.open();
    await running.spawn(plan('sleep 1000 & sleep 1000'));
    const pid = running.get(ID)?.pid ?? NaN;
    running.close();
    // Nothing is looked for, as no time passes.
    running = make('process', new ManualClock());
    running.open();
    await eventually(() => assert.equal(running.get(ID)?.needsWatch, false));
    process.kill(pid, 'SIGKILL');
    await eventually(() => assert.deepEqual(changes.at(-1), { id: ID, state: 'stopping' }));
  });

  it('are not started again before the system has forgotten the process that they were', async () => {
    // It does not collect its child, as the first process of a container may.
    const parent = spawn('sh', ['-c', 'setsid sleep 1000 & echo $!; exec sleep 1000'], { stdio: 'pipe' });
    try {
      const [text] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(text);
      const { table } = system;
      await eventually(() => assert.equal(table.look(pid)?.session, pid));
      running.open();
      const record = { pid, startTime: table.look(pid)?.startTime, bootId: table.bootId };
      writeFileSync(join(folder(), `${ID}.json`), JSON.stringify(record));
      running.close();
      running = make();
      running.open();
      assert.equal(running.get(ID)?.pid, pid);
      process.kill(pid, 'SIGKILL');
      await offDetail();
      const again = running.spawn(plan('sleep 1000'));
      assert.ok(await isPending(again, 200));
      parent.kill('SIGKILL');
      await again;
      assert.equal(table.look(pid), undefined);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('are forgotten also where a record cannot be removed, with a warning', async () => {
    running.open();
    await running.spawn(plan('sleep 1000'));
    const file = join(folder(), `${ID}.json`);
    const pid = running.get(ID)?.pid ?? NaN;
    rmSync(file);
    mkdirSync(file);
    process.kill(pid, 'SIGKILL');
    assert.equal(await offDetail(), 'killed by SIGKILL');
    const { level, fields, message } = system.logger.entries[0] ?? {};
    assert.deepEqual([level, fields?.id], ['warn', ID]);
    assert.match(message ?? '', /^A record cannot be removed: /);
    rmSync(file, { recursive: true });
  });
});
