import { ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs, {
  appendFileSync,
  existsSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
  type FSWatcher,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '#core/testing/eventually.js';
import { SystemClock } from '#core/clock.js';
import { OutputLog } from '#process/output-log.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const GATHER = 25;
const POLL = 1_000;

describe('the log of what programs write', () => {
  let folder: TemporaryFolder;
  let path: string;
  let clock: ManualClock;
  let logger: MemoryLogger;
  let log: OutputLog;

  beforeEach(() => {
    folder = new TemporaryFolder();
    path = folder.in('output');
    clock = new ManualClock();
    logger = new MemoryLogger();
    log = new OutputLog(path, clock, logger);
  });

  afterEach(() => {
    log.close();
    folder[Symbol.dispose]();
  });

  /** Has the files of a program made. @returns their paths */
  function create(id: string, name: string): { stdout: string; stderr: string } {
    log.create(id, name);
    return { stdout: `${log.pathOf(id)}.stdout`, stderr: `${log.pathOf(id)}.stderr` };
  }

  const messages = (): string[] => logger.entries.map(({ message }) => message);

  it('is kept in a folder of its own, which nobody else may enter', () => {
    log = new OutputLog(join(path, 'deeper'), clock, logger);
    log.open();
    assert.equal(statSync(join(path, 'deeper')).mode & 0o777, 0o700);
  });

  it('reads what is written within 25 ms together', async () => {
    log.open();
    const { stdout, stderr } = create('id', 'web');
    assert.deepEqual([stdout, stderr], [join(path, 'id.stdout'), join(path, 'id.stderr')]);
    writeFileSync(stdout, 'one\n');
    await eventually(() => assert.equal(clock.pending, 1));
    appendFileSync(stdout, 'two\n');
    writeFileSync(stderr, 'three\n');
    await clock.advance(GATHER - 1);
    assert.deepEqual(messages(), []);
    await clock.advance(1);
    assert.deepEqual(messages(), ['one', 'two', 'three']);
    assert.deepEqual(
      logger.entries.map(({ level, fields }) => [level, fields.stream, fields.unikernel]),
      [
        ['info', 'stdout', 'web'],
        ['info', 'stdout', 'web'],
        ['info', 'stderr', 'web'],
      ],
    );
    // The notices of all that was written are read by now or set one more timer.
    await eventually(async () => {
      await clock.advance(GATHER);
      assert.equal(clock.pending, 0);
    });
    appendFileSync(stderr, 'four\n');
    await eventually(() => assert.equal(clock.pending, 1));
    await clock.advance(GATHER);
    assert.deepEqual(messages(), ['one', 'two', 'three', 'four']);
  });

  it('takes 100 lines in one turn, 1,000 of one program at first, then 200 a second, and says so once a minute', async () => {
    log.open();
    const { stdout } = create('id', 'web');
    const count = (level: string): number => logger.entries.filter((entry) => entry.level === level).length;
    writeFileSync(stdout, 'line\n'.repeat(5_000));
    await eventually(() => assert.equal(clock.pending, 1));
    await clock.advance(GATHER);
    assert.equal(count('info'), 100);
    await clock.advance(900);
    assert.deepEqual([count('info'), count('warn')], [1_000, 1]);
    const warning = logger.entries.find(({ level }) => level === 'warn');
    assert.equal(warning?.message, 'The program writes more than 200 lines a second. Some are left out of the log.');
    assert.equal(warning.fields.unikernel, 'web');
    await clock.advance(1_000);
    assert.deepEqual([count('info'), count('warn')], [1_200, 1]);
    await clock.advance(1_000);
    assert.equal(count('info'), 1_400);
    writeFileSync(stdout, 'line\n'.repeat(80_000));
    await clock.advance(1_000);
    assert.ok(messages().some((message) => /^… \(\d+ bytes skipped\)$/.test(message)));
    assert.ok(count('info') <= 1_600);
  });

  it('keeps the files of a program small that is not registered, and logs nothing of it', async () => {
    log.open();
    const stdout = join(path, 'id.stdout');
    writeFileSync(stdout, 'y'.repeat(17 * 1_024 * 1_024));
    log.keepSmall('id');
    await eventually(async () => {
      await clock.advance(GATHER);
      assert.equal(statSync(stdout).size, 0);
    });
    assert.deepEqual([messages(), log.names.size], [[], 0]);
  });

  it('removes what was left behind by others', () => {
    log.open();
    for (const name of ['id.stdout', 'gone.stdout', 'gone.stderr', 'notes']) writeFileSync(join(path, name), '');
    log.removeAllBut(new Map([['id', undefined]]));
    assert.deepEqual(readdirSync(path).sort(), ['id.stdout', 'notes']);
  });

  it('leaves time for everything else while programs write without a pause, and their files stay small', async () => {
    log = new OutputLog(path, new SystemClock(), logger);
    log.open();
    const { stdout, stderr } = create('id', 'web');
    const script = `exec >>${stdout}; yes & yes 'many words' >>${stderr} & wait`;
    const program = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
    let [turns, largest] = [0, 0];
    const ticking = setInterval(() => {
      turns += 1;
      if (existsSync(stdout)) largest = Math.max(largest, statSync(stdout).size);
    }, 10);
    try {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const lines = logger.entries.length;
      assert.ok(lines > 100 && lines < 1_000 + 5 * 200, `${lines} lines`);
      assert.ok(turns > 20, `${turns} turns`);
      assert.ok(largest < 1_024 ** 3, `${largest} bytes`);
      const warnings = logger.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);
      assert.ok(
        warnings.includes('The program writes more than is read of it. At most 16 MiB of its output are kept.'),
      );
    } finally {
      process.kill(-(program.pid ?? NaN), 'SIGKILL');
      clearInterval(ticking);
    }
    await eventually(() => assert.ok(statSync(stdout).size <= 16 * 1_024 * 1_024));
  });

  it('opens the files of those alone that have written', async () => {
    log.open();
    const [one, other] = [create('one', 'web'), create('other', 'db')];
    writeFileSync(one.stdout, 'x\n');
    await eventually(() => assert.equal(clock.pending, 1));
    await clock.advance(GATHER);
    const opened: unknown[] = [];
    const { openSync } = fs;
    const counting = (...parameters: Parameters<typeof openSync>): number => (
      opened.push(parameters[0]),
      openSync(...parameters)
    );
    fs.openSync = counting;
    syncBuiltinESMExports();
    try {
      writeFileSync(other.stdout, 'y\n');
      await eventually(async () => {
        await clock.advance(GATHER);
        assert.ok(messages().includes('y'));
      });
      assert.ok(!opened.includes(one.stdout));
    } finally {
      fs.openSync = openSync;
      syncBuiltinESMExports();
    }
  });

  it('takes no notice of files that belong to nobody', async () => {
    log.open();
    const { stdout } = create('id', 'web');
    writeFileSync(join(path, 'stranger.stdout'), 'x\n');
    writeFileSync(join(path, 'id.other'), 'x\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(clock.pending, 0);
    writeFileSync(stdout, 'mine\n');
    await eventually(() => assert.equal(clock.pending, 1));
    await clock.advance(GATHER);
    assert.deepEqual(messages(), ['mine']);
  });

  it('follows files of an earlier Jitsu from their ends', async () => {
    log.open();
    writeFileSync(join(path, 'id.stdout'), 'before\n');
    writeFileSync(join(path, 'id.stderr'), 'last words\nbegun');
    log.takeUp('id', 'web');
    assert.deepEqual([...log.names], [['id', 'web']]);
    appendFileSync(join(path, 'id.stdout'), 'after\n');
    await eventually(() => assert.equal(clock.pending, 1));
    await clock.advance(GATHER);
    assert.deepEqual(messages(), ['after']);
    assert.equal(log.finish('id'), 'last words');
    assert.deepEqual(log.recentLines('id'), ['before', 'last words', 'after']);
  });

  it('keeps the last lines of the thousand programs that ended last', () => {
    log.open();
    for (let number = 0; number < 1_002; number += 1) {
      log.create(`id${number}`, 'web');
      writeFileSync(join(path, `id${number}.stdout`), `${number}\n`);
      log.finish(`id${number}`);
    }
    assert.deepEqual([log.recentLines('id1'), log.recentLines('id2')], [[], ['2']]);
    log.create('id2', 'web');
    assert.deepEqual(log.recentLines('id2'), []);
  });

  it('removes the files of a program that is started anew or has ended, after their last line', () => {
    log.open();
    writeFileSync(join(path, 'id.stdout'), 'old\n');
    writeFileSync(join(path, 'id.stderr'), 'old\n');
    const { stdout, stderr } = create('id', 'web');
    assert.deepEqual([existsSync(stdout), existsSync(stderr)], [false, false]);
    writeFileSync(stdout, 'no end');
    writeFileSync(stderr, 'why\n\n');
    assert.equal(log.finish('id'), 'why');
    assert.deepEqual(messages(), ['no end', 'why', '']);
    assert.deepEqual([existsSync(stdout), existsSync(stderr), log.names.size], [false, false, 0]);
    assert.equal(log.finish('id'), undefined);
  });

  it('says which output cannot be read, and reads the other', () => {
    log.open();
    const { stdout, stderr } = create('id', 'web');
    symlinkSync('/etc/hostname', stdout);
    writeFileSync(stderr, 'fine\n');
    assert.equal(log.finish('id'), 'fine');
    const [warning, line] = logger.entries;
    assert.deepEqual([warning?.level, warning?.fields.stream, warning?.fields.unikernel], ['warn', 'stdout', 'web']);
    assert.match(warning?.message ?? '', /^The output of the program cannot be read: ELOOP/);
    assert.equal(line?.message, 'fine');
  });

  it('does not keep Jitsu from ending', async () => {
    const script = `
      import { SystemClock } from ${JSON.stringify(import.meta.resolve('#core/clock.js'))};
      import { OutputLog } from ${JSON.stringify(import.meta.resolve('#process/output-log.js'))};
      new OutputLog(${JSON.stringify(path)}, new SystemClock(), {}).open();`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
  });

  it('takes no notice of a change where the system does not say which file it is', () => {
    let tell: (event: 'change', file: string | null) => void = () => assert.fail();
    const { watch } = fs;
    fs.watch = ((folder: string, options: object, listener: typeof tell) => {
      tell = listener;
      return watch(folder, options);
    }) as typeof watch;
    syncBuiltinESMExports();
    try {
      log.open();
    } finally {
      fs.watch = watch;
      syncBuiltinESMExports();
    }
    create('id', 'web');
    tell('change', null);
    assert.equal(clock.pending, 0);
    tell('change', 'id.stdout');
    assert.equal(clock.pending, 1);
  });

  it('is forgotten when it is closed', async () => {
    log.open();
    const { stdout } = create('id', 'web');
    writeFileSync(stdout, 'x\n');
    await eventually(() => assert.equal(clock.pending, 1));
    log.close();
    assert.deepEqual([clock.pending, log.names.size], [0, 0]);
    appendFileSync(stdout, 'y\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual([clock.pending, log.finish('id'), existsSync(stdout)], [0, undefined, true]);
    log.open();
    log.takeUp('id', 'web');
    appendFileSync(stdout, 'z\n');
    await eventually(() => assert.equal(clock.pending, 1));
    await clock.advance(GATHER);
    assert.deepEqual(messages(), ['z']);
  });

  for (const [what, fail] of [
    ['cannot be watched', undefined],
    ['is not watched any more', (watcher: FSWatcher) => watcher.emit('error', new Error('no space'))],
  ] as const) {
    it(`is read once a second where the folder ${what}`, async () => {
      let watcher: FSWatcher | undefined;
      const { watch } = fs;
      const broken = (...parameters: Parameters<typeof watch>): FSWatcher => {
        if (fail === undefined) throw new Error('no space');
        return (watcher = watch(...parameters));
      };
      fs.watch = broken as typeof watch;
      syncBuiltinESMExports();
      try {
        log.open();
      } finally {
        fs.watch = watch;
        syncBuiltinESMExports();
      }
      const { stdout } = create('id', 'web');
      let isClosed = watcher === undefined;
      watcher?.on('close', () => (isClosed = true));
      if (watcher !== undefined) {
        writeFileSync(stdout, 'one\n');
        await eventually(() => assert.equal(clock.pending, 1));
        fail?.(watcher);
      } else writeFileSync(stdout, 'one\n');
      const why = `${path} cannot be watched, so output is logged once a second: no space`;
      assert.deepEqual(logger.lines, [`warn: ${why}`]);
      assert.equal(clock.pending, 1);
      await clock.advance(POLL - 1);
      assert.equal(messages().length, 1);
      await clock.advance(1);
      assert.deepEqual(messages(), [why, 'one']);
      await eventually(() => assert.ok(isClosed));
      appendFileSync(stdout, 'two\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(clock.pending, 1);
      await clock.advance(POLL);
      assert.deepEqual(messages(), [why, 'one', 'two']);
      log.close();
      assert.equal(clock.pending, 0);
      // Opened again, it is watched again.
      log.open();
      log.takeUp('id', 'web');
      appendFileSync(stdout, 'three\n');
      await eventually(() => assert.equal(clock.pending, 1));
      await clock.advance(GATHER);
      assert.deepEqual(messages(), [why, 'one', 'two', 'three']);
    });
  }
});
