import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { ManualClock } from '@jitsud/core/testing';
import { LibxlProcess } from '#libxl/libxl-process.js';
import { eventually } from '#core/testing/eventually.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { InheritableFile } from '../../support/inheritable-file.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const FAKE = new URL('../../support/libxl/fake-libxl-program.js', import.meta.url);

describe('the process of libxl', () => {
  let clock: ManualClock;
  let logger: MemoryLogger;
  let libxl: LibxlProcess;

  beforeEach(async () => {
    clock = new ManualClock();
    logger = new MemoryLogger();
    libxl = new LibxlProcess(clock, logger, FAKE);
    await libxl.open();
  });

  afterEach(() => libxl.close());

  it('gets no file that a library has opened', async () => {
    using folder = new TemporaryFolder();
    const file = new InheritableFile(folder.in('store'));
    try {
      await assert.rejects(libxl.call('destroy', 3), /SIGKILL/);
      assert.equal(await libxl.call('info', 1), '{"domid":1}');
      const links = readdirSync(`/proc/${libxl.pid}/fd`).map((file) => readlinkSync(`/proc/${libxl.pid}/fd/${file}`));
      assert.ok(links.length > 3);
      assert.deepEqual(
        links.filter((link) => link.startsWith(folder.path)),
        [],
      );
    } finally {
      file[Symbol.dispose]();
    }
  });

  it('gets no variable of Jitsu’s own', async () => {
    process.env['JITSU_XAPI_PASSWORD'] = 'secret';
    try {
      await assert.rejects(libxl.call('destroy', 3), /SIGKILL/);
      assert.equal(await libxl.call('info', 1), '{"domid":1}');
    } finally {
      Reflect.deleteProperty(process.env, 'JITSU_XAPI_PASSWORD');
    }
  });

  it('answers, and says what libxl refuses in its words', async () => {
    assert.equal(libxl.version, '4.17');
    assert.equal(await libxl.call('info', 1), '{"domid":1}');
    await assert.rejects(libxl.call('destroy', 1), /^CallFailed: libxl says: no; never \(ERROR_FAIL\)$/);
  });

  it('is started again at once when it dies, and what was on its way fails with the reason', async () => {
    const { pid } = libxl;
    const waiting = assert.rejects(libxl.call('destroy', 2), /libxl's process ended by itself \(SIGKILL\)/);
    await assert.rejects(libxl.call('destroy', 3), /SIGKILL/);
    await waiting;
    assert.equal(await libxl.call('info', 1), '{"domid":1}');
    assert.notEqual(libxl.pid, pid);
    assert.ok(logger.lines.some((line) => /^warn: libxl's process ended.*started again; guests run on\.$/.test(line)));
  });

  it('tells the last words of one that aborted', async () => {
    await assert.rejects(libxl.call('destroy', 4), /SIGABRT.*Assertion `ours' failed/s);
  });

  it('asks the next one what was to be looked at', async () => {
    const looked = libxl.call('info', 2);
    const isSettled = { value: false };
    void looked.catch(() => (isSettled.value = true));
    await assert.rejects(libxl.call('destroy', 3), /SIGKILL/);
    await libxl.call('info', 1);
    assert.equal(isSettled.value, false, 'the new process is looking');
  });

  it('pauses for longer and longer when it dies again and again, and refuses calls meanwhile', async () => {
    await assert.rejects(libxl.call('destroy', 3));
    await assert.rejects(libxl.call('destroy', 3));
    const error = await rejectsWithCode(libxl.call('info', 1), 'JITSU_BACKEND_UNREACHABLE');
    assert.match(error.message, /SIGKILL.*in 0\.1 s/);
    await clock.advance(100);
    await eventually(async () => assert.equal(await libxl.call('info', 1), '{"domid":1}'));
    await assert.rejects(libxl.call('destroy', 3));
    assert.equal(await libxl.call('info', 1), '{"domid":1}', 'an answer makes it forget');
  });

  it('can be exchanged for a new one while it is busy', async () => {
    const { pid } = libxl;
    const busy = libxl.call('destroy', 2).catch((error: unknown) => String(error));
    libxl.renew();
    assert.equal(await libxl.call('info', 1), '{"domid":1}');
    assert.notEqual(libxl.pid, pid);
    process.kill(pid!, 'SIGKILL');
    assert.match(String(await busy), /SIGKILL/);
    assert.equal(await libxl.call('info', 1), '{"domid":1}');
  });

  it('ends when it is closed, and refuses calls then', async () => {
    const { pid } = libxl;
    await libxl.close();
    assert.throws(() => process.kill(pid!, 0), /ESRCH/);
    await rejectsWithCode(libxl.call('info', 1), 'JITSU_BACKEND_UNREACHABLE');
  });

  it('says why it cannot be used', async () => {
    process.env['FAKE_LIBXL_UNUSABLE'] = 'yes';
    try {
      await assert.rejects(new LibxlProcess(clock, logger, FAKE).open(), /^CallFailed: this libxl is of no use$/);
    } finally {
      delete process.env['FAKE_LIBXL_UNUSABLE'];
    }
  });
});
