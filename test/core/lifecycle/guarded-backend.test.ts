import assert from 'node:assert/strict';
import type { Backend, PowerChange } from '#core/contracts/backend.js';
import type { Machine, MachineDescription, PowerState } from '#core/contracts/machine.js';
import { errorCode, JitsuError } from '#core/errors.js';
import { GuardedBackend, STOP_LIMIT, type GuardedMachine } from '#core/lifecycle/guarded-backend.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { FakeBackend } from '../../support/fake-backend.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const never = new AbortController().signal;

/** A guarded backend with one machine called web, and a clock that stands still. */
class Guarded {
  readonly clock = new ManualClock();
  readonly fake = new FakeBackend(this.clock);
  readonly logger = new MemoryLogger();
  readonly backend = new GuardedBackend('fake', this.fake, this.clock, this.logger);

  static async open(): Promise<{ stage: Guarded; machine: GuardedMachine; id: string }> {
    const stage = new Guarded();
    await stage.backend.connect();
    const machine = await stage.machine();
    return { stage, machine, id: machine.id };
  }

  async machine(name = 'web', options: object = { name }): Promise<GuardedMachine> {
    return this.backend.guard(await this.backend.machine({ name, options }), name);
  }
}

/** The view of a machine that is given with these methods. */
function viewOf(machine: Partial<Machine>): GuardedMachine {
  const capabilities = { stopModes: ['destroy', 'shutdown'], bootConfigurators: false };
  const backend = { capabilities } as unknown as Backend;
  const guarded = new GuardedBackend('odd', backend, new ManualClock(), new MemoryLogger());
  return guarded.guard({ id: 'id-of-web', ...machine } as Machine, 'web');
}

