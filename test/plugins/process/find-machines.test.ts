import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, GLANCE } from '#core/testing/eventually.js';
import { findMachines, findStrays, wasOf } from '#process/find-machines.js';
import { MachineRecords, type MachineRecord } from '#process/machine-records.js';
import { commandForm, marksOf } from '#process/spawn-process.js';
import { FakeProcessTable } from '../../support/fake-processes.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const ID = '1b2fa29b-1f9c-5509-a337-b3c1a8b1873f';
const OTHER = '1b2fa29b-1f9c-5509-a337-b3c1a8b1873e';
const BOOT = 'this boot';
const NONCE = '0123456789abcdef0123456789abcdef';

describe('what an earlier Jitsu left running', () => {
  let folder: TemporaryFolder;
  let records: MachineRecords;
  let table: FakeProcessTable;

  beforeEach(() => {
    folder = new TemporaryFolder();
    records = new MachineRecords(folder.path);
    records.open();
    table = new FakeProcessTable();
  });

  afterEach(() => folder[Symbol.dispose]());

  const found = () => findMachines(records, table, folder.path);
  const ours = (id = ID, nonce = NONCE): string[] =>
    Object.entries({ ...marksOf(id, folder.path), JITSU_SPAWN: nonce }).map(([name, value]) => `${name}=${value}`);
  const recorded = (more: Partial<MachineRecord> = {}): void =>
    records.save(ID, { pid: 700_001, startTime: '100', bootId: BOOT, nonce: NONCE, ...more });

  it('is the very process of the record', () => {
    recorded();
    table.add(700_001);
    assert.deepEqual([...found()], [[ID, { pid: 700_001, startTime: '100', bootId: BOOT, nonce: NONCE }]]);
    assert.equal(records.load().size, 1);
  });

  for (const [what, record, entry] of [
    ['began at another time', {}, { startTime: '101' }],
    ['ran before the machine was booted', { bootId: 'another boot' }, {}],
    ['has died', {}, { state: 'dead' }],
  ] as const) {
    it(`is no process by that number that ${what}`, () => {
      recorded(record);
      table.add(700_001, entry);
      assert.equal(found().size, 0);
      assert.equal(records.load().size, 0);
    });
  }

  it('is one that bears the marks where no number was written down', () => {
    let nonce = records.begin(ID);
    table.add(700_001, {}, ours('another machine', nonce));
    table.add(700_002, {}, [ours()[0] ?? '', 'JITSU_RUNTIME_DIRECTORY=/elsewhere', `JITSU_SPAWN=${nonce}`]);
    table.add(700_003, { session: 700_001 }, ours(ID, nonce));
    table.add(700_004, { state: 'dead' }, ours(ID, nonce));
    assert.equal(found().size, 0);
    nonce = records.begin(ID);
    table.add(700_006, { startTime: '300' }, ours(ID, nonce));
    table.add(700_005, { startTime: '20' }, ours(ID, nonce));
    const expected = { pid: 700_005, startTime: '20', bootId: BOOT, nonce };
    assert.deepEqual([...found()], [[ID, expected]]);
    assert.deepEqual(records.load().get(ID), expected);
  });

  it('is, without a record, also one with the command line of which it bears the form', () => {
    const [command, line] = [commandForm(['./web', '-p', '80']), ['/bin/sh', '/srv/web', '-p', '80']];
    const marks = [...ours(), `JITSU_COMMAND=${command}`];
    // Whoever looks has an environment that can be read.
    table.add(process.pid, { session: 1 }, []);
    table.add(700_001, {}, marks);
    const stray = findStrays(table, folder.path, () => false).get(ID)!;
    assert.deepEqual(stray, { record: { pid: 700_001, startTime: '100', bootId: BOOT, nonce: NONCE }, command });
    const entry = table.look(700_001);
    const isIts = (more: object, form: string | undefined = command): boolean => {
      const system = { look: () => entry, commandLine: () => line, users: () => [7, 7, 7, 7], ...more };
      const seen = Object.assign(new FakeProcessTable(), system);
      return wasOf({ ...stray, command: form }, { account: undefined }, seen, 7);
    };
    assert.ok(isIts({}));
    assert.ok(!isIts({ commandLine: () => ['/srv/web', '-p', '8080'] }), 'what it has started');
    assert.ok(!isIts({ users: () => [7, 0, 7, 7] }), 'of another user');
    assert.ok(!isIts({ look: () => ({ startTime: '101' }) }), 'another one by its number');
    assert.ok(!isIts({}, 'web 0 0'));
  });

  it('is found without a look at all processes where each record matches', () => {
    recorded();
    table.add(700_001);
    table.all = () => assert.fail('all were looked at');
    assert.equal(found().size, 1);
  });

  it('is looked for among all processes once, however many records do not match', () => {
    recorded();
    records.begin(OTHER);
    let times = 0;
    const { entries } = table;
    table.all = () => ((times += 1), entries);
    assert.deepEqual([found().size, times, records.load().size], [0, 1, 0]);
  });

  it('is found by its nonce again and again while that cannot be written down', () => {
    const nonce = records.begin(ID);
    table.add(700_001, {}, ours(ID, nonce));
    const expected = [[ID, { pid: 700_001, startTime: '100', bootId: BOOT, nonce }]];
    records.save = () => {
      throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
    };
    for (let time = 0; time < 2; time += 1) assert.deepEqual([...found()], expected);
  });

  it('is not one that bears the marks without the nonce of the record, nor any where the record has none', () => {
    const before = records.begin(ID);
    records.begin(ID);
    table.add(700_001, {}, ours(ID, before));
    table.add(700_002, {}, ours().slice(0, 2));
    table.add(700_003, {}, [...ours().slice(0, 2), 'JITSU_SPAWN=']);
    assert.equal(found().size, 0);
    for (const text of ['', '{}', '{"nonce":""}', '{"nonce":"undefined"}']) {
      writeFileSync(folder.in(`${ID}.json`), text);
      table.add(700_004, {}, ours(ID, 'undefined'));
      table.add(700_005, {}, ours(ID, ''));
      assert.equal(found().size, 0);
    }
    assert.equal(records.load().size, 0);
  });

  it('is not one whose environment cannot be read, nor one that does not lead a session', () => {
    const nonce = records.begin(ID);
    table.add(700_001);
    table.add(700_002, { session: 700_001 }, ours(ID, nonce));
    assert.equal(found().size, 0);
  });

  it('is not the successor of its first process, whatever that bears', async () => {
    const successor = aProcess();
    try {
      recorded({ pid: successor.pid });
      table.add(successor.pid, { startTime: '101' }, ours());
      assert.equal(found().size, 0);
      await sleep(GLANCE);
      assert.equal(successor.signal, undefined);
    } finally {
      successor.end();
    }
  });

  it('is left alone where it does not bear the marks, or its group is another', async () => {
    const [unmarked, elsewhere] = [aProcess(), aProcess()];
    try {
      recorded();
      table.add(unmarked.pid, { group: 700_001 });
      table.add(elsewhere.pid, { group: 700_009 }, ours());
      table.add(700_001, { startTime: '101' }, ours());
      assert.equal(found().size, 0);
      await sleep(GLANCE);
      assert.deepEqual([unmarked.signal, elsewhere.signal], [undefined, undefined]);
    } finally {
      for (const { end } of [unmarked, elsewhere]) end();
    }
  });

  it('is ended where it is the rest of a group, and no stranger is', async () => {
    const [member, stranger, forged, before] = [aProcess(), aProcess(), aProcess(), aProcess()];
    try {
      recorded();
      table.add(member.pid, { group: 700_001 }, ours());
      table.add(stranger.pid, { group: 700_001 }, ours('another machine'));
      table.add(forged.pid, { group: 700_001 }, ours(ID, 'f'.repeat(32)));
      assert.equal(found().size, 0);
      await eventually(() => assert.equal(member.signal, 'SIGKILL'));
      // The group of a process from before the machine was booted is somebody else's now.
      recorded({ bootId: 'another boot' });
      table.add(before.pid, { group: 700_001 }, ours());
      assert.equal(found().size, 0);
      await sleep(GLANCE);
      assert.deepEqual([stranger.signal, forged.signal, before.signal], [undefined, undefined, undefined]);
    } finally {
      for (const { end } of [member, stranger, forged, before]) end();
    }
  });
});

function aProcess() {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const told = { pid: child.pid ?? NaN, signal: undefined as string | undefined, end: () => child.kill('SIGKILL') };
  child.once('exit', (_status, signal) => (told.signal = signal ?? 'none'));
  return told;
}
