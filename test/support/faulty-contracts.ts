import { SystemClock } from '#core/clock.js';
import type { Traffic } from '#core/contracts/activity-source.js';
import type { BootConfigurator, BootingDomain } from '#core/contracts/boot-configurator.js';
import type { Command, CommandTerminal } from '#core/contracts/command.js';
import type { ArmedService, Knock, KnockVerdict } from '#core/contracts/doorman.js';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';
import type { LifecycleEvent, LifecycleEventKind } from '#core/contracts/lifecycle-event.js';
import type { Notifier } from '#core/contracts/notifier.js';
import type { ReadinessProbe, ReadinessTarget } from '#core/contracts/readiness-probe.js';
import type { DnsAnswer, DnsQuery, Resolver } from '#core/contracts/resolver.js';
import type { StateStore, StoredCounters, StoredRegistration } from '#core/contracts/state-store.js';
import type { Activity, StopOpinion, StopPolicy } from '#core/contracts/stop-policy.js';
import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import { JitsuError } from '#core/errors.js';
import { untilAborted } from '#core/plugin-kit/until-aborted.js';
import {
  describeActivitySource,
  describeBootConfigurator,
  describeCommand,
  describeDoorman,
  describeNotifier,
  describeReadinessProbe,
  describeResolver,
  describeStateStore,
  describeStopPolicy,
  type KnockingClient,
} from '@jitsud/core/testing';
import { z } from 'zod';
import { MemoryActivitySource } from './memory-activity-source.js';
import { MemoryDoorman, type Packet } from './memory-doorman.js';

/**
 * Implementations of every contract but the backend's, each with one fault, under their suites: a mocha file in which
 * each of them must fail, and those named `CONTRACT: no fault` must not.
 */
const clock = new SystemClock();

/* Boot configurators */

const guests = new Map<number, string>();
let broken = false;

class KeyConfigurator implements BootConfigurator {
  async check({ name, options }: Pick<BootingDomain, 'name' | 'options'>): Promise<void> {
    this.keyOf(name, options);
  }

  async configure({ name, domainId, options }: BootingDomain): Promise<void> {
    const key = this.keyOf(name, options);
    if (key === undefined) return;
    if (broken) throw new JitsuError('JITSU_BACKEND_UNREACHABLE', 'the store is away');
    await clock.sleep(1);
    guests.set(domainId, key);
  }

  async commandLine({ name, options }: Pick<BootingDomain, 'name' | 'options'>): Promise<string | undefined> {
    const key = this.keyOf(name, options);
    return key === undefined ? undefined : `key=${key}`;
  }

  protected keyOf(name: string, options: unknown): string | undefined {
    const { key } = options as { readonly key?: string };
    if (key === '') throw new JitsuError('JITSU_UNIKERNEL_INVALID', `the key of ${name} is empty`);
    return key;
  }
}

