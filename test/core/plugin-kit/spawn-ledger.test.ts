import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnsafePath } from '#core/files/safe-folder.js';
import { SpawnLedger } from '#core/plugin-kit/spawn-ledger.js';
import { cannotRun } from '../../support/cannot-run.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('the ledger of what was spawned', () => {
  let folder: TemporaryFolder;
  let ledger: SpawnLedger;

  before(function () {
    if (process.platform !== 'linux') cannotRun(this, 'only Linux has the start times of processes in /proc');
  });

  beforeEach(() => {
    folder = new TemporaryFolder();
    ledger = new SpawnLedger(folder.path);
    ledger.open();
  });

  afterEach(() => folder?.[Symbol.dispose]());

  it('has what was added, until it is forgotten, in a folder that nobody else may enter', () => {
    assert.ok(!ledger.has(process.pid));
    ledger.add(process.pid);
    assert.ok(new SpawnLedger(folder.path).has(process.pid));
    assert.equal(statSync(folder.in('spawned')).mode & 0o777, 0o700);
    ledger.forget(process.pid);
    assert.ok(!ledger.has(process.pid));
    ledger.forget(process.pid);
  });

  it('does not have a process that has got the number of another one', () => {
    writeFileSync(folder.in('spawned', String(process.pid)), '1');
    assert.ok(!ledger.has(process.pid));
  });

  it('is not written to where a stranger has put another one in its place', function () {
    requireRoot(this);
    const target = folder.in('target');
    writeFileSync(target, 'of root');
    const run = folder.in('run');
    mkdirSync(join(run, 'spawned'), { recursive: true });
    symlinkSync(target, join(run, 'spawned', String(process.pid)));
    for (const path of [join(run, 'spawned'), run]) chownSync(path, 4_000_002, 4_000_002);
    assert.throws(() => new SpawnLedger(run).add(process.pid), UnsafePath);
    assert.equal(readFileSync(target, 'utf8'), 'of root');
  });

  it('is made again where somebody has removed it with the runtime folder', () => {
    folder[Symbol.dispose]();
    ledger.add(process.pid);
    assert.ok(ledger.has(process.pid));
  });

  it('forgets what has ended when it is opened', async () => {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    for (const pid of [child.pid ?? 0, process.pid]) ledger.add(pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    ledger.open();
    assert.deepEqual(readdirSync(folder.in('spawned')), [String(process.pid)]);
  });
});
