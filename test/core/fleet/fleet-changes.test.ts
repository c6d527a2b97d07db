import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import fc from 'fast-check';
import { builtins } from '#core/builtins/builtins.js';
import { readSettings } from '#core/config/read-settings.js';
import type { InjectableClass } from '#core/contracts/plugin.js';
import { errorCode, errorMessage } from '#core/errors.js';
import { createJitsu, type Jitsu } from '#core/jitsu.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { decodeReply, queryBytes } from '../../support/dns-message.js';
import { FakeBackend, fakeOptions } from '../../support/fake-backend.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** A Jitsu with one unikernel, `web`, behind `web.zone.test`, and one backend. */
class Setting implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  readonly backend = new FakeBackend(this.clock);
  readonly #folder = new TemporaryFolder();
  #jitsu: Jitsu | undefined;

  constructor() {
    chmodSync(this.#folder.path, 0o711);
  }

  static readonly web = {
    name: 'web',
    dns: 'web.zone.test',
    ip: '192.0.2.1',
    responseDelay: 0,
    stopPolicies: ['ttl'],
    ttl: 10,
  };

  async start(unikernels: readonly object[] = [Setting.web]): Promise<Jitsu> {
    const { backend } = this;
    const useClass = class {
      constructor() {
        return backend;
      }
    } as unknown as InjectableClass<FakeBackend>;
    const settings = await readSettings(
      {
        directory: this.#folder.path,
        config: {
          dns: {
            ...{ bind: '127.0.0.1', port: 0, transport: 'dgram', forwarders: 'off' },
            zones: [{ name: 'zone.test', authoritative: true }],
          },
          backend: 'one',
          unikernels,
        },
      },
      {
        registerBuiltins: (registry) => {
          builtins.register(registry);
          registry.backend({ name: 'one', description: 'For a test', useClass, unikernel: fakeOptions });
        },
        runtimeDirectory: () => this.#folder.in('run'),
        controlSocket: () => this.#folder.in('control.sock'),
      },
    );
    this.#jitsu = await createJitsu(settings, { logger: this.logger, clock: this.clock });
    await this.#jitsu.start();
    return this.#jitsu;
  }

  /** The addresses of a name, or the rcode. */
  async ask(name: string): Promise<string> {
    const reply = await this.#jitsu?.inject(queryBytes(name, { type: 'A' }));
    const { rcode, answers = [] } = decodeReply(reply as Uint8Array);
    const addresses = answers.flatMap((answer) => (answer.type === 'A' ? answer.data : []));
    return addresses.length === 0 ? rcode : addresses.toSorted().join(' ');
  }

  stateOf(name: string): string | undefined {
    return [...this.backend.hypervisor.machines.values()].find((machine) => machine.name === name)?.state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jitsu?.stop();
    this.#folder[Symbol.dispose]();
  }
}

const added = { name: 'late', dns: 'late.zone.test', ip: '192.0.2.9', responseDelay: 0 };