describe('a machine as the core uses it', () => {
  it('is started once for all who ask at the same time', async () => {
    const { stage, machine } = await Guarded.open();
    stage.fake.latency.start = 100;
    const other = await stage.machine();
    const starts = [machine.start(), machine.start(), other.start()];
    await stage.clock.advance(100);
    await Promise.all(starts);
    assert.deepEqual(
      stage.fake.calls.filter((call) => call.startsWith('start')),
      ['start web'],
    );
    stage.fake.latency.start = 0;
    await machine.start();
    assert.equal(stage.fake.calls.filter((call) => call.startsWith('start')).length, 2);
  });

  it('fails for all who share a start, and is started anew by the next', async () => {
    const { stage, machine } = await Guarded.open();
    stage.fake.failNext('start', new JitsuError('JITSU_BACKEND_DENIED', 'no'));
    const starts = [machine.start(), machine.start()];
    for (const start of starts) await rejectsWithCode(start, 'JITSU_BACKEND_DENIED');
    await machine.start();
    assert.equal((await machine.describe()).state, 'running');
  });

  it('is stopped only when a start under way has ended', async () => {
    const { stage, machine } = await Guarded.open();
    stage.fake.latency.start = 100;
    const start = machine.start();
    const stop = machine.stop('destroy', never);
    await stage.clock.advance(99);
    assert.ok(!stage.fake.calls.includes('stop web destroy'));
    await stage.clock.advance(1);
    await Promise.all([start, stop]);
    assert.equal((await machine.describe()).state, 'off');
  });

  it('does not wait in turn for longer than the signal lasts, and is then not stopped any more', async () => {
    const { stage, machine } = await Guarded.open();
    stage.fake.latency.start = 100;
    const start = machine.start();
    const controller = new AbortController();
    const stop = machine.stop('shutdown', controller.signal);
    const reason = new Error('out of patience');
    controller.abort(reason);
    await assert.rejects(stop, (error) => error === reason);
    await stage.clock.advance(100);
    await start;
    assert.equal((await machine.describe()).state, 'running');
    await assert.rejects(machine.stop('shutdown', controller.signal), (error) => error === reason);
  });

  it('is not stopped in a mode that its backend does not have', async () => {
    const { stage, machine } = await Guarded.open();
    const error = await rejectsWithCode(machine.stop('hibernate', never), 'JITSU_STOP_MODE_UNSUPPORTED');
    assert.equal(
      error.message,
      "The backend fake of web has no stop mode 'hibernate'. It has: destroy, shutdown, suspend.",
    );
    assert.ok(!stage.fake.calls.some((call) => call.startsWith('stop')));
  });

  it('has stopped when it is off, however early its backend resolves', async () => {
    for (const watches of [true, false]) {
      const { stage, machine, id } = await Guarded.open();
      if (!watches) Object.assign(stage.fake, { watch: undefined });
      await machine.start();
      stage.fake.stop = async () => stage.fake.hypervisor.change(id, 'stopping');
      let stopped = false;
      const stop = machine.stop('shutdown', never).then(() => (stopped = true));
      await stage.clock.advance(60_000);
      assert.equal(stopped, false);
      stage.fake.hypervisor.change(id, 'off');
      // One that tells is believed at once, and the other looked at within a second.
      await stage.clock.advance(watches ? 0 : 1_000);
      assert.equal(stopped, true);
      await stop;
      assert.equal(stage.clock.pending, 0);
    }
  });

  it('is looked at less and less often while it stops, and never less than each second', async () => {
    const { stage, machine } = await Guarded.open();
    Object.assign(stage.fake, { watch: undefined });
    await machine.start();
    stage.fake.stop = async () => undefined;
    const looks: number[] = [];
    const begin = stage.clock.now();
    const describe = stage.fake.describe.bind(stage.fake);
    stage.fake.describe = (id) => (looks.push(stage.clock.now() - begin), describe(id));
    const failed = rejectsWithCode(machine.stop('destroy', never), 'JITSU_BACKEND_FAILED');
    await stage.clock.advance(4_000);
    assert.deepEqual(looks, [0, 20, 60, 140, 300, 620, 1_260, 2_260, 3_260]);
    await stage.clock.advance(56_000);
    await failed;
  });

  it('is operated on in the order of the calls, one after the other', async () => {
    const { stage, machine } = await Guarded.open();
    const begin = stage.clock.now();
    const begun: string[] = [];
    const slow = (name: string) => async (): Promise<void> => {
      begun.push(`${name} ${stage.clock.now() - begin}`);
      await stage.clock.sleep(100);
    };
    stage.fake.start = slow('start');
    stage.fake.unpause = slow('unpause');
    stage.fake.resume = slow('resume');
    const operations = [machine.start(), machine.unpause()];
    await stage.clock.advance(150);
    operations.push(machine.resume());
    await stage.clock.advance(150);
    await Promise.all(operations);
    assert.deepEqual(begun, ['start 0', 'unpause 100', 'resume 200']);
  });

  it('is asked to shut down only when a start has ended, however long that takes', async () => {
    const { stage, machine } = await Guarded.open();
    stage.fake.latency.start = 300_000;
    const start = machine.start();
    const stop = machine.stop('shutdown', never);
    await stage.clock.advance(299_999);
    assert.ok(!stage.fake.calls.includes('stop web shutdown'));
    await stage.clock.advance(1);
    await Promise.all([start, stop]);
    assert.ok(stage.fake.calls.includes('stop web shutdown'));
  });

  for (const state of ['off', 'starting', 'running', 'paused', 'suspended', 'stopping', 'unknown'] as const) {
    it(`may be ${state}`, async () => {
      const description = { state, name: 'web', domainId: 1, macs: ['00:16:3e:00:00:01'], detail: 'so it is' };
      assert.equal(await viewOf({ describe: async () => description }).describe(), description);
    });
  }

  for (const [state, isUp] of [
    ...(['running', 'starting', 'stopping'] as const).map((state) => [state, true] as const),
    ...(['off', 'paused', 'suspended', 'unknown'] as const).map((state) => [state, false] as const),
  ]) {
    it(`has ${isUp ? 'not ' : ''}been destroyed while it is ${state}`, async () => {
      const { stage, machine, id } = await Guarded.open();
      await machine.start();
      stage.fake.stop = async () => stage.fake.hypervisor.change(id, state);
      let stopped = false;
      const stop = machine.stop('destroy', never).then(() => (stopped = true));
      await stage.clock.advance(10_000);
      assert.equal(stopped, !isUp);
      stage.fake.hypervisor.change(id, 'off');
      await stage.clock.advance(0);
      await stop;
      assert.equal(stage.clock.pending, 0);
    });
  }

  it('waits for no operation that has ended', async () => {
    const { stage, machine } = await Guarded.open();
    await machine.start();
    const delays: number[] = [];
    const after = stage.clock.after.bind(stage.clock);
    stage.clock.after = (delay, callback) => (delays.push(delay), after(delay, callback));
    await machine.unpause();
    assert.deepEqual(delays, []);
  });

  it('does not count as stopped by a shutdown while it is paused or asleep', async () => {
    const { stage, machine, id } = await Guarded.open();
    await machine.start();
    stage.fake.stop = async () => stage.fake.hypervisor.change(id, 'paused');
    const controller = new AbortController();
    const stop = machine.stop('shutdown', controller.signal);
    await stage.clock.advance(60_000);
    const looks = stage.fake.calls.length;
    controller.abort(new Error('out of patience'));
    await assert.rejects(stop, /out of patience/);
    assert.deepEqual([stage.clock.pending, stage.fake.calls.length], [0, looks]);
  });

  it("rejects with the signal's reason when its backend does not heed the signal", async () => {
    const { stage, machine } = await Guarded.open();
    await machine.start();
    stage.fake.stop = () => new Promise(() => undefined);
    const controller = new AbortController();
    const stop = machine.stop('shutdown', controller.signal);
    const reason = new Error('out of patience');
    controller.abort(reason);
    await assert.rejects(stop, (error) => error === reason);
    stage.fake.stop = async () => stage.fake.hypervisor.change(machine.id, 'off');
    await machine.stop('destroy', never);
  });

  for (const [what, stop] of Object.entries<() => Promise<void>>({
    'has no effect': async () => undefined,
    'never ends': () => new Promise<void>(() => undefined),
  })) {
    it(`still runs, and can be started and stopped, a minute after a destroy that ${what}`, async () => {
      const { stage, machine, id } = await Guarded.open();
      await machine.start();
      stage.fake.stop = stop;
      const failed = rejectsWithCode(machine.stop('destroy', never), 'JITSU_BACKEND_FAILED');
      const started = machine.start();
      await stage.clock.advance(59_999);
      assert.equal(stage.fake.calls.filter((call) => call.startsWith('start')).length, 1);
      await stage.clock.advance(1);
      assert.match(
        (await failed).message,
        /^web still runs 60 s after the backend fake was asked to stop it by 'destroy'/,
      );
      await started;
      stage.fake.stop = async () => stage.fake.hypervisor.change(id, 'off');
      await machine.stop('destroy', never);
      assert.equal(stage.clock.pending, 0);
    });
  }

  it('is asked to stop a minute after a start that hangs, and not started a second time beside that', async () => {
    const { stage, machine } = await Guarded.open();
    stage.fake.latency.start = 300_000;
    const start = machine.start();
    await stage.clock.advance(20_000);
    const stop = machine.stop('destroy', never);
    await stage.clock.advance(39_999);
    assert.ok(!stage.fake.calls.includes('stop web destroy'));
    await stage.clock.advance(1);
    await stop;
    assert.ok(stage.fake.calls.includes('stop web destroy'));
    const again = machine.start();
    await stage.clock.advance(240_000);
    await Promise.all([start, again]);
    assert.equal(stage.fake.calls.filter((call) => call.startsWith('start')).length, 1);
    assert.equal(stage.clock.pending, 0);
  });

  it('is started anew beside a start that has hung for a quarter of an hour, and then shares that start', async () => {
    const { stage, machine } = await Guarded.open();
    stage.fake.latency.start = Infinity;
    void machine.start();
    await stage.clock.advance(899_999);
    void machine.start();
    assert.equal(stage.fake.calls.filter((call) => call.startsWith('start')).length, 1);
    await stage.clock.advance(1);
    stage.fake.latency.start = 100;
    const anew = [machine.start(), machine.start()];
    await stage.clock.advance(100);
    await Promise.all(anew);
    assert.equal(stage.fake.calls.filter((call) => call.startsWith('start')).length, 2);
  });

  it('still shares the later start when an earlier one that has hung ends after all', async () => {
    const { stage, machine } = await Guarded.open();
    stage.fake.latency.start = 900_100;
    const first = machine.start();
    await stage.clock.advance(900_000);
    const second = machine.start();
    await stage.clock.advance(100);
    await first;
    const third = machine.start();
    await stage.clock.advance(900_000);
    await Promise.all([second, third]);
    assert.equal(stage.fake.calls.filter((call) => call.startsWith('start')).length, 2);
    assert.equal(stage.clock.pending, 0);
  });

  it('is said to fail where its backend describes it by nothing', async () => {
    for (const [given, shown] of [
      [null, 'null'],
      [undefined, 'undefined'],
      ['off', "'off'"],
    ]) {
      const error = await rejectsWithCode(
        viewOf({ describe: async () => given as never }).describe(),
        'JITSU_BACKEND_FAILED',
      );
      assert.match(error.message, new RegExp(`web is looked at: its description is ${shown}, and no object$`));
    }
  });

  it('has no timer left when its backend is closed, whatever hangs', async () => {
    const { stage, machine } = await Guarded.open();
    const other = await stage.machine('other');
    const deaf = await stage.machine('deaf');
    await deaf.start();
    stage.fake.start = () => new Promise(() => undefined);
    stage.fake.describe = () => new Promise(() => undefined);
    stage.fake.stop = async () => undefined;
    // A start, a stop that waits for its end, a look, and a stop without effect.
    void machine.start();
    void machine.stop('destroy', never);
    void other.describe();
    void deaf.stop('destroy', never);
    await stage.clock.advance(1);
    assert.equal(stage.clock.pending > 2, true);
    void other.describe();
    await stage.backend.close();
    await stage.clock.advance(0);
    assert.equal(stage.clock.pending, 0);
  });

  it('still runs a quarter of an hour after a suspend that never ends, and a minute after one without effect', async () => {
    const { stage, machine } = await Guarded.open();
    await machine.start();
    for (const [stop, limit] of [
      [() => new Promise<void>(() => undefined), 900_000],
      [async () => undefined, 60_000],
    ] as const) {
      stage.fake.stop = stop;
      let ended = false;
      const failed = rejectsWithCode(machine.stop('suspend', never), 'JITSU_BACKEND_FAILED');
      void failed.then(() => (ended = true));
      await stage.clock.advance(limit - 1);
      assert.equal(ended, false);
      await stage.clock.advance(1);
      const said = `web still runs ${limit / 1_000} s after the backend fake was asked to stop it by 'suspend'. Look at it`;
      assert.ok((await failed).message.startsWith(said));
    }
    assert.equal(stage.clock.pending, 0);
  });

  it('is said to be unknown to its backend where that does not describe it within a minute', async () => {
    const { stage, machine } = await Guarded.open();
    await machine.describe();
    assert.equal(stage.clock.pending, 0);
    stage.fake.describe = () => new Promise(() => undefined);
    let ended = false;
    const failed = rejectsWithCode(machine.describe(), 'JITSU_BACKEND_FAILED');
    void failed.then(() => (ended = true));
    await stage.clock.advance(59_999);
    assert.equal(ended, false);
    await stage.clock.advance(1);
    assert.match(
      (await failed).message,
      /^The backend fake has not said within 60 s how web is\. Check that it answers/,
    );
    assert.equal(stage.clock.pending, 0);
  });

  it('is limited in its answer also where others of the same moment answer at once', async () => {
    const { stage } = await Guarded.open();
    const describe = stage.fake.describe.bind(stage.fake);
    const names = ['first', 'silent', 'third', 'mute', 'last'];
    const hanging = ['silent', 'mute'];
    const machines = await Promise.all(names.map((name) => stage.machine(name)));
    const silent = new Set(machines.filter((_, index) => hanging.includes(names[index] as string)).map(({ id }) => id));
    stage.fake.describe = (id) => (silent.has(id) ? new Promise(() => undefined) : describe(id));
    const outcomes = Promise.allSettled(machines.map((machine) => machine.describe()));
    await stage.clock.advance(59_999);
    assert.equal(stage.clock.pending, hanging.length);
    await stage.clock.advance(1);
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      names.map((name) => (hanging.includes(name) ? 'rejected' : 'fulfilled')),
    );
    assert.equal(stage.clock.pending, 0);
  });

  it('has a limit for each answer that takes longer, until it has answered', async () => {
    const { stage, machine } = await Guarded.open();
    for (const round of ['first', 'second']) {
      let answer: (description: MachineDescription) => void = () => assert.fail();
      stage.fake.describe = () => new Promise((resolve) => (answer = resolve));
      const described = machine.describe();
      await stage.clock.advance(1_000);
      assert.equal(stage.clock.pending, 1, round);
      answer({ state: 'off' });
      await described;
      assert.equal(stage.clock.pending, 0, round);
    }
  });

  it('says so when nobody can tell whether it has followed a shutdown', async () => {
    const { stage, machine, id } = await Guarded.open();
    await machine.start();
    stage.fake.stop = async () => stage.fake.hypervisor.change(id, 'unknown', 'its host is gone');
    const error = await rejectsWithCode(machine.stop('shutdown', never), 'JITSU_BACKEND_UNREACHABLE');
    assert.match(error.message, /fake cannot tell whether web has stopped: its host is gone/);
  });

  it('has nothing to do where its backend never suspends or pauses, and no addresses where it finds none', async () => {
    const machine = viewOf({});
    await machine.resume();
    await machine.unpause();
    assert.deepEqual(await machine.addresses(), []);
    assert.deepEqual(await machine.recentOutput(), []);
  });

  it('has the lines of its backend for its output, and nothing else', async () => {
    assert.deepEqual(await viewOf({ recentOutput: async () => ['one'] }).recentOutput(), ['one']);
    const many = Array.from({ length: 1_000 }, (_, index) => `${index} ${'x'.repeat(10_000)}`);
    const shown = await viewOf({ recentOutput: async () => many }).recentOutput();
    assert.deepEqual([shown.length, shown[0]?.slice(0, 4), shown[19]?.length], [20, '980 ', 4_096]);
    for (const lines of ['one', [1]] as const) {
      const machine = viewOf({ recentOutput: async () => lines as unknown as string[] });
      await rejectsWithCode(machine.recentOutput(), 'JITSU_BACKEND_FAILED');
    }
  });

  for (const [what, thrown] of Object.entries({
    'an error of its own': new RangeError('no such slot'),
    'an error of Node': Object.assign(new Error('no such slot'), { code: 'ENOENT' }),
    'a text': 'no such slot',
  })) {
    it(`names the backend that throws ${what}`, async () => {
      const fail = () => {
        throw thrown;
      };
      const machine = viewOf({ describe: fail, start: fail, resume: fail, unpause: fail, stop: fail, addresses: fail });
      for (const [call, done] of [
        [machine.describe(), 'looked at'],
        [machine.start(), 'started'],
        [machine.resume(), 'resumed'],
        [machine.unpause(), 'unpaused'],
        [machine.stop('destroy', never), 'stopped'],
        [machine.addresses(), 'asked for its addresses'],
      ] as const) {
        const error = await rejectsWithCode(call, 'JITSU_BACKEND_FAILED');
        assert.equal(error.message, `The backend odd fails when web is ${done}: no such slot`);
        assert.equal(error.cause, thrown);
      }
    });
  }

  it('counts as one that still runs where it was stopped and no look at it comes back', async () => {
    const { stage, machine } = await Guarded.open();
    await machine.start();
    stage.fake.describe = () => new Promise(() => {});
    let code: string | undefined;
    void machine.stop('destroy', never).catch((error: unknown) => (code = errorCode(error)));
    await stage.clock.advance(STOP_LIMIT - 1);
    assert.equal(code, undefined);
    await stage.clock.advance(1);
    assert.equal(code, 'JITSU_BACKEND_FAILED');
  });

  for (const [what, description] of Object.entries<unknown>({
    nothing: undefined,
    'a state that is none': { state: 'up' },
    'no state': {},
    'a domain id that is none': { state: 'running', domainId: -1 },
    'a domain id of dom0': { state: 'running', domainId: 0 },
    'half a domain id': { state: 'running', domainId: 1.5 },
    'a domain id as text': { state: 'running', domainId: '7' },
    'a MAC address that is no text': { state: 'running', macs: [1] },
    'MAC addresses as one text': { state: 'running', macs: '00:16:3e:00:00:01' },
    'a name that is no text': { state: 'running', name: 7 },
    'a detail that is no text': { state: 'off', detail: { status: 1 } },
  })) {
    it(`is not described by ${what}`, async () => {
      const machine = viewOf({ describe: async () => description as MachineDescription });
      const error = await rejectsWithCode(machine.describe(), 'JITSU_BACKEND_FAILED');
      assert.match(error.message, /^The backend odd fails when web is looked at: /);
    });
  }

  it('says how commands that look after it run, and nothing that nobody could run', async () => {
    const execution = { cwd: '/', env: {}, account: { uid: 1, gid: 2 } };
    assert.equal(viewOf({ execution: () => execution }).execution(), execution);
    assert.equal(viewOf({}).execution(), undefined);
    for (const odd of [
      {},
      { cwd: '/' },
      { cwd: 7, env: {} },
      { cwd: '/', env: {}, account: { uid: 'nobody', gid: 1 } },
    ]) {
      const view = viewOf({ execution: () => odd as unknown as typeof execution });
      assert.throws(() => view.execution(), { code: 'JITSU_BACKEND_FAILED', message: /asked how its commands run/ });
    }
  });

  it('says what listens for it, and what fails there in its own words', async () => {
    const { signal } = new AbortController();
    const untilAccepted = (): Promise<void> => Promise.resolve();
    await viewOf({ listener: () => ({ untilAccepted }) })
      .listener('127.0.0.1', 80)
      ?.untilAccepted(signal);
    assert.equal(viewOf({}).listener('127.0.0.1', 80), undefined);
    assert.equal(viewOf({ listener: () => undefined }).listener('127.0.0.1', 80), undefined);
    const odd = viewOf({ listener: () => ({}) as { untilAccepted(): Promise<void> } });
    assert.throws(() => odd.listener('127.0.0.1', 80), { code: 'JITSU_BACKEND_FAILED', message: /who listens for it/ });
    const failing = viewOf({ listener: () => ({ untilAccepted: () => Promise.reject(new Error('EBADF')) }) });
    const failed = failing.listener('127.0.0.1', 80)?.untilAccepted(signal) as Promise<void>;
    const { message } = await rejectsWithCode(failed, 'JITSU_BACKEND_FAILED');
    assert.match(message, /^The backend odd fails when web is waited for: EBADF/);
    const controller = new AbortController();
    const endless = viewOf({ listener: () => ({ untilAccepted: () => new Promise(() => undefined) }) });
    const waiting = endless.listener('127.0.0.1', 80)?.untilAccepted(controller.signal) as Promise<void>;
    controller.abort(new Error('never mind'));
    await assert.rejects(waiting, /^Error: never mind$/);
  });

  it('has no addresses that no service can have', async () => {
    const reported = [
      '0.0.0.0',
      '0.1.2.3',
      '192.0.2.7',
      '224.0.0.1',
      '239.1.1.1',
      '255.255.255.255',
      '::',
      'ff02::1',
      '2001:db8::7',
      '223.255.255.1',
    ];
    const machine = viewOf({ addresses: async () => reported });
    assert.deepEqual(await machine.addresses(), ['192.0.2.7', '2001:db8::7', '223.255.255.1']);
  });

  for (const addresses of [undefined, null, '192.0.2.1', [1], ['nowhere']]) {
    it(`does not have the addresses ${JSON.stringify(addresses)}`, async () => {
      const machine = viewOf({ addresses: async () => addresses as string[] });
      if (addresses === undefined || addresses === null) assert.deepEqual(await machine.addresses(), []);
      else await rejectsWithCode(machine.addresses(), 'JITSU_BACKEND_FAILED');
    });
  }
});

