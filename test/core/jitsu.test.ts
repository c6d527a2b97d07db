import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import packet from 'dns-packet';
import { z } from 'zod';
import { builtins } from '#core/builtins/builtins.js';
import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import { readSettings } from '#core/config/read-settings.js';
import type { InjectableClass } from '#core/contracts/plugin.js';
import type { Notifier } from '#core/contracts/notifier.js';
import type { Resolver } from '#core/contracts/resolver.js';
import { errorCode, JitsuError } from '#core/errors.js';
import { createJitsu, type Jitsu } from '#core/jitsu.js';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { decodeReply, queryBytes } from '../support/dns-message.js';
import { askByUdp } from '../support/dns-exchange.js';
import { FakeUpstream } from '../support/dns-upstream.js';
import { FakeBackend, fakeOptions } from '../support/fake-backend.js';
import { MemoryLogger } from '../support/memory-logger.js';
import { openFiles } from '../support/open-files.js';
import { requireRoot } from '../support/require-tool.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

/** What happens instead at a step that the journal names, such as `connect one`. */
type Faults = Partial<Record<string, () => Promise<void>>>;

/** A Jitsu whose backends, store and notifier are stand-ins that write down when they are opened and closed. */
class Setting implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  readonly one = new FakeBackend(this.clock);
  readonly two = new FakeBackend(this.clock);
  readonly store = new MemoryStateStore();
  /** What the unikernels of each backend may have, in bytes. */
  readonly memory: Record<string, number> = {};
  readonly journal: string[] = [];
  resolve: Resolver['resolve'] = () => ({ rcode: 8 });
  readonly #folder = new TemporaryFolder();
  readonly controlSocket = this.#folder.in('control.sock');
  readonly runtimeDirectory = this.#folder.in('run');
  readonly #made: Jitsu[] = [];

  constructor(readonly faults: Faults = {}) {
    // For the user that Jitsu may become.
    chmodSync(this.#folder.path, 0o711);
    for (const [name, backend] of Object.entries({ one: this.one, two: this.two })) {
      const [connect, close] = [backend.connect.bind(backend), backend.close.bind(backend)];
      backend.connect = () => this.#write(`connect ${name}`, connect);
      backend.close = () => this.#write(`close ${name}`, close);
    }
    const { store } = this;
    const [appendEvent, saveCounters] = [store.appendEvent.bind(store), store.saveCounters.bind(store)];
    store.open = () => this.#write('open store');
    store.close = () => this.#write('close store');
    store.appendEvent = (event) => this.#write(`store ${event.kind}`, () => appendEvent(event));
    store.saveCounters = (counters) => this.#write('store counters', () => saveCounters(counters));
  }

  /** Two unikernels, `web` of the backend `one` and `db` of `two`, behind `web.test` and `db.test`. */
  async jitsu(config: object = {}, parts: { readonly givesUpRoot?: boolean } = {}): Promise<Jitsu> {
    const notifier: Notifier = {
      notify: ({ kind }) => this.#write(`notify ${kind}`),
      open: () => this.#write('open notifier'),
      close: () => this.#write('close notifier'),
    };
    const unikernel = { responseDelay: 0, ip: '192.0.2.1' };
    const settings = await readSettings(
      {
        directory: this.#folder.path,
        config: {
          dns: { bind: '127.0.0.1', port: 0, transport: 'dgram', forwarders: 'off' },
          state: { use: 'journal', required: true },
          notifiers: { journal: {} },
          unikernels: [
            { ...unikernel, name: 'web', dns: 'web.test', backend: 'one' },
            { ...unikernel, name: 'db', dns: 'db.test', backend: 'two' },
          ],
          ...config,
        },
      },
      {
        registerBuiltins: (registry) => {
          builtins.register(registry);
          const description = 'For a test';
          for (const [name, backend] of Object.entries({ one: this.one, two: this.two })) {
            const memory = () => this.memory[name];
            registry.backend({ name, description, useClass: madeOf(backend), unikernel: fakeOptions, memory });
          }
          const options = z.object({});
          registry.stateStore({ name: 'journal', description, useClass: madeOf(this.store), options });
          const resolver: Resolver = { resolve: (query, signal) => this.resolve(query, signal) };
          registry.resolver({ name: 'journal', description, useClass: madeOf(resolver), options });
          registry.notifier({ name: 'journal', description, useClass: madeOf(notifier), options });
        },
        runtimeDirectory: () => this.runtimeDirectory,
        controlSocket: () => this.controlSocket,
      },
    );
    const jitsu = await createJitsu(settings, { logger: this.logger, clock: this.clock, ...parts });
    this.#made.push(jitsu);
    return jitsu;
  }

  async #write(step: string, action: () => Promise<void> = async () => undefined): Promise<void> {
    this.journal.push(step);
    await (this.faults[step] ?? action)();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const jitsu of this.#made) await jitsu.stop().catch(() => undefined);
    this.#folder[Symbol.dispose]();
  }
}

