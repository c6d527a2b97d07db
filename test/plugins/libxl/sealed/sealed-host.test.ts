import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { forkChild, type BootConfigurator, type JitsuError } from '@jitsud/core/plugin';
import { eventually } from '#core/testing/eventually.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import type { FixedPlan, Guest } from '#libxl/guest.js';
import { LibxlMachine } from '#libxl/libxl-machine.js';
import { SealedHost } from '#libxl/sealed/sealed-host.js';
import { childrenOf } from '../../../support/process-status.js';
import { FakeXen } from '../../../support/libxl/fake-xen.js';
import type { SealedMainReply } from '../../../support/libxl/sealed-main-program.js';
import { MemoryLogger } from '../../../support/memory-logger.js';
import { requireRoot } from '../../../support/require-tool.js';

const WEB = '11111111-2222-8333-a444-555555555555';
const MAIL = '22222222-2222-8333-a444-555555555555';
const NOBODY = 65_534;

/** The users of a process: real, effective, saved, and of files. */
const usersOf = (pid: number): readonly number[] =>
  (/^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '').split(/\s+/).map(Number);

describe('the guests of a libxl that is in a process which keeps root', () => {
  let xen: FakeXen;
  let logger: MemoryLogger;
  let host: SealedHost;
  let lost: JitsuError[];
  let changes: number;
  let isOpen = false;

  before(async () => {
    xen = await FakeXen.start();
    await seal(xen.plan(WEB, 'web'));
  });

  beforeEach(async () => {
    xen.reset();
    // One may have ended its process.
    if (!isOpen) await seal(xen.plan(WEB, 'web'));
  });

  after(async () => {
    await host.close();
    await xen[Symbol.asyncDispose]();
  });

  const seal = async (plan: FixedPlan): Promise<void> => {
    logger = new MemoryLogger();
    lost = [];
    changes = 0;
    host = new SealedHost(xen.seal(plan), logger, {
      onChange: () => (changes += 1),
      onLost: (reason) => lost.push(reason),
    });
    await host.open();
    isOpen = true;
  };

  const machine = (name: string, more: object = {}, configurators: readonly BootConfigurator[] = []): LibxlMachine =>
    new LibxlMachine(WEB, xen.options(name, more), {
      ...{ configurators, logger, onState: () => undefined },
      guest: (plan) => host.guest(plan),
    });

  it('are started, paused, suspended, resumed and stopped', async () => {
    const web = machine('web');
    const state = async (): Promise<string> => (await web.describe()).state;
    assert.equal(await state(), 'off');
    await web.start();
    assert.equal(await state(), 'running');
    await web.stop('pause', AbortSignal.timeout(5_000));
    assert.equal(await state(), 'paused');
    await web.unpause();
    await web.stop('suspend', AbortSignal.timeout(5_000));
    assert.equal(await state(), 'suspended');
    assert.deepEqual([...xen.domains], []);
    assert.equal(statSync(join(xen.saves, `${WEB}.memory`)).mode & 0o077, 0);
    await web.resume();
    assert.match([...xen.domains.values()][0]?.memory ?? '', /^memory of/);
    await web.stop('destroy', AbortSignal.timeout(5_000));
    assert.equal(await state(), 'off');
    assert.ok(changes > 0, 'what xenstore tells is told');
  });

  it('are configured between their creation and their first instruction', async () => {
    const plan = xen.plan(WEB, 'web', { type: 'pvh', cmdline: 'quiet' });
    await host.close();
    await seal({ ...plan, words: 'words' });
    isOpen = false;
    const seen: number[] = [];
    const configurator: BootConfigurator = {
      configure: ({ domainId }) => Promise.resolve(void seen.push(domainId)),
      commandLine: () => Promise.resolve('words'),
    };
    await machine('web', { type: 'pvh', cmdline: 'quiet' }, [configurator]).start();
    const [[id, { cmdline, paused }] = [0, {} as never]] = xen.domains;
    assert.deepEqual([seen, cmdline, paused], [[id], 'quiet words', false]);
  });

  it('are not left behind when they cannot be configured', async () => {
    const web = machine('web', {}, [{ configure: () => Promise.reject(new Error('no such key')) }]);
    const error = await rejectsWithCode(web.start(), 'JITSU_BACKEND_FAILED');
    assert.match(error.message, /^web cannot be prepared for its boot\. no such key/);
    assert.deepEqual([...xen.domains], []);
  });

  it('are told why in the words of libxl', async () => {
    const guest = host.guest(xen.plan(WEB, 'web'));
    const error = await rejectsWithCode(guest.pause(3), 'JITSU_BACKEND_FAILED');
    assert.equal(error.message, 'web has no domain 3 any more.');
  });

  it('are none but those that were there, as they were', async () => {
    for (const plan of [xen.plan(MAIL, 'mail'), xen.plan(WEB, 'web', { memory: '65MiB' }), xen.plan(WEB, 'other')]) {
      assert.throws(() => host.guest(plan), { code: 'JITSU_BACKEND_DENIED', message: /gave up root.*Restart Jitsu/ });
    }
  });

  it('are not waited for when their save is called off before it has begun', async () => {
    const guest = host.guest(xen.plan(WEB, 'web'));
    const domain = await guest.create(undefined);
    xen.isSuspendable = false;
    const end = new AbortController();
    const saved = guest.save(domain, end.signal);
    const refused = assert.rejects(saved, /^Error: enough$/);
    await guest.find();
    end.abort(new Error('enough'));
    await refused;
    await eventually(async () => {
      // Nothing of it is under way there.
      assert.equal(await guest.savedMemory(), 'none');
      xen.isSuspendable = true;
      await guest.save(domain, new AbortController().signal);
    });
  });

  it('cannot be used where Xen cannot, with every obstacle', async () => {
    const { parts, ...rest } = xen.seal(xen.plan(WEB, 'web'));
    const places = { ...parts!.places!, hypervisorType: xen.folder.in('no') };
    const listener = { onChange: () => undefined, onLost: () => undefined };
    const none = new SealedHost({ ...rest, parts: { ...parts, places } }, logger, listener);
    const error = await rejectsWithCode(none.open(), 'JITSU_BACKEND_FAILED');
    await none.close();
    assert.match(error.message, /The kernel does not run on Xen/);
  });

  it('run on when the process ends, which is said, and steps fail at once', async () => {
    const guest = host.guest(xen.plan(WEB, 'web'));
    await guest.create(undefined);
    const [libxl] = childrenOf(host.pid!);
    isOpen = false;
    process.kill(host.pid!, 'SIGKILL');
    await eventually(() => assert.equal(lost.length, 1));
    assert.match(lost[0]!.message, /has ended by itself \(SIGKILL\)\. Guests run on; restart Jitsu/);
    assert.ok(logger.lines.some((line) => line.startsWith('error: The process of libxl has ended')));
    await rejectsWithCode(guest.find(), 'JITSU_BACKEND_UNREACHABLE');
    assert.equal(xen.domains.size, 1);
    await eventually(() => assert.throws(() => process.kill(libxl!, 0), /ESRCH/), 5_000);
  });

  it('ignores the signals that a service manager sends to all', async () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.kill(host.pid!, signal);
    assert.equal(await host.guest(xen.plan(WEB, 'web')).find(), undefined);
  });

  it('leaves no process when it is closed', async () => {
    const pids = [host.pid!, ...childrenOf(host.pid!)];
    assert.equal(pids.length, 2);
    isOpen = false;
    await host.close();
    for (const pid of pids) await eventually(() => assert.throws(() => process.kill(pid, 0), /ESRCH/));
    assert.deepEqual(lost, []);
  });
});