const configurators: Record<string, new () => KeyConfigurator> = {
  'no fault': KeyConfigurator,
  'resolves too early': class extends KeyConfigurator {
    override async configure(domain: BootingDomain) {
      super.configure(domain).catch(() => undefined);
    }
  },
  'remembers the first domain': class extends KeyConfigurator {
    #first: number | undefined;
    override async configure(domain: BootingDomain) {
      this.#first ??= domain.domainId;
      await super.configure({ ...domain, domainId: this.#first });
    }
  },
  'configures everybody': class extends KeyConfigurator {
    protected override keyOf(name: string, options: unknown) {
      return super.keyOf(name, options) ?? 'default';
    }
  },
  'changes the options': class extends KeyConfigurator {
    override async configure(domain: BootingDomain) {
      await super.configure(domain);
      delete (domain.options as { key?: string }).key;
    }
  },
  'ends its words with a line feed': class extends KeyConfigurator {
    override async commandLine(unikernel: BootingDomain) {
      const words = await super.commandLine(unikernel);
      return words && `${words}\n`;
    }
  },
  'has another command line each time': class extends KeyConfigurator {
    #times = 0;
    override async commandLine(unikernel: BootingDomain) {
      const words = await super.commandLine(unikernel);
      return words && `${words} n=${this.#times++}`;
    }
  },
  'checks nothing': class extends KeyConfigurator {
    override async check() {}
  },
  'does not say which unikernel': class extends KeyConfigurator {
    protected override keyOf(_name: string, options: unknown) {
      return super.keyOf('somebody', options);
    }
  },
  'boots without its configuration': class extends KeyConfigurator {
    override async configure(domain: BootingDomain) {
      await super.configure(domain).catch(() => undefined);
    }
  },
};

for (const [fault, Configurator] of Object.entries(configurators)) {
  describeBootConfigurator(`boot configurator: ${fault}`, {
    patience: 300,
    setUp: () => {
      guests.clear();
      broken = false;
    },
    configurator: () => new Configurator(),
    concerned: () => ({ key: 'abc' }),
    unconcerned: () => ({}),
    found: ({ domainId }) => guests.get(domainId),
    refused: [{ because: 'an empty key', options: () => ({ key: '' }), problem: /key of .* is empty/ }],
    breakDown: () => {
      broken = true;
    },
  });
}

/* Commands */

const countOptions = z.object({
  to: z.int().default(3).describe('How far'),
  on: z.boolean().optional().describe('Go on'),
});

class Count implements Command {
  constructor(protected readonly options: z.output<typeof countOptions>) {}

  async run(terminal: CommandTerminal, signal: AbortSignal): Promise<void> {
    const { to, on } = this.options;
    if (to < 0) throw new JitsuError('JITSU_CONFIG_INVALID', 'nobody counts backwards');
    for (let number = 1; number <= to; number += 1) terminal.out(`${number}\n`);
    if (on) await this.wait(signal);
  }

  protected async wait(signal: AbortSignal): Promise<void> {
    await untilAborted(new Promise<void>(() => undefined), signal).catch(() => undefined);
  }
}

const commands: Record<string, new (options: z.output<typeof countOptions>) => Command> = {
  'no fault': Count,
  'overlooks the signal': class extends Count {
    protected override wait() {
      return new Promise<void>(() => undefined);
    }
  },
  'fails when it is told to end': class extends Count {
    protected override async wait(signal: AbortSignal) {
      await untilAborted(new Promise<void>(() => undefined), signal);
    }
  },
  'overlooks a signal that was aborted before': class extends Count {
    protected override wait(signal: AbortSignal) {
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    }
  },
  'does not go on': class extends Count {
    protected override async wait() {}
  },
  'leaves the last line without an end': class extends Count {
    override async run(terminal: CommandTerminal, signal: AbortSignal) {
      await super.run({ out: (text) => terminal.out(text.trim()), err: terminal.err.bind(terminal) }, signal);
    }
  },
  'hides its failures': class extends Count {
    override async run(terminal: CommandTerminal, signal: AbortSignal) {
      await super.run(terminal, signal).catch(() => undefined);
    }
  },
};

for (const [fault, Faulty] of Object.entries(commands)) {
  describeCommand(`command: ${fault}`, {
    patience: 300,
    schema: countOptions,
    command: (options) => new Faulty(options),
    runs: [
      { it: 'counts', flags: { to: 2 }, out: /^1\s*2\s*$/ },
      { it: 'refuses to count backwards', flags: { to: -1 }, fails: /backwards/ },
    ],
    endless: { on: true },
    refused: [{ because: 'half a number', flags: { to: 0.5 } }],
  });
}

describeCommand('command: says nothing of a flag', {
  schema: z.object({ to: z.int().default(3) }),
  command: (options) => new Count(options),
  runs: [],
});

/* Notifiers */

const TOLD: readonly LifecycleEventKind[] = ['started', 'ready', 'stopped', 'died'];

let told = new Set<string>();

class SetNotifier implements Notifier {
  async notify({ kind, unikernel }: LifecycleEvent): Promise<void> {
    if (broken) throw new Error('nobody is there');
    if (TOLD.includes(kind)) told.add(`${kind} ${unikernel}`);
  }

  status(): { connected: boolean; detail: string } {
    return { connected: !broken, detail: 'a set' };
  }
}

const notifiers: Record<string, new () => Notifier> = {
  'no fault': SetNotifier,
  'tells everything': class extends SetNotifier {
    override async notify(event: LifecycleEvent) {
      told.add(`${event.kind} ${event.unikernel}`);
    }
  },
  'drops what comes at the same time': class extends SetNotifier {
    #busy = false;
    override async notify(event: LifecycleEvent) {
      if (this.#busy) return;
      this.#busy = true;
      await clock.sleep(1);
      await super.notify(event);
      this.#busy = false;
    }
  },
  'throws before it returns a promise': class extends SetNotifier {
    override notify(event: LifecycleEvent) {
      if (broken) throw new Error('nobody is there');
      return super.notify(event);
    }
  },
  'changes events': class extends SetNotifier {
    override async notify(event: LifecycleEvent) {
      Object.assign(event, { told: true });
      await super.notify(event);
    }
  },
  'has no status before it is opened': class extends SetNotifier {
    #detail = '';
    open() {
      this.#detail = 'a set';
      return Promise.resolve();
    }
    override status() {
      return { connected: true, detail: this.#detail };
    }
  },
};

for (const [fault, Faulty] of Object.entries(notifiers)) {
  describeNotifier(`notifier: ${fault}`, {
    patience: 300,
    setUp: () => {
      [told, broken] = [new Set(), false];
    },
    notifier: () => new Faulty(),
    tells: TOLD,
    has: ({ kind, unikernel }) => told.has(`${kind} ${unikernel}`),
    breakDown: () => {
      broken = true;
    },
  });
}

/* Activity sources */

const ENDPOINTS: ServiceEndpoints = {
  ...{ unikernel: 'web', machine: '0f0f0f0f-0000-5000-8000-000000000000', addresses: ['192.0.2.1'], macs: [] },
  ports: [{ protocol: 'tcp', port: 80 }],
  rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
};

let current: MemoryActivitySource;

class HonestSource extends MemoryActivitySource {
  constructor() {
    super(['web', 'another']);
  }

  override async observe(endpoints: ServiceEndpoints, signal: AbortSignal): Promise<Traffic> {
    signal.throwIfAborted();
    if (broken) throw new JitsuError('JITSU_BACKEND_UNREACHABLE', 'there is no table');
    return current.traffic.get(endpoints.unikernel) ?? { connections: 0, lastPacket: -Infinity };
  }
}

const activitySources: Record<string, new () => MemoryActivitySource> = {
  'no fault': HonestSource,
  'sees everything': class extends HonestSource {
    override sees() {
      return true;
    }
  },
  'knows of no use where it knows nothing': class extends HonestSource {
    override async observe(endpoints: ServiceEndpoints, signal: AbortSignal) {
      return broken ? { connections: 0 } : super.observe(endpoints, signal);
    }
  },
  'says nothing at all': class extends HonestSource {
    override async observe() {
      return {};
    }
  },
  'counts what is closed': class extends HonestSource {
    #most = 0;
    override async observe(endpoints: ServiceEndpoints, signal: AbortSignal) {
      const { connections = 0 } = await super.observe(endpoints, signal);
      this.#most = Math.max(this.#most, connections);
      return { connections: this.#most, lastPacket: Date.now() };
    }
  },
  'overlooks the signal': class extends HonestSource {
    override async observe(endpoints: ServiceEndpoints) {
      return super.observe(endpoints, new AbortController().signal);
    }
  },
  'takes what it is told for its own': class extends HonestSource {
    override async observe(endpoints: ServiceEndpoints, signal: AbortSignal) {
      Object.assign(endpoints, { addresses: [] });
      return super.observe(endpoints, signal);
    }
  },
  'knows the future': class extends HonestSource {
    override async observe() {
      return { connections: 0, lastPacket: Date.now() + 60_000 };
    }
  },
};

for (const [fault, Faulty] of Object.entries(activitySources)) {
  let open = 0;
  const tell = (): void => void current.traffic.set('web', { connections: open, lastPacket: Date.now() });
  describeActivitySource(`activity source: ${fault}`, {
    patience: 300,
    setUp: () => {
      [open, broken, current] = [0, false, undefined as unknown as MemoryActivitySource];
    },
    // The suite makes others besides the one that it uses.
    source: () => {
      const source = new Faulty();
      current ??= source;
      return source;
    },
    seen: () => ENDPOINTS,
    unseen: () => ({ ...ENDPOINTS, unikernel: 'stranger' }),
    now: () => Date.now(),
    send: tell,
    connect: async () => {
      open += 1;
      tell();
      return () => {
        open -= 1;
        tell();
      };
    },
    breakDown: () => {
      broken = true;
    },
  });
}

/* Doormen */

let atTheDoor: MemoryDoorman;

class HonestDoorman extends MemoryDoorman {
  constructor() {
    super(['web']);
  }
}

const doormen: Record<string, new () => MemoryDoorman> = {
  'no fault': HonestDoorman,
  'guards everything': class extends HonestDoorman {
    override guards() {
      return true;
    }
  },
  'holds nothing': class extends HonestDoorman {
    override async arm() {}
  },
  'never delivers': class extends HonestDoorman {
    override async release() {}
  },
  'stays armed': class extends HonestDoorman {
    override async release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop') {
      const connections = this.armed.get(unikernel);
      await super.release(unikernel, outcome);
      if (connections) await this.arm([{ ...ENDPOINTS, unikernel, connections }]);
    }
  },
  'steps aside after a failed boot': class extends HonestDoorman {
    override async release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop') {
      await super.release(unikernel, outcome);
      await super.release(unikernel, 'deliver');
    }
  },
  'holds against the verdict': class extends HonestDoorman {
    override onKnock(listener: (knock: Knock) => KnockVerdict) {
      return super.onKnock((knock) => (listener(knock), 'hold'));
    }
  },
  'refuses what is to be dropped': class extends HonestDoorman {
    override onKnock(listener: (knock: Knock) => KnockVerdict) {
      return super.onKnock((knock) => (listener(knock) === 'hold' ? 'hold' : 'refuse'));
    }
  },
  'forgets what it holds when it is armed again': class extends HonestDoorman {
    override async arm(services: readonly ArmedService[]) {
      for (const { unikernel } of services) {
        if (this.armed.has(unikernel)) await super.release(unikernel, 'drop');
      }
      await super.arm(services);
    }
  },
  'confuses names': class extends HonestDoorman {
    override release(_unikernel: string, outcome: 'deliver' | 'refuse' | 'drop') {
      return super.release('web', outcome);
    }
  },
  'reports no port': class extends HonestDoorman {
    override onKnock(listener: (knock: Knock) => KnockVerdict) {
      return super.onKnock((knock) => listener({ ...knock, port: 0 }));
    }
  },
};

const OUTCOMES = {
  passed: 'waits',
  waits: 'waits',
  dropped: 'waits',
  refused: 'refused',
  delivered: 'reached',
} as const satisfies Record<Packet['outcome'], KnockingClient['outcome']>;

for (const [fault, Faulty] of Object.entries(doormen)) {
  let serves = false;
  let clients = 0;
  describeDoorman(`doorman: ${fault}`, {
    patience: 300,
    setUp: () => {
      [serves, atTheDoor] = [false, undefined as unknown as MemoryDoorman];
    },
    doorman: () => {
      const doorman = new Faulty();
      atTheDoor ??= doorman;
      return doorman;
    },
    guarded: () => ENDPOINTS,
    unguarded: () => ({ ...ENDPOINTS, unikernel: 'stranger' }),
    serve: () => {
      serves = true;
    },
    connect: () => {
      clients += 1;
      const packet = atTheDoor.send('web', { from: `192.0.2.${clients % 250}` });
      return {
        get outcome(): KnockingClient['outcome'] {
          if (packet.outcome === 'passed') return serves ? 'reached' : 'refused';
          return OUTCOMES[packet.outcome];
        },
        close: () => undefined,
      };
    },
  });
}

/* Readiness probes */

const answering = new Set<string>();

class SetProbe implements ReadinessProbe {
  async untilReady({ name }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!answering.has(name)) await clock.sleep(2, signal);
  }
}

const probes: Record<string, new () => ReadinessProbe> = {
  'no fault': SetProbe,
  'is ready at once': class implements ReadinessProbe {
    async untilReady() {}
  },
  'gives up': class extends SetProbe {
    override async untilReady({ name }: ReadinessTarget) {
      if (!answering.has(name)) throw new Error('not ready');
    }
  },
  'overlooks the signal': class extends SetProbe {
    override async untilReady({ name }: ReadinessTarget) {
      // Two seconds are longer than the suite waits, and do not keep the process.
      for (let look = 0; look < 1_000 && !answering.has(name); look += 1) await clock.sleep(2);
    }
  },
  'rejects with a reason of its own': class extends SetProbe {
    override async untilReady(target: ReadinessTarget, signal: AbortSignal) {
      await super.untilReady(target, signal).catch(() => Promise.reject(new Error('aborted')));
    }
  },
  'mixes services up': class extends SetProbe {
    override async untilReady(_target: ReadinessTarget, signal: AbortSignal) {
      signal.throwIfAborted();
      while (answering.size === 0) await clock.sleep(2, signal);
    }
  },
};

let services = 0;

for (const [fault, Faulty] of Object.entries(probes)) {
  describeReadinessProbe(`readiness probe: ${fault}`, {
    patience: 300,
    probe: () => new Faulty(),
    service: () => {
      const name = `service-${services++}`;
      return {
        target: { name, id: name, addresses: ['192.0.2.1'] },
        answer: () => void answering.add(name),
        end: () => void answering.delete(name),
      };
    },
  });
}

/* Resolvers */

class HostsResolver implements Resolver {
  resolve({ name, type }: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined> {
    signal.throwIfAborted();
    if (name !== 'printer.test') return undefined;
    if (type !== 1) return { rcode: 0, authoritative: true };
    return { rcode: 0, authoritative: true, answers: [{ name, ttl: 60, type: 'A', address: '192.0.2.9' }] };
  }
}

const answerOf = (answer: DnsAnswer) =>
  class extends HostsResolver {
    override resolve(query: DnsQuery, signal: AbortSignal) {
      return super.resolve(query, signal) && answer;
    }
  };

const resolvers: Record<string, new () => Resolver> = {
  'no fault': HostsResolver,
  'answers everything': class implements Resolver {
    resolve() {
      return { rcode: 3 };
    }
  },
  'answers nothing': class implements Resolver {
    resolve() {
      return undefined;
    }
  },
  'has a code that does not fit': answerOf({ rcode: 5_000 }),
  'has a TTL that does not fit': answerOf({
    rcode: 0,
    answers: [{ name: 'printer.test', ttl: 2 ** 31, type: 'A', address: '192.0.2.9' }],
  }),
  'ends names in a dot': answerOf({
    rcode: 0,
    answers: [{ name: 'printer.test.', ttl: 60, type: 'A', address: '192.0.2.9' }],
  }),
  'passes a query on as an answer': answerOf({ message: new Uint8Array(12) }),
  'takes an inherited name for its own': class extends HostsResolver {
    override resolve(query: DnsQuery, signal: AbortSignal) {
      const { [query.name]: inherited } = {} as Readonly<Record<string, unknown>>;
      return inherited === undefined ? super.resolve(query, signal) : { rcode: 0 };
    }
  },
  'goes on for ever': class extends HostsResolver {
    override resolve(query: DnsQuery, signal: AbortSignal) {
      return signal.aborted ? new Promise<undefined>(() => undefined) : super.resolve(query, signal);
    }
  },
};

for (const [fault, Faulty] of Object.entries(resolvers)) {
  describeResolver(`resolver: ${fault}`, {
    patience: 300,
    resolver: () => new Faulty(),
    mine: [
      { name: 'printer.test', type: 1 },
      { name: 'printer.test', type: 28 },
    ],
    others: [
      { name: 'example.org', type: 1 },
      { name: '', type: 2 },
    ],
  });
}

/* State stores */

type StoreClass = new (historyLimit?: number) => StateStore;

const stores: Record<string, StoreClass> = {
  'no fault': MemoryStateStore,
  'claims to be durable': class extends MemoryStateStore {
    override readonly durable = true as never;
  },
  'forgets who is not configured': class extends MemoryStateStore {
    #last: readonly StoredRegistration[] = [];
    override async saveRegistrations(registrations: readonly StoredRegistration[]) {
      this.#last = structuredClone(registrations);
    }
    override async registrations() {
      return this.#last;
    }
  },
  'keeps what it was given by reference': class extends MemoryStateStore {
    readonly #counters = new Map<string, StoredCounters>();
    override async saveCounters(counters: readonly StoredCounters[]) {
      for (const counter of counters) this.#counters.set(counter.unikernel, counter);
    }
    override async counters() {
      return [...this.#counters.values()];
    }
  },
  'turns the history round': class extends MemoryStateStore {
    override async history(query: Parameters<StateStore['history']>[0]) {
      return [...(await super.history(query))].reverse();
    }
  },
  'keeps the history for ever': class extends MemoryStateStore {
    constructor() {
      super(Infinity);
    }
  },
  'keeps too little of the history': class extends MemoryStateStore {
    constructor(limit = Infinity) {
      super(limit / 2);
    }
  },
  'forgets the facts of an event': class extends MemoryStateStore {
    override async appendEvent({ kind, at, unikernel, id, backend, state, addresses, macs }: LifecycleEvent) {
      await super.appendEvent({ kind, at, unikernel, id, backend, state, addresses, macs });
    }
  },
  'cannot be opened again': class extends MemoryStateStore {
    #closed = false;
    override async open() {
      if (this.#closed) throw new Error('closed');
    }
    override async close() {
      this.#closed = true;
    }
  },
};

for (const [fault, Faulty] of Object.entries(stores)) {
  describeStateStore(`state store: ${fault}`, {
    store: () => new Faulty(),
    bounded: (limit) => new Faulty(limit),
  });
}

/* Stop policies */

class CurfewStopPolicy implements StopPolicy {
  opinionOn(_activity: Activity, now: number): StopOpinion | undefined {
    return now < 1_000 ? { keepUntil: 1_000 } : { stop: 'the curfew has come' };
  }
}

const policies: Record<string, new () => StopPolicy> = {
  'no fault': CurfewStopPolicy,
  'looks at the clock': class extends CurfewStopPolicy {
    override opinionOn(activity: Activity) {
      return super.opinionOn(activity, Date.now() > 0 ? 0 : 1_000);
    }
  },
  'counts how often it was asked': class extends CurfewStopPolicy {
    #times = 0;
    override opinionOn(activity: Activity, now: number) {
      return this.#times++ > 0 ? undefined : super.opinionOn(activity, now);
    }
  },
  'wants to be asked again in the past': class extends CurfewStopPolicy {
    override opinionOn(_activity: Activity, now: number) {
      return now < 1_000 ? { keepUntil: -1 } : { stop: 'the curfew has come' };
    }
  },
  'wants to be asked again and again': class extends CurfewStopPolicy {
    override opinionOn(activity: Activity, now: number) {
      return now === 1_000 ? { keepUntil: 1_000 } : super.opinionOn(activity, now);
    }
  },
  'stops for another reason': class extends CurfewStopPolicy {
    override opinionOn(activity: Activity, now: number) {
      return now < 1_000 ? super.opinionOn(activity, now) : { stop: 'why not' };
    }
  },
};

const activity: Activity = { unikernel: 'web', since: 0, names: [] };

for (const [fault, Faulty] of Object.entries(policies)) {
  describeStopPolicy(`stop policy: ${fault}`, {
    policy: () => new Faulty(),
    examples: [
      { it: 'keeps until the curfew', activity, now: 0, opinion: { keepUntil: 1_000 } },
      { it: 'stops then', activity, now: 1_000, opinion: { stop: /curfew/ } },
    ],
  });
}