/** A class of which every instance is this one. */
function madeOf<T extends object>(instance: T): InjectableClass<T> {
  return class {
    constructor() {
      return instance;
    }
  } as InjectableClass<T>;
}

/** Connects it as it was made, beside the step that is a fault. */
function reconnect(backend: FakeBackend): Promise<void> {
  return FakeBackend.prototype.connect.call(backend);
}

const OPENED = ['open store', 'open notifier', 'connect one', 'connect two'];
const CLOSED = ['close two', 'close one', 'close notifier', 'close store'];

/** An upstream that answers every query with an address that may be kept for a minute. */
function upstreamWithAddress(): Promise<FakeUpstream> {
  const answers = [{ name: 'jitsu.example.net', type: 'A', ttl: 60, data: '192.0.2.7' } as const];
  return FakeUpstream.start(({ decoded }) => [
    packet.encode({ type: 'response', id: decoded.id ?? 0, questions: decoded.questions ?? [], answers }),
  ]);
}

function forwardingTo({ endpoint }: FakeUpstream): object {
  const forwarders = `127.0.0.1:${endpoint.port}`;
  return { dns: { bind: '127.0.0.1', port: 0, transport: 'dgram', forwarders, allowForwarding: ['0.0.0.0/0'] } };
}

async function ask(jitsu: Jitsu, name: string): Promise<string> {
  return decodeReply(await jitsu.inject(queryBytes(name))).rcode;
}

