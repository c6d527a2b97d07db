import { ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import type { ProcessGroup } from '#process/process-group.js';
import { ProcessMachine } from '#process/process-machine.js';
import type { RunningProcesses } from '#process/running-processes.js';

const EXECUTION = { cwd: '/', env: {} };

type Look = 'running' | 'suspended' | 'stopping';

/** A group whose state the test sets. */
class FakeGroup {
  readonly pid = 42;
  state: Look = 'running';
  hasEnded = false;
  released = false;
  gentle = false;
  checks = 0;
  readonly signals: string[] = [];
  onSignal: (signal: string) => void = () => undefined;
  #end: () => void = () => undefined;
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));

  look(): Look {
    return this.state;
  }

  check(): void {
    this.checks += 1;
  }

  signal(signal: string): void {
    this.signals.push(this.gentle ? `${signal} gently` : signal);
    this.onSignal(signal);
  }

  end(): void {
    this.hasEnded = true;
    this.state = 'stopping';
    this.#end();
  }
}

describe('a machine that is a process', () => {
  const plan = {
    ...{ id: 'id', name: 'web', program: '/bin/web', words: ['web', '-v'] as const, cwd: '/', env: { A: 'b' } },
    account: { uid: 1, gid: 2 },
  };
  let clock: ManualClock;
  let group: FakeGroup;
  let current: FakeGroup | undefined;
  let told: string[];
  let machine: ProcessMachine;
  let spawned: unknown[];
  let executed: unknown[];
  const never = new AbortController().signal;

  beforeEach(() => {
    clock = new ManualClock();
    group = new FakeGroup();
    current = group;
    [told, spawned, executed] = [[], [], []];
    const processes = {
      get: (id: string) => (id === 'id' ? (current as unknown as ProcessGroup | undefined) : undefined),
      endOf: () => 'exited with status 3',
      tellStateOf: (id: string) => told.push(`${id} ${group.state}`),
      spawn: async (what: unknown) => void spawned.push(what),
      executionOf: (what: unknown) => (executed.push(what), EXECUTION),
    };
    machine = new ProcessMachine(plan, processes as unknown as RunningProcesses, clock);
  });

  /** Whether a promise has been fulfilled so far. */
  function watched(promise: Promise<unknown>): { done: boolean } {
    const state = { done: false };
    void promise.then(
      () => (state.done = true),
      () => undefined,
    );
    return state;
  }

  it('has its plan, and says how it is and how it was', async () => {
    const { id, name, program, words, cwd, env, account } = machine;
    assert.deepEqual({ id, name, program, words, cwd, env, account }, plan);
    group.state = 'suspended';
    const running = { name: 'web', state: 'suspended', domainId: 42, detail: undefined };
    assert.deepEqual(await machine.describe(), running);
    current = undefined;
    const off = { name: 'web', state: 'off', domainId: undefined, detail: 'exited with status 3' };
    assert.deepEqual(await machine.describe(), off);
  });

  it('says how a command that looks after it runs', () => {
    assert.equal(machine.execution(), EXECUTION);
    assert.deepEqual(executed, [machine]);
  });

  it('is spawned by a start only where it does not run', async () => {
    await machine.start();
    assert.deepEqual([spawned, group.signals], [[], []]);
    current = undefined;
    await machine.start();
    assert.deepEqual(spawned, [machine]);
  });

  it('is resumed by a start where it is suspended', async () => {
    group.state = 'suspended';
    group.onSignal = () => (group.state = 'running');
    await machine.start();
    assert.deepEqual([spawned, group.signals, told], [[], ['SIGCONT'], ['id running']]);
  });

  it('is spawned again by a start when what is left of it has ended', async () => {
    group.state = 'stopping';
    const start = watched(machine.start());
    await clock.advance(1_000);
    assert.deepEqual([start.done, spawned], [false, []]);
    current = undefined;
    group.end();
    await clock.advance(0);
    assert.deepEqual([start.done, spawned], [true, [machine]]);
  });

  it('is resumed only where it is suspended, which lasts until it is so', async () => {
    await machine.resume();
    current = undefined;
    await machine.resume();
    assert.deepEqual([group.signals, told], [[], []]);
    current = group;
    group.state = 'suspended';
    const resume = watched(machine.resume());
    // Looked at after pauses of 1, 2, 4, 8, 16, 25 and 25 ms.
    await clock.advance(80);
    assert.deepEqual([group.checks, resume.done, told], [7, false, []]);
    await clock.advance(1);
    assert.equal(group.checks, 8);
    group.state = 'running';
    await clock.advance(25);
    assert.deepEqual([resume.done, told, group.signals], [true, ['id running'], ['SIGCONT']]);
  });

  it('is reported as suspended or running no more where it ends meanwhile', async () => {
    group.state = 'suspended';
    group.onSignal = () => group.end();
    await machine.resume();
    const other = (current = group = new FakeGroup());
    other.onSignal = () => other.end();
    await machine.stop('suspend', never);
    assert.deepEqual([told, other.signals], [[], ['SIGSTOP']]);
  });

  it('is not stopped in any mode where it does not run', async () => {
    current = undefined;
    for (const mode of ['suspend', 'shutdown', 'destroy']) await machine.stop(mode, never);
    assert.deepEqual([group.signals, told], [[], []]);
  });

  it('is suspended until it has stopped', async () => {
    const suspend = watched(machine.stop('suspend', never));
    await clock.advance(100);
    assert.deepEqual([suspend.done, group.signals], [false, ['SIGSTOP']]);
    group.state = 'suspended';
    await clock.advance(25);
    assert.deepEqual([suspend.done, group.signals, told], [true, ['SIGSTOP'], ['id suspended']]);
    await machine.stop('suspend', never);
    assert.deepEqual([group.signals, told.length], [['SIGSTOP'], 2]);
  });

  it('is continued and stopped again where it does not stop for 200 ms', async () => {
    const suspend = watched(machine.stop('suspend', never));
    await clock.advance(199);
    assert.deepEqual(group.signals, ['SIGSTOP']);
    await clock.advance(7);
    assert.deepEqual(group.signals, ['SIGSTOP', 'SIGCONT']);
    await clock.advance(1);
    assert.deepEqual(group.signals, ['SIGSTOP', 'SIGCONT', 'SIGSTOP']);
    group.state = 'suspended';
    await clock.advance(25);
    assert.deepEqual([suspend.done, group.signals.length], [true, 3]);
  });

  // Its first process cannot stop within vfork(2), whose child may wait long for a processor on a busy machine.
  it('is continued for longer each time, until its first process has had the time that it needs to stop', async () => {
    let continuedAt = Infinity;
    group.onSignal = (signal) => {
      if (signal === 'SIGCONT') continuedAt = clock.now();
      else if (clock.now() - continuedAt >= 100) group.state = 'suspended';
    };
    const suspend = watched(machine.stop('suspend', never));
    await clock.advance(3_000);
    assert.equal(suspend.done, true);
    // With pauses of 1, 2, 4, 8, 16, 32, 64 and 128 ms.
    assert.deepEqual(group.signals, [...Array<string[]>(8).fill(['SIGSTOP', 'SIGCONT']).flat(), 'SIGSTOP']);
  });

  it('is left running where its caller waits no longer while it is continued', async () => {
    const enough = new AbortController();
    const stop = assert.rejects(machine.stop('suspend', enough.signal), /^Error: enough$/);
    await clock.advance(206);
    enough.abort(new Error('enough'));
    await stop;
    assert.deepEqual([group.signals, clock.pending], [['SIGSTOP', 'SIGCONT'], 0]);
  });

  it('is continued and stopped again after just 200 ms, where it is looked at then', async () => {
    // Each pause is 8 ms, so that a look comes after 200 ms: a machine's own pauses meet no such moment.
    clock.sleep = (_delay, signal) => ManualClock.prototype.sleep.call(clock, 8, signal);
    const suspend = watched(machine.stop('suspend', never));
    await clock.advance(199);
    assert.deepEqual(group.signals, ['SIGSTOP']);
    await clock.advance(1);
    assert.deepEqual(group.signals, ['SIGSTOP', 'SIGCONT']);
    await clock.advance(8);
    assert.deepEqual(group.signals, ['SIGSTOP', 'SIGCONT', 'SIGSTOP']);
    group.end();
    await clock.advance(0);
    assert.equal(suspend.done, true);
  });

  it('is waited for in a suspension where its first process has ended', async () => {
    group.state = 'stopping';
    const suspend = watched(machine.stop('suspend', never));
    await clock.advance(100);
    assert.deepEqual([suspend.done, group.signals], [false, []]);
    group.end();
    await clock.advance(0);
    assert.deepEqual([suspend.done, told], [true, []]);
  });

  it('is asked to end in a shutdown, gently, until it has ended', async () => {
    const shutdown = watched(machine.stop('shutdown', never));
    await clock.advance(1_000);
    assert.deepEqual([shutdown.done, group.signals, group.gentle], [false, ['SIGTERM gently'], true]);
    group.end();
    await clock.advance(0);
    assert.deepEqual([shutdown.done, group.gentle], [true, false]);
  });

  it('is continued in a shutdown where it is suspended', async () => {
    group.state = 'suspended';
    group.onSignal = (signal) => {
      if (signal === 'SIGCONT') group.end();
    };
    await machine.stop('shutdown', never);
    assert.deepEqual(group.signals, ['SIGTERM gently', 'SIGCONT gently']);
  });

  for (const mode of ['suspend', 'shutdown', 'destroy']) {
    it(`is waited for no longer than its caller wants in the mode ${mode}`, async () => {
      const enough = new AbortController();
      const stop = assert.rejects(machine.stop(mode, enough.signal), /^Error: enough$/);
      await clock.advance(10);
      enough.abort(new Error('enough'));
      await stop;
      assert.deepEqual([group.gentle, clock.pending], [false, 0]);
    });
  }

  it('is killed in the mode destroy, also after a shutdown, until it has ended', async () => {
    group.gentle = true;
    const destroy = watched(machine.stop('destroy', never));
    await clock.advance(100);
    assert.deepEqual([destroy.done, group.signals], [false, ['SIGKILL']]);
    group.end();
    await clock.advance(0);
    assert.equal(destroy.done, true);
  });

  it('says whom it may not signal', async () => {
    group.onSignal = () => {
      throw new Error('kill EPERM');
    };
    await assert.rejects(machine.stop('destroy', never), {
      code: 'JITSU_BACKEND_FAILED',
      message: 'web (process 42) cannot be sent SIGKILL: kill EPERM. Does it run as another user than Jitsu?',
      cause: new Error('kill EPERM'),
    });
  });

  it('is let alone when the backend is closed meanwhile', async () => {
    const destroy = assert.rejects(machine.stop('destroy', never), {
      code: 'JITSU_BACKEND_UNREACHABLE',
      message: 'The process backend was closed while web was handled.',
    });
    await clock.advance(5);
    group.released = true;
    await clock.advance(25);
    await destroy;
    assert.equal(clock.pending, 0);
  });
});
