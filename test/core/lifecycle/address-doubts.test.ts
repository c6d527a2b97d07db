import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AddressDoubts } from '#core/lifecycle/address-doubts.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { cannotRun } from '../../support/cannot-run.js';

const LISTENER = `
  const server = require('net').createServer().listen(0, '127.0.0.1', () => console.log(server.address().port));
  setTimeout(() => process.exit(), 60_000);`;

describe('a doubt about who answers at an address', () => {
  const children: ChildProcess[] = [];
  let clock: ManualClock;
  let told: string[];
  let doubts: AddressDoubts;

  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    doubts = new AddressDoubts((_unikernel, message) => told.push(message), clock);
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  const listen = async (): Promise<{ port: number; pid: number }> => {
    const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    return { port: Number(port), pid: child.pid as number };
  };

  const aProcess = (
    port: number | undefined,
    domainId: number | undefined,
    isProcess = true,
    ready = true,
    held?: object,
  ): Unikernel => {
    const probe = { untilReady: () => Promise.resolve(), ...(port !== undefined && { port }) };
    const machine = { execution: () => (isProcess ? {} : undefined), listener: () => held };
    const plan = { probes: [probe], machine };
    return { name: 'web', ready, domainId, addresses: ['127.0.0.1'], plan } as unknown as Unikernel;
  };

  const looked = async (unikernel: Unikernel): Promise<readonly string[]> => {
    doubts.ready(unikernel);
    await clock.advance(1_000);
    await sleep(200);
    return told;
  };

  before(function () {
    if (process.platform !== 'linux') cannotRun(this, 'who has a port is told by Linux');
  });

  it('is told where none of the processes of a program has its port, with who has it, and once', async () => {
    const [stranger, own] = [await listen(), await listen()];
    const web = aProcess(stranger.port, own.pid);
    doubts.ready(web);
    await clock.advance(999);
    await sleep(50);
    assert.deepEqual(told, []);
    await clock.advance(1);
    await eventually(() => assert.equal(told.length, 1));
    assert.ok(
      told.join().includes(`(process ${stranger.pid}) listens at 127.0.0.1:${stranger.port}, and is none of`),
      told[0],
    );
    await looked(web);
    assert.equal(told.length, 1);
  });

  it('is none where the program itself has it, or a process that it has started', async () => {
    const { port, pid } = await listen();
    assert.deepEqual(await looked(aProcess(port, pid)), []);
    assert.deepEqual(await looked(aProcess(port, process.pid)), []);
  });

  it('is none of what is no process, asks no port, has ended meanwhile, or has Jitsu listen for it', async () => {
    const [stranger, own] = [await listen(), await listen()];
    for (const unikernel of [
      aProcess(stranger.port, own.pid, false),
      aProcess(stranger.port, undefined),
      aProcess(undefined, own.pid),
      aProcess(stranger.port, own.pid, true, false),
      aProcess(1, own.pid),
      aProcess(stranger.port, own.pid, true, true, {}),
    ])
      assert.deepEqual(await looked(unikernel), []);
    doubts.ready(aProcess(undefined, own.pid));
    assert.equal(clock.pending, 0, 'without a port there is nothing to wait for');
  });

  it('is told where something answers before a start, once, and the start waits for nothing', async () => {
    const { port } = await listen();
    const guest = aProcess(port, undefined, false);
    doubts.beforeStart(guest, { address: '127.0.0.1', port });
    assert.deepEqual(told, []);
    await eventually(() => assert.equal(told.length, 1));
    assert.ok(told.join().startsWith(`Something answered at 127.0.0.1:${port} before web was started.`));
    doubts.beforeStart(guest, { address: '127.0.0.1', port });
    await sleep(50);
    assert.deepEqual([told.length, clock.pending], [1, 0]);
  });

  it('is none where nothing answers within the time that no boot takes', async () => {
    const { port } = await listen();
    const guest = aProcess(port, undefined, false);
    doubts.beforeStart(guest, { address: '127.0.0.1', port: 1 });
    await sleep(50);
    assert.deepEqual([told, clock.pending], [[], 0]);
    doubts.beforeStart(guest, { address: '127.0.0.1', port });
    // What answers only then may be the machine itself.
    clock.freeze(11);
    await sleep(50);
    assert.deepEqual(told, []);
  });
});