describe('Jitsu', () => {
  it('opens what it stands on before what stands on it, and closes in the reverse order', async () => {
    await using setting = new Setting();
    const jitsu = await setting.jitsu();
    assert.deepEqual([setting.journal, jitsu.listening, jitsu.udpTransport], [[], [], undefined]);
    await jitsu.start();
    assert.deepEqual(setting.journal, OPENED);
    assert.equal(jitsu.listening.length > 0, true);
    assert.equal(jitsu.udpTransport, 'dgram');
    assert.equal(existsSync(setting.controlSocket), true);
    assert.equal(statSync(setting.runtimeDirectory).mode & 0o777, 0o700);
    const { port } = jitsu.listening[0]!;
    await jitsu.stop();
    assert.deepEqual(setting.journal, [...OPENED, ...CLOSED]);
    assert.equal(existsSync(setting.controlSocket), false);
    await takePort(port);
    assert.equal(setting.clock.pending, 0, 'no timer is left');
  });

  /** How many queries came of those of clients; a start also looks for loops, by TXT. */
  const clientsAsked = ({ queries }: FakeUpstream): number =>
    queries.filter(({ decoded }) => decoded.questions?.[0]?.type !== 'TXT').length;

  it('has nothing of a forwarder left open when it has ended', async () => {
    await using upstream = await upstreamWithAddress();
    await using setting = new Setting();
    const before = openFiles();
    const jitsu = await setting.jitsu(forwardingTo(upstream));
    await jitsu.start();
    assert.equal(await ask(jitsu, 'a.invalid'), 'NXDOMAIN', 'a special name is not asked for elsewhere');
    assert.equal(await ask(jitsu, 'jitsu.example.net'), 'NOERROR');
    assert.equal(clientsAsked(upstream), 1);
    assert.equal((await jitsu.controls.flush('jitsu.example.net')).flushed, 1);
    await jitsu.stop();
    while (openFiles() > before) await setImmediate();
    assert.equal(setting.clock.pending, 0, 'no timer is left');
  });

  it('asks its forwarder anew after a flush, also for what the packet cache repeats', async () => {
    await using upstream = await upstreamWithAddress();
    await using setting = new Setting();
    const jitsu = await setting.jitsu(forwardingTo(upstream));
    await jitsu.start();
    for (let round = 0; round < 3; round += 1) assert.equal(await ask(jitsu, 'jitsu.example.net'), 'NOERROR');
    assert.equal(clientsAsked(upstream), 1);
    await jitsu.controls.flush();
    assert.equal(await ask(jitsu, 'jitsu.example.net'), 'NOERROR');
    assert.equal(clientsAsked(upstream), 2);
  });

  it('says when it listens, which is before its start has ended', async () => {
    await using setting = new Setting();
    const jitsu = await setting.jitsu();
    const said: string[] = [];
    await jitsu.start(() => said.push(`listens on ${jitsu.listening.length}`)).then(() => said.push('started'));
    assert.deepEqual(said, ['listens on 1', 'started']);
  });

  it('answers ANY for what it forwards by itself, with the TTL of its own answers', async () => {
    await using upstream = await upstreamWithAddress();
    await using setting = new Setting();
    const jitsu = await setting.jitsu(forwardingTo(upstream));
    await jitsu.start();
    const { answers } = decodeReply(
      await askByUdp(jitsu.listening[0]!, queryBytes('jitsu.example.net', { type: 'ANY' })),
    );
    assert.deepEqual(
      answers?.map((record) => [record.type, 'ttl' in record && record.ttl]),
      [['HINFO', 60]],
    );
    assert.equal(clientsAsked(upstream), 0);
  });

  it('tells where it listens, and counts what the packet cache has answered up to this moment', async () => {
    await using setting = new Setting();
    const jitsu = await setting.jitsu();
    await jitsu.start();
    for (let round = 0; round < 5; round += 1) assert.equal(await ask(jitsu, 'web.test'), 'NOERROR');
    const { listening, unikernels } = jitsu.controls.status();
    assert.deepEqual(listening, jitsu.listening);
    assert.equal(unikernels.find(({ name }) => name === 'web')?.names[0]?.requests, 5);
  });

  it('goes on with the counters of an earlier run', async () => {
    await using setting = new Setting();
    const names = [{ name: 'web.test', requests: 3, lastAsked: 1_000 }];
    await setting.store.saveCounters([{ unikernel: 'web', totalStarts: 7, startedAt: 500, names }]);
    const jitsu = await setting.jitsu();
    await jitsu.start();
    const web = jitsu.controls.status().unikernels.find(({ name }) => name === 'web');
    assert.deepEqual([web?.totalStarts, web?.startedAt, web?.names], [7, 500, names]);
  });

  it('saves who its unikernels are before it answers, in a store that lasts', async () => {
    await using setting = new Setting();
    Object.assign(setting.store, { durable: true });
    await (await setting.jitsu()).start();
    assert.deepEqual((await setting.store.registrations()).map(({ unikernel }) => unikernel).sort(), ['db', 'web']);

    await using forgetful = new Setting();
    await (await forgetful.jitsu()).start();
    assert.deepEqual(await forgetful.store.registrations(), [], 'a store in memory would only hold them twice');
  });

  it('adopts what runs, follows it from then on, and knows it by its DNS name', async () => {
    await using setting = new Setting();
    const web = setting.one.hypervisor.define('web');
    setting.one.hypervisor.change(web.id, 'running');
    const jitsu = await setting.jitsu();
    await jitsu.start();
    const stateOfWeb = (): string | undefined =>
      jitsu.controls.status().unikernels.find(({ name }) => name === 'web')?.state;
    assert.equal(stateOfWeb(), 'running');
    assert.equal(await ask(jitsu, 'web.test'), 'NOERROR');
    assert.deepEqual(
      setting.one.calls.filter((call) => call.startsWith('start')),
      [],
    );
    setting.one.kill(web.id);
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
    assert.equal(stateOfWeb(), 'off');
    assert.equal((await jitsu.controls.summon('web.test')).name, 'web');
    assert.equal(
      setting.logger.lines.some((line) => line.includes('web')),
      true,
      'its life is logged',
    );
  });

  it('asks the resolvers of plugins for what is no unikernel, before anything is special or forwarded', async () => {
    await using setting = new Setting();
    const jitsu = await setting.jitsu({ resolvers: { journal: {} } });
    await jitsu.start();
    assert.deepEqual([await ask(jitsu, 'web.test'), await ask(jitsu, 'a.invalid')], ['NOERROR', 'NXRRSET']);
  });

  it('waits for events that are still being stored or told when it ends', async () => {
    for (const [step, closed] of [
      ['store ready', 'close store'],
      ['notify ready', 'close notifier'],
    ] as const) {
      let finish = (): void => undefined;
      const finished = new Promise<void>((done) => (finish = done));
      await using setting = new Setting({ [step]: () => finished });
      const jitsu = await setting.jitsu();
      await jitsu.start();
      await ask(jitsu, 'web.test');
      const stop = jitsu.stop();
      while (!setting.journal.includes('close one')) await setImmediate();
      for (let turn = 0; turn < 5; turn += 1) await setImmediate();
      const tooEarly = setting.journal.includes(closed);
      finish();
      await stop;
      assert.deepEqual([tooEarly, setting.journal.includes(closed)], [false, true], step);
    }
  });

  it('closes nothing where nothing has been opened', async () => {
    await using setting = new Setting();
    await (await setting.jitsu()).stop();
    assert.deepEqual(setting.journal, []);
  });

  for (const [step, closed] of Object.entries({
    'open store': [],
    // It may have opened in part.
    'open notifier': ['close notifier', 'close store'],
  })) {
    it(`closes again what was open, in the reverse order, when it cannot ${step}`, async () => {
      const reason = new JitsuError('JITSU_BACKEND_UNREACHABLE', 'for a test');
      await using setting = new Setting({ [step]: () => Promise.reject(reason) });
      const jitsu = await setting.jitsu();
      await assert.rejects(jitsu.start(), reason);
      assert.deepEqual(setting.journal, [...OPENED.slice(0, OPENED.indexOf(step) + 1), ...closed]);
      assert.deepEqual([existsSync(setting.controlSocket), jitsu.listening], [false, []]);
      await jitsu.stop();
      assert.equal(setting.journal.length, OPENED.indexOf(step) + 1 + closed.length, 'nothing is closed twice');
    });
  }

  it('closes everything again when a backend refuses a unikernel, or the store does not tell its counters', async () => {
    await using refused = new Setting();
    refused.one.failNext('register', new JitsuError('JITSU_UNIKERNEL_INVALID', 'for a test'));
    await assert.rejects((await refused.jitsu()).start(), { code: 'JITSU_CONFIG_INVALID' });
    assert.deepEqual(refused.journal, [...OPENED, ...CLOSED]);

    await using unread = new Setting();
    unread.store.counters = () => Promise.reject(new Error('for a test'));
    await assert.rejects((await unread.jitsu()).start(), /for a test/);
    assert.deepEqual(unread.journal, [...OPENED, ...CLOSED]);
  });

  it('goes on without its store where that is not required, and says so in status and log', async () => {
    const reason = new JitsuError('JITSU_STORE_UNREADABLE', 'for a test');
    await using setting = new Setting({ 'open store': () => Promise.reject(reason) });
    const jitsu = await setting.jitsu({ state: { use: 'journal' } });
    await jitsu.start();
    assert.deepEqual(setting.journal, OPENED);
    const problem = 'for a test. Counters and history are kept in memory, until Jitsu ends';
    assert.equal(jitsu.controls.status().storeProblem, problem);
    assert.ok(setting.logger.lines.includes(`warn: ${problem}; with state.required, Jitsu would not start`));
    await jitsu.controls.summon('web');
    assert.deepEqual(
      (await jitsu.controls.history({ unikernel: 'web' })).map(({ kind }) => kind),
      ['summoning', 'started', 'ready'],
    );
    await jitsu.stop();
    assert.deepEqual(
      setting.journal.filter((step) => step.startsWith('store')),
      [],
    );
  });

  it('closes everything again when it cannot listen', async () => {
    /** Whether a start succeeds as soon as its port is free. */
    const startsAfterwards = async (): Promise<boolean> => {
      await using setting = new Setting();
      // Over TCP: it listens to datagrams already when it fails.
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      const dns = { bind: '127.0.0.1', port, transport: 'dgram', forwarders: 'off' };
      try {
        await assert.rejects((await setting.jitsu({ dns })).start(), { code: 'JITSU_LISTEN_FAILED' });
        assert.deepEqual(setting.journal, [...OPENED, ...CLOSED]);
        assert.equal(existsSync(setting.controlSocket), false);
      } finally {
        taken.close();
        await once(taken, 'close');
      }
      const jitsu = await setting.jitsu({ dns });
      return await jitsu.start().then(
        () => true,
        (error: unknown) => {
          assert.equal(errorCode(error), 'JITSU_LISTEN_FAILED', String(error));
          return false;
        },
      );
    };
    // Somebody else may have the port over UDP, or take it as soon as it is free: then it is tried with another one.
    for (let attempt = 1; !(await startsAfterwards()); attempt += 1)
      assert.ok(attempt < 5, 'its port is not free again');
  });

  it('has each backend hand over what needs root before it listens, and stays root where one cannot', async function () {
    requireRoot(this);
    await using setting = new Setting();
    let isListening = false;
    setting.one.beforeDrop = async () => {
      isListening = jitsu.listening.length > 0;
      setting.journal.push('hand over one');
    };
    setting.two.beforeDrop = () => Promise.reject(new JitsuError('JITSU_BACKEND_FAILED', 'two needs it.'));
    const jitsu = await setting.jitsu({ privileges: { user: 4_000_001 } }, { givesUpRoot: true });
    const error = await rejectsWithCode(jitsu.start(), 'JITSU_CONFIG_INVALID');
    assert.match(error.message, /two needs it\./);
    assert.deepEqual(setting.journal, [...OPENED, 'hand over one', ...CLOSED]);
    assert.deepEqual([isListening, process.geteuid?.()], [false, 0]);
  });

  it('stays root, and says why, where a backend cannot hand over what needs it and no user is configured', async function () {
    requireRoot(this);
    await using setting = new Setting();
    setting.two.beforeDrop = () => Promise.reject(new JitsuError('JITSU_BACKEND_FAILED', 'two needs it.'));
    const jitsu = await setting.jitsu({ privileges: {} }, { givesUpRoot: true });
    await jitsu.start();
    assert.deepEqual([jitsu.listening.length, process.geteuid?.()], [1, 0]);
    assert.equal(jitsu.controls.status().runsAs?.rootKept, 'two needs it.');
    assert.match(setting.logger.lines.join('\n'), /^warn: runs as root, with all its rights: two needs it\./m);
  });

  it('opens nothing beside another one that has its control socket, and leaves that one be', async () => {
    await using setting = new Setting();
    const first = await setting.jitsu();
    await first.start();
    await assert.rejects((await setting.jitsu()).start(), { code: 'JITSU_ALREADY_RUNNING' });
    assert.deepEqual(setting.journal, OPENED);
    assert.equal(existsSync(setting.controlSocket), true);
  });

  it('opens nothing beside another one that has its runtime folder, and says which process that is', async () => {
    await using setting = new Setting();
    await (await setting.jitsu()).start();
    const second = await setting.jitsu({ control: { socket: `${setting.controlSocket}.second` } });
    const { message } = await rejectsWithCode(second.start(), 'JITSU_ALREADY_RUNNING');
    assert.ok(message.includes(`${setting.runtimeDirectory} is in use by a Jitsu, process ${process.pid}.`), message);
    assert.match(message, /runtimeDirectory/);
    assert.deepEqual(setting.journal, OPENED);
  });

  it('gives what the system lacks at the start a code of its own', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', path: '/x' });
    await using setting = new Setting({ 'open notifier': () => Promise.reject(full) });
    const { message } = await rejectsWithCode((await setting.jitsu()).start(), 'JITSU_OUT_OF_RESOURCES');
    assert.match(message, /write \/x \(the disk is full.*make room there\)\.$/);
  });

  it('answers on its control socket when the store is open, and not before', async () => {
    let opened = (): void => undefined;
    const opening = new Promise<void>((resolve) => (opened = resolve));
    await using setting = new Setting({ 'open store': () => opening });
    const started = (await setting.jitsu()).start();
    while (!setting.journal.includes('open store')) await setImmediate();
    assert.equal(existsSync(setting.controlSocket), false);
    opened();
    await started;
    assert.equal(existsSync(setting.controlSocket), true);
  });

  it('rejects with the reason of a failed start, and logs what could not be closed after it', async () => {
    await using setting = new Setting({ 'close one': () => Promise.reject(new Error('stuck')) });
    setting.store.counters = () => Promise.reject(new Error('the reason'));
    await assert.rejects((await setting.jitsu()).start(), /the reason/);
    assert.deepEqual(setting.journal, [...OPENED, ...CLOSED]);
    assert.match(setting.logger.lines.join('\n'), /^error: could not be closed in order: .*stuck$/m);
  });

  for (const [how, wait] of [
    ['before it has ended', 0],
    ['without it where it takes longer than five seconds', 5_000],
  ] as const) {
    it(`closes what a start opens after it was told to stop, and ends ${how}`, async () => {
      let opened = (): void => undefined;
      const opening = new Promise<void>((resolve) => (opened = resolve));
      await using setting = new Setting({ 'open store': () => opening });
      const jitsu = await setting.jitsu();
      const failed = rejectsWithCode(jitsu.start(), 'JITSU_SHUTTING_DOWN');
      while (!setting.journal.includes('open store')) await setImmediate();
      let ended = false;
      const stopped = jitsu.stop().then(() => (ended = true));
      await setting.clock.advance(4_999);
      assert.equal(ended, false);
      if (wait > 0) {
        await setting.clock.advance(1);
        await stopped;
      }
      opened();
      await failed;
      await stopped;
      assert.deepEqual(setting.journal, ['open store', 'close store']);
      assert.deepEqual([existsSync(setting.controlSocket), setting.clock.pending], [false, 0]);
    });
  }

  it('closes a backend that is connected only after Jitsu was told to stop', async () => {
    let connected = (): void => undefined;
    const connecting = new Promise<void>((resolve) => (connected = resolve));
    await using setting = new Setting({ 'connect one': () => connecting });
    const jitsu = await setting.jitsu();
    const failed = rejectsWithCode(jitsu.start(), 'JITSU_SHUTTING_DOWN');
    while (!setting.journal.includes('connect two')) await setImmediate();
    const stopped = jitsu.stop();
    await setting.clock.advance(2_000);
    await failed;
    await stopped;
    assert.deepEqual(setting.journal, [...OPENED, 'close two', 'close notifier', 'close store']);
    connected();
    await eventually(() => assert.equal(setting.journal.at(-1), 'close one'));
    assert.equal(setting.clock.pending, 0);
  });

  it('starts what can be started, shows the rest as failing with the reason, and goes on trying', async () => {
    let isThere = false;
    const absent = new JitsuError('JITSU_BACKEND_UNREACHABLE', 'There is no socket yet.');
    const connectOne = async (): Promise<void> => {
      if (!isThere) throw absent;
      await reconnect(setting.one);
    };
    await using setting: Setting = new Setting({ 'connect one': connectOne });
    const { id } = setting.one.hypervisor.define('web');
    setting.one.hypervisor.change(id, 'running');
    const jitsu = await setting.jitsu();
    await jitsu.start();
    assert.equal(await ask(jitsu, 'db.test'), 'NOERROR');
    assert.equal(await ask(jitsu, 'web.test'), 'SERVFAIL');
    const [web] = jitsu.controls.status().unikernels;
    assert.deepEqual([web?.phase, web?.failure?.reason, web?.id], ['failing', absent.message, undefined]);
    assert.match(setting.logger.lines.join('\n'), /^warn: There is no socket yet\. It is tried again\.$/m);

    await setting.clock.advance(1_000);
    const again = jitsu.controls.status().unikernels[0]?.failure;
    assert.deepEqual([again?.count, again?.retryAt], [2, setting.clock.now() + 2_000]);
    isThere = true;
    await setting.clock.advance(2_000);
    await eventually(() => assert.equal(jitsu.controls.status().unikernels[0]?.phase, 'running'));
    assert.equal(await ask(jitsu, 'web.test'), 'NOERROR', 'it was found running, and adopted');
    assert.deepEqual(jitsu.controls.status().unikernels[0]?.failure, undefined);
    await jitsu.stop();
    assert.equal(setting.clock.pending, 0);
  });

  it('tries again at once when somebody summons what is not there', async () => {
    let isThere = false;
    const connectOne = async (): Promise<void> => {
      if (!isThere) throw new JitsuError('JITSU_BACKEND_UNREACHABLE', 'There is no socket yet.');
      await reconnect(setting.one);
    };
    await using setting: Setting = new Setting({ 'connect one': connectOne });
    const jitsu = await setting.jitsu();
    await jitsu.start();
    const refused = await rejectsWithCode(jitsu.controls.summon('web'), 'JITSU_BACKEND_UNREACHABLE');
    assert.equal(refused.message, 'There is no socket yet.');
    isThere = true;
    assert.equal((await jitsu.controls.summon('web')).phase, 'ready');
  });

  it('answers everything else while a backend takes its time, and has queries for its unikernels wait', async () => {
    let connected = (): void => undefined;
    const connecting = new Promise<void>((resolve) => (connected = resolve));
    await using setting: Setting = new Setting({
      'connect one': (): Promise<void> => connecting.then(() => reconnect(setting.one)),
    });
    const jitsu = await setting.jitsu();
    const started = jitsu.start();
    while (!setting.journal.includes('connect two')) await setImmediate();
    await setting.clock.advance(2_000);
    await started;
    const answer = ask(jitsu, 'web.test');
    assert.equal(await ask(jitsu, 'db.test'), 'NOERROR');
    connected();
    assert.equal(await answer, 'NOERROR');
  });

  it('starts without a unikernel whose machine takes its time, or whose files are not there yet', async () => {
    await using setting = new Setting();
    setting.one.latency.register = 5_000;
    const missing = new JitsuError('JITSU_UNIKERNEL_UNAVAILABLE', 'There is no program.');
    setting.two.failNext('register', missing);
    const jitsu = await setting.jitsu();
    const started = jitsu.start();
    while (!setting.one.calls.includes('register web')) await setImmediate();
    await setting.clock.advance(2_000);
    await started;
    const failing = jitsu.controls.status().unikernels.map(({ name, failure }) => [name, failure?.code]);
    assert.deepEqual(failing, [
      ['web', undefined],
      ['db', 'JITSU_UNIKERNEL_UNAVAILABLE'],
    ]);
    await setting.clock.advance(5_000);
    await eventually(async () => assert.equal(await ask(jitsu, 'web.test'), 'NOERROR'));
    assert.equal(await ask(jitsu, 'db.test'), 'NOERROR');
  });

  for (const [what, code, operation] of [
    ['a backend that lets nobody in', 'JITSU_BACKEND_DENIED', 'connect'],
    ['a backend that cannot be used', 'JITSU_BACKEND_FAILED', 'connect'],
    ['a machine that there is not', 'JITSU_UNIKERNEL_UNKNOWN', 'register'],
  ] as const) {
    it(`is ended by ${what}, unless another backend works`, async () => {
      const reason = new JitsuError(code, 'for a test.');
      const refuse = (setting: Setting, which: 'one' | 'two'): void => {
        if (operation === 'connect') setting.faults[`connect ${which}`] = () => Promise.reject(reason);
        else setting[which].failNext('register', reason);
      };
      await using alone = new Setting();
      refuse(alone, 'one');
      refuse(alone, 'two');
      await assert.rejects((await alone.jitsu()).start(), /for a test\./);
      assert.deepEqual(alone.journal.slice(-2), CLOSED.slice(-2));

      await using setting = new Setting();
      refuse(setting, 'one');
      const jitsu = await setting.jitsu();
      await jitsu.start();
      assert.equal(await ask(jitsu, 'db.test'), 'NOERROR');
      assert.equal(jitsu.controls.status().unikernels[0]?.failure?.code, code);
    });
  }

  it('says what a start would not find, and changes nothing', async () => {
    await using setting = new Setting({
      'connect one': () => Promise.reject(new JitsuError('JITSU_BACKEND_UNREACHABLE', 'No socket.')),
    });
    const asked: string[] = [];
    Object.assign(setting.two, {
      check: async ({ name }: { name: string }) => {
        asked.push(name);
        throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `${name} is nowhere.`);
      },
    });
    const jitsu = await setting.jitsu();
    const findings = await jitsu.check();
    assert.deepEqual(findings.map(({ backend, code, message }) => [backend, code, message]).sort(), [
      ['one', 'JITSU_BACKEND_UNREACHABLE', 'No socket.'],
      ['two', 'JITSU_UNIKERNEL_UNKNOWN', 'db is nowhere.'],
    ]);
    assert.deepEqual([asked, setting.two.calls], [['db'], []]);
    assert.deepEqual(setting.journal.toSorted(), ['close one', 'close two', 'connect one']);
    assert.equal(setting.clock.pending, 0);
  });

  it('warns of what may have more memory than there is, where a backend knows it', async () => {
    await using setting = new Setting();
    const told = (bytes: unknown) => Object.assign(setting.two, { hostMemory: async () => bytes });
    Object.assign(setting.memory, { one: 2 ** 40, two: 64 * 2 ** 20 });
    const findings = async (): Promise<readonly (string | boolean | undefined)[]> =>
      (await (await setting.jitsu()).check()).flatMap(({ message, isWarning }) => [message, isWarning]);
    told(64 * 2 ** 20);
    assert.deepEqual(await findings(), []);
    told(32 * 2 ** 20);
    assert.deepEqual(await findings(), ['db may have 64 MiB of memory, and its computer has 32.', true]);
    told(undefined);
    assert.deepEqual(await findings(), []);
    told('much');
    assert.match(String((await findings())[0]), /fails to tell the memory of its computer: .*'much'/);
  });

  it('closes the rest when something cannot be closed, and says so', async () => {
    await using setting = new Setting({ 'close two': () => Promise.reject(new Error('stuck')) });
    const jitsu = await setting.jitsu();
    await jitsu.start();
    await assert.rejects(jitsu.stop(), /stuck/);
    assert.deepEqual(setting.journal, [...OPENED, ...CLOSED]);
  });

  it('closes the rest when something of a plugin does not get closed, and says what', async () => {
    const never = () => new Promise<void>(() => undefined);
    await using setting = new Setting({ 'close two': never, 'close notifier': never, 'close store': never });
    const jitsu = await setting.jitsu();
    await jitsu.start();
    let ended = false;
    const stopped = jitsu.stop().then(() => (ended = true));
    await setting.clock.advance(4_999);
    assert.deepEqual(setting.journal, [...OPENED, 'close two']);
    await setting.clock.advance(1);
    await setting.clock.advance(5_000);
    assert.deepEqual([setting.journal, ended], [[...OPENED, ...CLOSED], false]);
    await setting.clock.advance(20_000);
    await stopped;
    assert.deepEqual(
      setting.logger.lines.filter((line) => line.startsWith('warn: ')),
      [
        'warn: The backend two has not been closed within 5 s, and Jitsu ends without it',
        'warn: The notifier journal has not been closed within 5 s, and Jitsu ends without it',
        'warn: The state store has not been closed within 20 s, and Jitsu ends without it',
      ],
    );
    assert.equal(setting.clock.pending, 0);
  });

  it('does not wait for what a plugin does not get closed after a failed start either', async () => {
    await using setting = new Setting({ 'close one': () => new Promise(() => undefined) });
    setting.store.counters = () => Promise.reject(new Error('the reason'));
    const failed = assert.rejects((await setting.jitsu()).start(), /the reason/);
    await setting.clock.advance(5_000);
    await failed;
    assert.deepEqual(setting.journal, [...OPENED, ...CLOSED]);
    assert.match(setting.logger.lines.join('\n'), /^warn: The backend one has not been closed within 5 s/m);
  });

  it('closes its store where that does not write the last events', async () => {
    await using setting = new Setting({ 'store ready': () => new Promise(() => undefined) });
    const jitsu = await setting.jitsu();
    await jitsu.start();
    assert.equal(await ask(jitsu, 'web.test'), 'NOERROR');
    const stopped = jitsu.stop();
    await setting.clock.advance(20_000);
    await stopped;
    assert.equal(setting.journal.at(-1), 'close store');
    assert.match(setting.logger.lines.join('\n'), /^warn: The writer of the history has not been closed within 20 s/m);
  });

  it('says which resolver has answered with records that cannot be written, at once or later', async () => {
    for (const later of [false, true]) {
      await using setting = new Setting();
      const wrong = { rcode: 0, answers: [{ name: 'a..b', ttl: 1, type: 'A', address: '192.0.2.1' }] } as const;
      setting.resolve = () => (later ? Promise.resolve(wrong) : wrong);
      const jitsu = await setting.jitsu({ resolvers: { journal: {} } });
      await jitsu.start();
      assert.equal(await ask(jitsu, 'other.test'), 'SERVFAIL');
      assert.match(
        setting.logger.lines.join('\n'),
        /^error: the resolver journal answered with records that cannot be written/m,
      );
    }
  });

  it('is stopped once, and whoever stops it again waits for the same end', async () => {
    let resolve = (): void => undefined;
    const closed = new Promise<void>((done) => (resolve = done));
    await using setting = new Setting({ 'close one': () => closed });
    const jitsu = await setting.jitsu();
    await jitsu.start();
    let ended = 0;
    const stops = [jitsu.stop(), jitsu.stop()].map((stop) => stop.then(() => (ended += 1)));
    while (!setting.journal.includes('close one')) await setImmediate();
    stops.push(jitsu.stop().then(() => (ended += 1)));
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
    assert.equal(ended, 0);
    resolve();
    await Promise.all(stops);
    assert.deepEqual(setting.journal, [...OPENED, ...CLOSED]);
  });

  it('ends for everybody who stops it only when a query in flight has its answer', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    await using setting = new Setting();
    const forwarders = [`127.0.0.1:${silent.address().port}`];
    const jitsu = await setting.jitsu({ dns: { bind: '127.0.0.1', port: 0, transport: 'dgram', forwarders } });
    await jitsu.start();
    const answered = ask(jitsu, 'www.example.test');
    let ended = 0;
    const stops = [jitsu.stop(), jitsu.stop()].map((stop) => stop.then(() => (ended += 1)));
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    assert.equal(ended, 0, 'a query is still being answered');
    await setting.clock.advance(5_000);
    await Promise.all(stops);
    assert.equal(await answered, 'SERVFAIL');
    silent.close();
  });

  it('stores the last events and counters, and tells its notifiers, before it closes them', async () => {
    await using setting = new Setting();
    const jitsu = await setting.jitsu();
    await jitsu.start();
    assert.equal(await ask(jitsu, 'web.test'), 'NOERROR');
    await jitsu.stop();
    const { journal } = setting;
    const at = (step: string): number => journal.lastIndexOf(step);
    for (const step of ['store ready', 'store counters', 'notify ready']) assert.notEqual(at(step), -1, step);
    assert.equal(at('notify ready') < at('close notifier'), true, journal.join());
    for (const step of ['store ready', 'store counters']) assert.equal(at(step) < at('close store'), true, step);
    assert.equal((await setting.store.counters())[0]?.totalStarts, 1);
  });

  it('leaves unikernels running unless it is told to stop them, and then stops all that can be', async () => {
    await using left = new Setting();
    const leaving = await left.jitsu();
    await leaving.start();
    await ask(leaving, 'web.test');
    await leaving.stop();
    assert.deepEqual(
      left.one.calls.filter((call) => call.startsWith('stop')),
      [],
    );

    await using stopped = new Setting();
    const stopping = await stopped.jitsu({ stop: { onExit: 'stop' } });
    await stopping.start();
    for (const name of ['web.test', 'db.test']) await ask(stopping, name);
    stopped.one.failNext('stop', new Error('for a test'));
    await stopping.stop();
    assert.deepEqual(
      [...stopped.one.calls, ...stopped.two.calls].filter((call) => call.startsWith('stop')),
      ['stop web destroy', 'stop db destroy'],
    );
    // By way of their backends, which are closed after it; and it is stored and told, too.
    assert.deepEqual(stopped.journal.filter(isClosing), CLOSED);
    assert.equal(stopped.journal.includes('store stopped') && stopped.journal.includes('notify stopped'), true);
  });

  it('stops nothing after a start that has failed: what runs may be another Jitsu’s', async () => {
    await using setting = new Setting();
    const first = await setting.jitsu();
    await first.start();
    await ask(first, 'web.test');
    await first.stop();
    const stops = (): string[] => setting.one.calls.filter((call) => call.startsWith('stop'));

    const taken = createSocket('udp4').bind(0, '127.0.0.1');
    await once(taken, 'listening');
    const dns = { bind: '127.0.0.1', port: taken.address().port, transport: 'dgram', forwarders: 'off' };
    const refused = await setting.jitsu({ dns, stop: { onExit: 'stop' } });
    try {
      await assert.rejects(refused.start(), { code: 'JITSU_LISTEN_FAILED' });
      await refused.stop();
      assert.deepEqual(stops(), []);
    } finally {
      taken.close();
      await once(taken, 'close');
    }

    const stopping = await setting.jitsu({ stop: { onExit: 'stop' } });
    await stopping.start();
    await stopping.stop();
    assert.deepEqual(stops(), ['stop web destroy']);
  });

  it('gives a boot in flight five seconds when it ends, and answers whoever waits for it', async () => {
    await using setting = new Setting();
    setting.one.latency.start = 3_600_000;
    const jitsu = await setting.jitsu();
    await jitsu.start();
    const waiting = ask(jitsu, 'web.test');
    while (!setting.one.calls.includes('start web')) await setImmediate();
    const stop = jitsu.stop();
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
    const tooEarly = setting.journal.filter(isClosing);
    await setting.clock.advance(5_000);
    await stop;
    assert.equal(await waiting, 'SERVFAIL');
    assert.deepEqual(tooEarly, [], 'nothing is closed under it');
    assert.deepEqual(setting.journal.filter(isClosing), CLOSED);
  });
});

function isClosing(step: string): boolean {
  return step.startsWith('close');
}

async function takePort(port: number): Promise<void> {
  const socket = createSocket('udp4').bind(port, '127.0.0.1');
  await once(socket, 'listening');
  socket.close();
}