describe('a backend as the core uses it', () => {
  it('names itself when it throws what is no error of ours', async () => {
    const { stage } = await Guarded.open();
    stage.fake.connect = async () => Promise.reject(new RangeError('no route'));
    stage.fake.close = async () => Promise.reject(new RangeError('no route'));
    stage.fake.register = async () => Promise.reject(new RangeError('no route'));
    stage.fake.beforeDrop = async () => Promise.reject(new RangeError('no route'));
    for (const [call, what] of [
      [stage.backend.beforeDrop(), 'fails to hand over what needs root'],
      [stage.backend.connect(), 'fails to connect'],
      [stage.backend.close(), 'fails to close'],
      [stage.machine(), 'fails to find or define web'],
    ] as const) {
      const error = await rejectsWithCode(call, 'JITSU_BACKEND_FAILED');
      assert.equal(error.message, `The backend fake ${what}: no route`);
    }
  });

  it('need not care for root', async () => {
    const { stage } = await Guarded.open();
    await stage.backend.beforeDrop();
  });

  it('passes on an error of ours from whichever copy of the core', async () => {
    const { stage } = await Guarded.open();
    const foreign = Object.assign(new Error('no'), { code: 'JITSU_BACKEND_DENIED' });
    stage.fake.register = async () => Promise.reject(foreign);
    await assert.rejects(stage.machine(), (error) => error === foreign);
  });

  it('hands out no machine without a uuid', async () => {
    const { stage } = await Guarded.open();
    for (const id of [undefined, 7, 'web', '']) {
      stage.fake.machine = async () => ({ id }) as unknown as Machine;
      const error = await rejectsWithCode(stage.machine(), 'JITSU_BACKEND_FAILED');
      assert.match(error.message, /^The backend fake fails to find or define web: its id is .*, which is no uuid$/);
    }
  });

  it('tells each change once, to all who watch, until they are disposed of', async () => {
    const { stage, id } = await Guarded.open();
    const heard: [PowerState[], PowerState[]] = [[], []];
    using _first = stage.backend.watch(({ state }) => heard[0].push(state));
    const second = stage.backend.watch(({ state }) => heard[1].push(state));
    for (const state of ['running', 'paused', 'running'] as const) {
      stage.fake.hypervisor.change(id, state);
      stage.fake.tell({ id, state });
    }
    second?.[Symbol.dispose]();
    stage.fake.kill(id);
    stage.fake.tell({ id, state: 'off' });
    assert.deepEqual(heard, [
      ['running', 'paused', 'running', 'off'],
      ['running', 'paused', 'running'],
    ]);
  });

  it('tells of a machine that goes on to run in another domain', async () => {
    const { stage, id } = await Guarded.open();
    let tell: (change: PowerChange) => void = () => undefined;
    stage.fake.watch = (listener) => {
      tell = listener;
      return { [Symbol.dispose]: () => undefined };
    };
    const heard: (number | undefined)[] = [];
    using _watch = stage.backend.watch(({ domainId }) => heard.push(domainId));
    for (const domainId of [1, 1, 2]) tell({ id, state: 'running', domainId });
    tell({ id, state: 'running', domainId: 'three' as unknown as number });
    assert.deepEqual(heard, [1, 2]);
    assert.match(stage.logger.lines.join(), /its domain id is 'three'/);
  });

  it('watches its backend once, from the first who asks until it is closed', async () => {
    const { stage } = await Guarded.open();
    let watches = 0;
    let all = 0;
    stage.fake.watch = () => {
      watches += 1;
      all += 1;
      return { [Symbol.dispose]: () => (watches -= 1) };
    };
    using _first = stage.backend.watch(() => undefined);
    using _second = stage.backend.watch(() => undefined);
    assert.deepEqual([watches, all], [1, 1]);
    await stage.backend.close();
    assert.deepEqual([watches, all], [0, 1]);
    using _third = stage.backend.watch(() => undefined);
    assert.deepEqual([watches, all], [1, 2]);
    stage.fake.close = async () => Promise.reject(new Error('stuck'));
    await rejectsWithCode(stage.backend.close(), 'JITSU_BACKEND_FAILED');
    assert.deepEqual([watches, all], [0, 2]);
    Object.assign(stage.fake, { watch: undefined });
    assert.deepEqual([stage.backend.isWatched, stage.backend.watch(() => undefined)], [false, undefined]);
  });

  it('calls back at each change of a machine, and no more once that is disposed of', async () => {
    const { stage, id } = await Guarded.open();
    let changes = 0;
    const waiting = stage.backend.onChange(id, () => (changes += 1));
    stage.fake.hypervisor.change(id, 'running');
    stage.fake.hypervisor.change(id, 'paused');
    assert.equal(changes, 2);
    waiting[Symbol.dispose]();
    stage.fake.hypervisor.change(id, 'off');
    assert.equal(changes, 2);
  });

  it('tells nothing of a change that is none, and logs it', async () => {
    const { stage, id } = await Guarded.open();
    const heard: PowerChange[] = [];
    using _watch = stage.backend.watch((change) => heard.push(change));
    for (const change of [
      undefined,
      {},
      { id: 7, state: 'off' },
      { id, state: 'up' },
      { id, state: 'off', detail: 3 },
    ]) {
      stage.fake.tell(change as PowerChange);
    }
    assert.deepEqual(heard, []);
    const messages = stage.logger.entries.map(({ level, message }) => `${level} ${message}`);
    assert.equal(messages.length, 5);
    assert.match(messages[3] ?? '', /^error The backend fake tells of a change: its state is 'up', and none of off,/);
  });
});