describe('a Jitsu that has given up root, with guests of libxl', () => {
  let xen: FakeXen;
  let main: ChildProcess;
  const opened: AsyncDisposable[] = [];
  let keeper: number;

  before(async function () {
    requireRoot(this);
    xen = await FakeXen.start();
    opened.push(xen);
    main = forkChild(new URL('../../../support/libxl/sealed-main-program.js', import.meta.url), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    opened.push({ [Symbol.asyncDispose]: async () => void main.kill('SIGKILL') });
    keeper = ((await asked(xen.seal(xen.plan(WEB, 'web'), xen.plan(MAIL, 'aborts')))) as { readonly result: number })
      .result;
  });

  beforeEach(() => xen.reset());

  after(async () => {
    for (const each of opened.reverse()) await each[Symbol.asyncDispose]();
  });

  const asked = (message: object): Promise<SealedMainReply> =>
    new Promise((resolve) => {
      main.once('message', (reply: SealedMainReply) => resolve(reply));
      main.send(message);
    });

  const step = (name: keyof Guest, plan = xen.plan(WEB, 'web'), ...parameters: readonly unknown[]) =>
    asked({ plan, step: name, parameters });

  it('has them made by a process of root, and is nobody itself', async () => {
    assert.deepEqual(usersOf(main.pid!), Array(4).fill(NOBODY));
    assert.deepEqual(usersOf(keeper), [0, 0, 0, 0]);
    const [libxl = 0] = childrenOf(keeper);
    assert.deepEqual(usersOf(libxl), [0, 0, 0, 0]);
    assert.deepEqual(await step('create'), { result: 1 });
    assert.equal(xen.domains.get(1)?.madeBy, 0);
    assert.equal(statSync(xen.saves).uid, 0);
  });

  it('has libxl started again as root when it is killed', async () => {
    const [libxl = 0] = childrenOf(keeper);
    process.kill(libxl, 'SIGKILL');
    await eventually(async () => assert.deepEqual(await step('create'), { result: 1 }));
    const [next = 0] = childrenOf(keeper);
    assert.notEqual(next, libxl);
    assert.deepEqual(usersOf(next), [0, 0, 0, 0]);
    assert.equal(xen.domains.get(1)?.madeBy, 0);
  });

  it('has libxl started again as root when it aborts, and is told its last words', async () => {
    const reply = await step('create', xen.plan(MAIL, 'aborts'));
    assert.ok('error' in reply);
    assert.match(reply.error, /SIGABRT.*Assertion `ours' failed/);
    assert.deepEqual(await step('create'), { result: 1 });
    const [next = 0] = childrenOf(keeper);
    assert.deepEqual(usersOf(next), [0, 0, 0, 0]);
    assert.match(reply.log.join('\n'), /warn: libxl's process ended.*started again; guests run on/);
  });

  it('takes the processes of root with it when it is killed', async () => {
    const pids = [keeper, ...childrenOf(keeper)];
    assert.equal(pids.length, 2);
    const ended = new Promise((resolve) => main.once('exit', resolve));
    main.kill('SIGKILL');
    await ended;
    for (const pid of pids) await eventually(() => assert.throws(() => process.kill(pid, 0), /ESRCH/));
  });
});
