import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MachineRecords } from '#process/machine-records.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const ID = '1b2fa29b-1f9c-5509-a337-b3c1a8b1873f';
const NONCE = '0123456789abcdef0123456789abcdef';
const RECORD = { pid: 2, startTime: '100', bootId: 'this boot' };

describe('the records of running machines', () => {
  let folder: TemporaryFolder;
  let path: string;
  let records: MachineRecords;

  beforeEach(() => {
    folder = new TemporaryFolder();
    path = join(folder.path, 'deep', 'down');
    records = new MachineRecords(path);
    records.open();
  });

  afterEach(() => folder[Symbol.dispose]());

  const modeOf = (file: string): number => statSync(file).mode & 0o777;
  const fileOf = (name = `${ID}.json`): string => join(path, name);

  it('are readable for nobody else, begun or saved', () => {
    records.open();
    assert.equal(modeOf(path), 0o700);
    const nonce = records.begin(ID);
    assert.match(nonce, /^[0-9a-f]{32}$/);
    assert.deepEqual([modeOf(fileOf()), JSON.parse(readFileSync(fileOf(), 'utf8'))], [0o600, { nonce }]);
    records.save(ID, RECORD);
    assert.deepEqual([modeOf(fileOf()), readdirSync(path)], [0o600, [`${ID}.json`]]);
    assert.deepEqual(JSON.parse(readFileSync(fileOf(), 'utf8')), RECORD);
  });

  it('are replaced as a whole: a draft that cannot be written leaves the old one', () => {
    records.save(ID, RECORD);
    mkdirSync(fileOf(`${ID}.json.new`));
    assert.throws(() => records.save(ID, { ...RECORD, pid: 3 }));
    assert.deepEqual(records.load().get(ID), RECORD);
  });

  it('are read as they were saved, and one that was only begun as its nonce, which is another one each time', () => {
    const other = ID.replace(/f$/, 'e');
    records.save(ID, { ...RECORD, nonce: NONCE });
    records.begin(other);
    const nonce = records.begin(other);
    assert.deepEqual(
      records.load(),
      new Map([
        [other, { nonce }],
        [ID, { ...RECORD, nonce: NONCE }],
      ]),
    );
    assert.notEqual(records.begin(other), nonce);
    records.remove(ID);
    records.remove(ID);
    assert.deepEqual([...records.load().keys()], [other]);
  });

  it('are written to no file that a link with their name leads to', () => {
    for (const name of [`${ID}.json`, `${ID}.json.new`]) symlinkSync(join(folder.path, 'precious'), fileOf(name));
    writeFileSync(join(folder.path, 'precious'), 'precious');
    records.begin(ID);
    records.save(ID, RECORD);
    assert.equal(readFileSync(join(folder.path, 'precious'), 'utf8'), 'precious');
    assert.deepEqual(records.load().get(ID), RECORD);
  });

  it('are told where they cannot be read, or name no process, and keep nobody from the others', () => {
    const [other, third] = [ID.replace(/f$/, 'e'), ID.replace(/f$/, 'd')];
    mkdirSync(fileOf());
    records.save(other, RECORD);
    writeFileSync(fileOf(`${third}.json`), '{"pid":');
    const lost = new Map<string, string | undefined>();
    const loaded = records.load((id, error) => lost.set(id, (error as NodeJS.ErrnoException | undefined)?.code));
    assert.deepEqual([...loaded].sort(), [
      [third, undefined],
      [other, RECORD],
    ]);
    assert.deepEqual([...lost].sort(), [
      [third, undefined],
      [ID, 'EISDIR'],
    ]);
  });

  it('are not kept where others may write, nor read where a link leads to them', () => {
    symlinkSync(join(folder.path, 'precious'), fileOf());
    writeFileSync(join(folder.path, 'precious'), JSON.stringify(RECORD));
    assert.deepEqual([...records.load()], [[ID, undefined]]);
    chmodSync(path, 0o777);
    assert.throws(() => records.open(), /down may be written by others/);
  });

  it('of another user name only what Jitsu has spawned, and others only the nonce of it', function () {
    requireRoot(this);
    const asked: number[] = [];
    const wasSpawned = (pid: number): boolean => asked.push(pid) > 0 && pid === 7;
    const others = [7, 8].map((pid) => ID.replace(/f$/, String(pid)));
    const strict = new MachineRecords(path, wasSpawned);
    for (const [index, id] of others.entries()) {
      strict.save(id, { ...RECORD, pid: 7 + index, nonce: NONCE });
      chownSync(fileOf(`${id}.json`), 4_000_001, 4_000_001);
    }
    strict.save(ID, { ...RECORD, pid: 9 });
    const loaded = strict.load();
    assert.deepEqual(loaded.get(others[0]!), { ...RECORD, pid: 7, nonce: NONCE });
    assert.deepEqual(loaded.get(others[1]!), { nonce: NONCE });
    assert.deepEqual(loaded.get(ID), { ...RECORD, pid: 9 });
    assert.deepEqual(asked.sort(), [7, 8]);
  });

  it('are no other files of the folder', () => {
    for (const name of ['output', 'web.json', `x${ID}.json`, `${ID}.json.new`, `${ID}.jsonx`, `${ID}Xjson`]) {
      writeFileSync(fileOf(name), JSON.stringify(RECORD));
    }
    assert.equal(records.load().size, 0);
  });

  for (const [what, text] of [
    ['that is no JSON', '{'],
    ['that is null', 'null'],
    ['of a number that no process has', JSON.stringify({ pid: 2 ** 31, startTime: '1', bootId: 'b' })],
    ['of a start time that no system tells', JSON.stringify({ pid: 2, startTime: '1'.repeat(101), bootId: 'b' })],
    ['of 70,000 bytes', `{"pid":2,"startTime":"1","bootId":"b"}${' '.repeat(70_000)}`],
    ['of process 1', JSON.stringify({ ...RECORD, pid: 1 })],
    ['of process 0', JSON.stringify({ ...RECORD, pid: 0 })],
    ['of a group', JSON.stringify({ ...RECORD, pid: -2 })],
    ['of half a process', JSON.stringify({ ...RECORD, pid: 2.5 })],
    ['of a process in words', JSON.stringify({ ...RECORD, pid: '2' })],
    ['without a start time', JSON.stringify({ ...RECORD, startTime: undefined })],
    ['that is empty', ''],
    ['with no number for a nonce', JSON.stringify({ nonce: 'JITSU_UNIKERNEL' })],
    ['with a nonce that is no text', JSON.stringify({ ...RECORD, nonce: [NONCE] })],
    ['without a boot', JSON.stringify({ ...RECORD, bootId: 7 })],
  ] as const) {
    it(`name nothing in one ${what}`, () => {
      writeFileSync(fileOf(), text);
      assert.deepEqual([...records.load()], [[ID, undefined]]);
    });
  }
});