describe('unikernels that are added, changed and removed while Jitsu runs', () => {
  it('answers for one that is added, and shows it', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start();
    assert.equal(await setting.ask('late.zone.test'), 'NXDOMAIN');
    await jitsu.add(added);
    assert.equal(await setting.ask('late.zone.test'), '192.0.2.9');
    assert.equal(setting.stateOf('late'), 'running');
    const { unikernels } = jitsu.controls.status();
    assert.deepEqual(
      unikernels.map(({ name }) => name),
      ['web', 'late'],
    );
    const history = await jitsu.controls.history({ unikernel: 'late' });
    assert.equal(history[0]?.kind, 'added');
  });

  it('refuses what is wrong with every problem at once, and what another one has with who that is', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start();
    const before = setting.backend.calls.length;
    const refusal = await jitsu
      .add({ name: 'web', dns: 'not..a name', ip: 'x', ready: 'nothing' })
      .catch((error: unknown) => error);
    assert.equal(errorCode(refusal), 'JITSU_CONFIG_INVALID');
    for (const part of ['dns', 'ip', 'ready']) assert.match(errorMessage(refusal), new RegExp(part));
    const taken = await jitsu.add({ ...added, name: 'web' }).catch(errorMessage);
    assert.match(String(taken), /Already the name of web \(web\.zone\.test\), which the backend one runs/);
    const shared = await jitsu.add({ ...added, dns: ['late.zone.test', 'WEB.zone.test'] }).catch(errorMessage);
    assert.match(String(shared), /'web\.zone\.test'.*Already a name of web/s);
    await rejectsWithCode(jitsu.add({ ...added, needs: 'nobody' }), 'JITSU_CONFIG_INVALID');
    await rejectsWithCode(jitsu.add({ ...added, backend: 'two' }), 'JITSU_CONFIG_INVALID');
    await rejectsWithCode(jitsu.add({ ...added, relay: 'tcp:8080 -> 127.0.0.1:9000' }), 'JITSU_CONFIG_INVALID');
    await rejectsWithCode(jitsu.change('nobody', added), 'JITSU_UNIKERNEL_UNKNOWN');
    await rejectsWithCode(jitsu.change('web', added), 'JITSU_CONFIG_INVALID');
    await rejectsWithCode(jitsu.remove('nobody'), 'JITSU_UNIKERNEL_UNKNOWN');
    assert.equal(setting.backend.calls.length, before);
    assert.equal(await setting.ask('late.zone.test'), 'NXDOMAIN');
    assert.equal(jitsu.controls.status().unikernels.length, 1);
  });

  it('answers with both where a name may be shared', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start();
    await jitsu.add({ ...added, dns: 'web.zone.test' }, { sharesNames: true });
    assert.equal(await setting.ask('web.zone.test'), '192.0.2.1 192.0.2.9');
    await jitsu.remove('web');
    assert.equal(await setting.ask('web.zone.test'), '192.0.2.9');
  });

  it('applies other names, addresses and policies at once, and leaves the machine running', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start();
    assert.equal(await setting.ask('web.zone.test'), '192.0.2.1');
    await jitsu.change('web', { ...Setting.web, dns: ['new.zone.test'], stopPolicies: ['keep-alive'] });
    assert.equal(await setting.ask('web.zone.test'), 'NXDOMAIN');
    assert.equal(await setting.ask('new.zone.test'), '192.0.2.1');
    await setting.clock.advance(600_000);
    assert.equal(setting.stateOf('web'), 'running');
    await jitsu.change('web', Setting.web);
    await setting.clock.advance(600_000);
    assert.equal(setting.stateOf('web'), 'off');
    await jitsu.change('web', { ...Setting.web, ip: '192.0.2.5' });
    assert.equal(await setting.ask('web.zone.test'), '192.0.2.5');
  });

  it('leaves a machine that runs by an earlier definition at its address until its next boot', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start();
    await setting.ask('web.zone.test');
    await jitsu.change('web', { ...Setting.web, ip: '192.0.2.5' });
    await setting.clock.advance(0);
    assert.notEqual(jitsu.controls.status().unikernels[0]?.outdated, undefined);
    assert.equal(await setting.ask('web.zone.test'), '192.0.2.1');
    await jitsu.controls.stop('web');
    assert.equal(await setting.ask('web.zone.test'), '192.0.2.5');
  });

  it('never stops what is removed, shows it as left, and adopts it when it is added again', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start();
    await setting.ask('web.zone.test');
    await jitsu.remove('web');
    assert.equal(await setting.ask('web.zone.test'), 'NXDOMAIN');
    await setting.clock.advance(3_600_000);
    assert.equal(setting.stateOf('web'), 'running');
    const { unikernels, strays } = jitsu.controls.status();
    assert.deepEqual([unikernels.length, strays?.map(({ name }) => name)], [0, ['web']]);
    await jitsu.add(Setting.web);
    assert.equal(jitsu.controls.status().strays, undefined);
    assert.equal(await setting.ask('web.zone.test'), '192.0.2.1');
    assert.equal([...setting.backend.hypervisor.machines.values()][0]?.starts, 1);
    await jitsu.remove('web');
    await jitsu.controls.stop('web');
    assert.equal(setting.stateOf('web'), 'off');
  });

  it('keeps what another one needs, until that is gone', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start();
    await jitsu.add({ ...added, needs: 'web' });
    await rejectsWithCode(jitsu.remove('web'), 'JITSU_UNIKERNEL_INVALID');
    await rejectsWithCode(jitsu.change('web', { ...Setting.web, needs: 'late' }), 'JITSU_CONFIG_INVALID');
    await jitsu.change('late', added);
    await jitsu.remove('web');
    assert.equal(await setting.ask('late.zone.test'), '192.0.2.9');
  });

  it('gives whoever waits for what is removed the negative answer', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start([{ ...Setting.web, responseDelay: 60 }]);
    const asked = setting.ask('web.zone.test');
    await setting.clock.advance(100);
    await jitsu.remove('web');
    assert.equal(await asked, 'NXDOMAIN');
    await setting.clock.advance(600_000);
    assert.equal(setting.stateOf('web'), 'running');
  });

  it('neither answers with nor stops what is removed, whatever else happens, and leaves nothing of it', async function () {
    this.timeout(60_000);
    const step = fc.record({
      kind: fc.constantFrom('add', 'remove', 'change', 'ask', 'stop', 'advance'),
      name: fc.constantFrom('a', 'b', 'c'),
      dns: fc.uniqueArray(fc.constantFrom('x.zone.test', 'y.zone.test', '*.zone.test'), { minLength: 1 }),
      time: fc.integer({ min: 1, max: 40_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await using setting = new Setting();
        // A connection that nobody uses is not opened.
        const jitsu = await setting.start([{ ...Setting.web, dns: 'web.test' }]);
        await setting.clock.advance(3_600_000);
        const timers = setting.clock.pending;
        const present = new Map<string, readonly string[]>();
        const left = new Set<string>();
        const addressOf = (name: string): string => `192.0.2.${name.charCodeAt(0)}`;
        for (const { kind, name, dns, time } of steps) {
          const wanted = { name, dns, ip: addressOf(name), responseDelay: 0, stopPolicies: ['ttl'], ttl: 10 };
          const isPresent = present.has(name);
          if (kind === 'add') {
            const added = await jitsu.add(wanted, { sharesNames: true }).catch(errorCode);
            assert.equal(added, isPresent ? 'JITSU_CONFIG_INVALID' : undefined);
            left.delete(name);
            if (!isPresent) present.set(name, dns);
          } else if (kind === 'remove') {
            assert.equal(await jitsu.remove(name).catch(errorCode), isPresent ? undefined : 'JITSU_UNIKERNEL_UNKNOWN');
            present.delete(name);
            if (isPresent && setting.stateOf(name) === 'running') left.add(name);
          } else if (kind === 'change' && isPresent) {
            await jitsu.change(name, wanted, { sharesNames: true });
            present.set(name, dns);
          } else if (kind === 'stop' && (isPresent || left.has(name))) {
            await jitsu.controls.stop(name);
            left.delete(name);
          } else if (kind === 'advance') {
            await setting.clock.advance(time);
          } else if (kind === 'ask') {
            const asked = dns[0]!.replace('*', 'z');
            const having = (label: string): string[] =>
              [...present].filter(([, names]) => names.includes(label)).map(([one]) => addressOf(one));
            const right = having(asked).length > 0 ? having(asked) : having('*.zone.test');
            const answer = await setting.ask(asked);
            // Those that are ready are given at once, and others wake meanwhile.
            const expected = right.length > 0 ? right : ['NXDOMAIN'];
            assert.ok(
              answer.split(' ').every((one) => expected.includes(one)),
              `${asked}: ${answer}`,
            );
          }
          for (const one of left) assert.equal(setting.stateOf(one), 'running', one);
        }
        for (const name of present.keys()) await jitsu.remove(name);
        await setting.clock.advance(3_600_000);
        for (const one of left) assert.equal(setting.stateOf(one), 'running', one);
        assert.equal(jitsu.controls.status().unikernels.length, 1);
        assert.equal(setting.clock.pending, timers);
      }),
      { numRuns: 25 },
    );
  });

  it('refuses to change anything before the start and after the end', async () => {
    await using setting = new Setting();
    const jitsu = await setting.start();
    await jitsu.stop();
    await rejectsWithCode(jitsu.add(added), 'JITSU_SHUTTING_DOWN');
  });
});
