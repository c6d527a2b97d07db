import { SystemClock } from '@jitsud/core/testing';
import type { PowerChange } from '@jitsud/core/plugin';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, GLANCE } from '#core/testing/eventually.js';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';
import { LinuxProcessTable } from '#process/linux-process-table.js';
import type { MachineRecord } from '#process/machine-records.js';
import type { ProcessPlan } from '#process/process-plan.js';
import { RunningProcesses } from '#process/running-processes.js';
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

  const make = (connection = 'process'): RunningProcesses =>
    new RunningProcesses(
      system.folder.path,
      connection,
      new SystemClock(),
      system.logger,
      new SealableSpawner(),
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
    running.takeUp(ID, 'web');
    await running.spawn(plan('sleep 0.2; echo one; sleep 1000'));
    running.takeUp(ID, 'web');
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
    mkdirSync(join(folder(), `${ID}.json.new`));
    await assert.rejects(running.spawn(plan('sleep 1000 & sleep 1000')), {
      code: 'JITSU_BACKEND_FAILED',
      message: new RegExp(`^web of ${ID} cannot be started: /bin/sh in /: EISDIR`),
    });
    await eventually(() => assert.deepEqual(system.pids(), []));
    assert.deepEqual([changes, running.get(ID)], [[], undefined]);
    assert.deepEqual(readdirSync(join(folder(), 'output')), []);
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
