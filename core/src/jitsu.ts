import { SystemClock } from './clock.js';
import type { Settings } from './config/settings.js';
import type { UnikernelConfig } from './config/unikernel.js';
import type { Endpoint } from './net/endpoint.js';
import { markProbes } from './net/probe-mark.js';
import { ensureRuntimeDirectory } from './control/control-paths.js';
import { lockRuntimeDirectory } from './control/runtime-folder-lock.js';
import { ControlServer } from './control/control-server.js';
import type { Clock } from './contracts/clock.js';
import type { Logger } from './contracts/logger.js';
import type { Milliseconds } from './contracts/milliseconds.js';
import type { Resolver } from './contracts/resolver.js';
import type { StoredCounters } from './contracts/state-store.js';
import { CachingResolver } from './dns/cache/caching-resolver.js';
import { AccessControl } from './dns/admission/access-control.js';
import { hasAddress } from './net/bind-early.js';
import { DnsServer } from './dns/server.js';
import { Forwarder } from './dns/forwarder/forwarder.js';
import { AliasResolver } from './dns/resolvers/alias-resolver.js';
import { ForwardingGate } from './dns/resolvers/forwarding-gate.js';
import { NamedResolver } from './dns/resolvers/named-resolver.js';
import { SpecialNames } from './dns/resolvers/special-names.js';
import { TypesElsewhere } from './dns/resolvers/types-elsewhere.js';
import { UnikernelResolver } from './dns/resolvers/unikernel-resolver.js';
import { KnockGuard } from './dns/admission/knock-guard.js';
import { WakeGuard } from './dns/admission/wake-guard.js';
import { errorMessage, JitsuError, shuttingDown, withOwnCode } from './errors.js';
import type { BackendFinding } from './fleet/check-backends.js';
import { Fleet } from './fleet/fleet.js';
import { FleetChanges, type ChangeOptions } from './fleet/fleet-changes.js';
import { PATIENCE } from './fleet/fleet-start.js';
import { Instances } from './fleet/instances.js';
import type { SharedEndpoint } from './fleet/shared-endpoints.js';
import { limitedClose } from './fleet/limited-close.js';
import { settledWithin } from './fleet/settled-within.js';
import { saveRegistrations } from './fleet/stored-registrations.js';
import { Strays } from './fleet/strays.js';
import { guestAddresses, GuestNeighbours, type NeighbourChange } from './lifecycle/guest-neighbours.js';
import { TrafficParts } from './fleet/traffic-parts.js';
import type { GuardedBackend } from './lifecycle/guarded-backend.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { countersOf } from './lifecycle/stored-counters.js';
import type { Unikernel } from './lifecycle/unikernel.js';
import { CounterWriter } from './state/counter-writer.js';
import { relayDoorman } from './relay/relay-doorman.js';
import type { Neighbours } from './plugin-kit/neighbours.js';
import { SealableSpawner } from './plugin-kit/sealable-spawner.js';
import type { JitsuUser } from './plugin-kit/spawn-order.js';
import { Privileges } from './privileges/privileges.js';
import { untilAborted } from './plugin-kit/until-aborted.js';
import { Notifiers } from './fleet/notifiers.js';
import { FallbackStateStore } from './state/fallback-state-store.js';
import { HistoryWriter } from './state/history-writer.js';
import { MemoryStateStore } from './builtins/memory-state-store.js';
import type { ControlActions } from './control/status-report.js';
import { Controls } from './control/controls.js';
import { EventHub } from './telemetry/event-hub.js';
import { EventLog } from './telemetry/event-log.js';

/** How long answers in flight, or the step of a start that is under way, may take once Jitsu has been told to end. */
const FAREWELL: Milliseconds = 5_000;

/** How long a state store may take to write what is outstanding, and to close: it may be much, on a slow disk. */
const STORE_CLOSE_LIMIT: Milliseconds = 20_000;

/** The composition root: puts all rooms together, opens them in order, and closes them in the reverse order. */
export class Jitsu {
  /** What can be asked of it while it runs. */
  readonly controls: ControlActions;
  /** Closes what has been opened, in the order of opening. */
  readonly #closers: (() => void | Promise<void>)[] = [];
  readonly #spawner: SealableSpawner;
  readonly #fleet: Fleet;
  readonly #store: FallbackStateStore;
  readonly #hub: EventHub;
  readonly #notifiers: Notifiers;
  readonly #history: HistoryWriter;
  readonly #counters: CounterWriter<Unikernel>;
  readonly #traffic: TrafficParts;
  readonly #lifecycle: Lifecycle;
  readonly #neighbours: GuestNeighbours;
  readonly #strays: Strays;
  readonly #changes: FleetChanges;
  readonly #access: AccessControl;
  readonly #wakeGuard: WakeGuard;
  readonly #resolvers: readonly Resolver[];
  #cache: CachingResolver | undefined;
  #forwarder: Forwarder | undefined;
  readonly #settings: Omit<Settings, 'unikernels'>;
  readonly #privileges: Privileges | undefined;
  #dns: DnsServer | undefined;
  #local: UnikernelResolver<Unikernel> | undefined;
  readonly #followed = new Set<GuardedBackend>();
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #ending = false;
  /** Whether the start has failed, other than by a `stop` during it. */
  #failed = false;

  /**
   * Opens nothing yet.
   * @param givesUpRoot whether `start` gives up root as the settings say
   * @throws JITSU_CONFIG_INVALID for a stop mode that its backend lacks, and a user that Jitsu cannot become
   */
  constructor(
    { unikernels, ...settings }: Settings,
    private readonly logger: Logger,
    private readonly clock: Clock = new SystemClock(),
    givesUpRoot = false,
  ) {
    this.#settings = settings;
    const whole = { ...settings, unikernels };
    this.#spawner = new SealableSpawner(logger);
    const instances = new Instances(whole, clock, logger, this.#spawner);
    this.#fleet = new Fleet(whole, instances, {
      ...{ clock, logger },
      connect: (open, needsRoot) => this.#connect(open, needsRoot),
      givesUpRoot: () => this.#privileges?.user !== undefined,
      withhold: (unikernel, failure) => this.#lifecycle.withhold(unikernel, failure),
      arrived: (backend, unikernels) => this.#arrived(backend, unikernels),
    });
    const memory = settings.stateRequired ? undefined : new MemoryStateStore();
    this.#store = new FallbackStateStore(instances.configured(settings.stateStore), memory, logger);
    this.#privileges = givesUpRoot ? new Privileges(settings, () => instances.rootNeeds, logger) : undefined;
    this.#hub = new EventHub(clock, logger);
    this.#notifiers = new Notifiers(whole, instances, { clock, logger });
    this.#history = new HistoryWriter(this.#store, clock, logger);
    const countersNow = (unikernel: Unikernel): StoredCounters =>
      countersOf(unikernel, this.#lifecycle.remembered(unikernel), clock);
    this.#counters = new CounterWriter(this.#store, countersNow, clock, logger);
    this.#neighbours = new GuestNeighbours(openNeighbours, () => this.#neighboursByRoot(), clock, logger);
    this.#access = new AccessControl(settings.dns, settings.wake, { clock, logger });
    this.#wakeGuard = new WakeGuard(settings.wake, this.#access, clock);
    const context = { clock, logger };
    const relay = relayDoorman(whole, context);
    this.#traffic = new TrafficParts(settings, instances, this.#fleet.backends.values(), context, relay);
    const { sources, doormen } = this.#traffic;
    this.#lifecycle = new Lifecycle(
      settings.boot,
      {
        onEvent: (event) => this.#hub.emit(event),
        onCount: (unikernel) => this.#counters.mark(unikernel),
        onDoubt: ({ name }, message) => logger.warn({ unikernel: name }, message),
        // What boots must not hold up the answers of what runs.
        onBooting: (booting) => this.#dns?.prioritize(booting),
        onProbing: (unikernel) => this.#neighbours.during(unikernel),
      },
      clock,
      { sources, doormen, knockRules: new KnockGuard(settings.wake, this.#access, this.#wakeGuard, clock) },
    );
    this.#strays = new Strays(settings, this.#fleet, this.#lifecycle, logger);
    this.#changes = new FleetChanges(settings, this.#fleet, this.#lifecycle, this.#strays, {
      names: () => this.#names(),
      // What was forwarded may be a name of ours by now, or the other way round.
      changed: () => this.#dns?.packetCache.endReusable(),
      arrived: async (backend, unikernels) => {
        // It is done: what could not be saved of it is no refusal.
        await this.#arrived(backend, unikernels).catch((error: unknown) => {
          logger.error({ backend: backend.name, error }, errorMessage(error));
        });
      },
    });
    this.controls = new Controls(
      {
        file: settings.file,
        listening: () =>
          this.listening.map((endpoint) => (hasAddress(endpoint.address) ? endpoint : { ...endpoint, absent: true })),
        runsAs: () => this.#privileges?.runsAs,
        storeProblem: () => this.#store.problem,
        initProblem: () => this.#spawner.problem,
        lostDoormen: () => this.#traffic.doormen?.losses() ?? [],
        udpTransport: () => this.udpTransport,
        notifiers: () => this.#notifiers.status(),
        cache: () => this.#cache,
        settleUses: () => this.#dns?.packetCache.settle(),
        forgetReusable: () => this.#dns?.packetCache.endReusable(),
        refused: () => this.#access.refusals.counts,
        upstreamAnswers: () => this.#forwarder?.answerCounts,
      },
      ...([this.#fleet, this.#strays, this.#lifecycle, this.#history, this.#store, clock] as const),
    );

    const log = new EventLog(logger);
    this.#hub.listen((event) => log.write(event));
    this.#hub.listen((event) => this.#history.append(event));
    this.#notifiers.join(this.#hub);
    this.#resolvers = settings.resolvers.map(
      (resolver) => new NamedResolver(resolver.contribution.name, instances.configured(resolver)),
    );
  }

  /** Where DNS is answered, over UDP and TCP; empty before `start`. */
  get listening(): readonly Endpoint[] {
    return this.#dns?.listening ?? [];
  }

  /** How datagrams are taken: many at a time (`mmsg`) or one by one; `undefined` before `start`. */
  get udpTransport(): 'dgram' | 'mmsg' | undefined {
    return this.#dns?.udpTransport;
  }

  /** The names of the unikernels that run, as far as it is known. */
  get running(): readonly string[] {
    const all = [...this.#fleet.unikernels.values(), ...this.#strays.values()];
    const running = all.filter(({ state }) => state === 'running');
    return running.map(({ name }) => name);
  }

  /** The addresses and ports at which two unikernels are asked whether they are ready. */
  get sharedEndpoints(): readonly SharedEndpoint[] {
    return this.#fleet.sharedEndpoints();
  }

  /** The port that a probe asks, as it says itself. */
  portOf(probe: Settings['unikernels'][number]['ready'][number]): number | undefined {
    return this.#fleet.portOf(probe);
  }

  /** Whether something knows the traffic to what this backend runs. */
  knowsTraffic(backend: string): boolean {
    const { activitySources, doormen } = this.#settings;
    const own = this.#fleet.backends.get(backend);
    return activitySources.length + doormen.length > 0 || (own?.activity ?? own?.doorman?.activity) !== undefined;
  }

  /** Whom `start` would have it run as, for people; `undefined` where it stays who it is without a reason to tell. */
  get foretoldUser(): string | undefined {
    return this.#privileges?.foretold();
  }

  /**
   * Finds out what runs, adopts it, and answers. When anything cannot be opened, everything is closed again.
   * @param opened called when it listens, while it has all rights that it was started with
   * @throws JITSU_ALREADY_RUNNING, JITSU_STORE_UNREADABLE, JITSU_STORE_IN_USE, JITSU_BACKEND_UNREACHABLE,
   *   JITSU_CONFIG_INVALID, JITSU_LISTEN_FAILED, JITSU_CONTROL_FAILED; JITSU_SHUTTING_DOWN where it was told to stop
   */
  start(opened: () => void = () => undefined): Promise<void> {
    this.#started = this.#start(opened);
    return this.#started;
  }

  /**
   * Asks the backends whether they can be reached and have what their unikernels need, without changing anything: for a
   * Jitsu that is not started.
   */
  async check(): Promise<readonly BackendFinding[]> {
    try {
      return [...(await this.#traffic.check(this.#fleet.unregistered)), ...(await this.#fleet.check())];
    } finally {
      await this.#spawner.close();
    }
  }

  /**
   * Answers what is in flight, writes what is outstanding, and closes everything. A start under way ends after its
   * present step; what a step opens that takes longer than 5 s is closed when it is open. May be called again.
   */
  stop(): Promise<void> {
    this.#ending = true;
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /**
   * Adds a unikernel while Jitsu runs: it is checked as those of the configuration are, and answered for from when this
   * resolves. What runs of it already is adopted. Where it is refused, nothing has changed.
   * @throws JITSU_CONFIG_INVALID with every problem, such as a name that another one has;
   *   JITSU_BACKEND_UNREACHABLE, JITSU_ROOT_GIVEN_UP, and the other objections of its backend; JITSU_SHUTTING_DOWN
   */
  add(unikernel: UnikernelConfig, options?: ChangeOptions): Promise<void> {
    return this.#changes.add(unikernel, options);
  }

  /**
   * Gives a unikernel other settings while Jitsu runs. Names, addresses, probes and policies apply at once; what concerns
   * its machine applies at its next boot, as far as its backend can tell. Its name, its backend and its machine stay.
   * @throws as {@link add}, and JITSU_UNIKERNEL_UNKNOWN
   */
  change(name: string, unikernel: UnikernelConfig, options?: ChangeOptions): Promise<void> {
    return this.#changes.change(name, unikernel, options);
  }

  /**
   * Removes a unikernel while Jitsu runs. Nothing is answered with it any more, who waits for it gets the answer that there
   * is without it, and its first packets are not held. Its machine is never stopped by that: where it runs, it is shown
   * among what is not configured, and `jitsu stop` stops it.
   * @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_UNIKERNEL_INVALID where another one needs it, JITSU_SHUTTING_DOWN
   */
  remove(name: string): Promise<void> {
    return this.#changes.remove(name);
  }

  /** Answers a query as if it had come in by a socket, but without any limit of size. */
  async inject(message: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#dns?.handle(Uint8Array.from(message), { address: 'inject', port: 0, transport: 'inject' });
  }

  async #start(opened: () => void): Promise<void> {
    try {
      this.#privileges?.prepare();
      await this.#openState();
      const user = this.#privileges?.user;
      if (user !== undefined) this.#spawner.expectSeal(user, this.#settings.runtimeDirectory);
      // What is started while Jitsu is root still would make files that it cannot use later.
      const release = user === undefined ? undefined : this.#lifecycle.holdBoots();
      await this.#openFleet();
      await this.#privileges?.seal((user) => this.#seal(user));
      if (user !== undefined && this.#privileges?.user === undefined) this.#spawner.stayOpen();
      await this.#openDns();
      this.#fleet.keepTrying();
      opened();
      this.#privileges?.giveUp();
      release?.();
    } catch (error) {
      this.#failed = !this.#ending;
      await this.#close().catch((failure: unknown) => {
        this.logger.error({ error: failure }, `could not be closed in order: ${errorMessage(failure)}`);
      });
      this.#privileges?.abandon();
      throw withOwnCode(error);
    }
  }

  async #stop(): Promise<void> {
    const started = Promise.resolve(this.#started).catch(() => undefined);
    await this.#within(FAREWELL, async (signal) => untilAborted(started, signal).catch(() => undefined));
    await this.#close();
  }

  /** Something has been opened; this closes it. @throws JITSU_SHUTTING_DOWN where Jitsu was told to stop meanwhile */
  #opened(close: () => void | Promise<void>): void {
    this.#closers.push(close);
    if (this.#ending) throw shuttingDown();
  }

  /** Closes what is open, also after something could not be closed; rejects with the first failure. */
  async #close(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'Several things could not be closed in order.');
  }

  /** Tells those who keep root all that they are to do with it later. */
  async #seal(user: JitsuUser): Promise<void> {
    const starts = [...this.#fleet.starts.values()].filter(({ backend }) => backend.handsOver);
    for (const { backend, awaited } of starts) {
      // What comes later could not be handed over any more.
      if (awaited !== undefined)
        throw new Error(`the backend ${backend.name} needs root for what is not there yet: ${awaited}`);
    }
    for (const { backend, isConnected } of starts) if (isConnected) await backend.beforeDrop();
    this.#spawner.allowNeighbours(guestAddresses(this.#fleet.unikernels.values()));
    await this.#traffic.beforeDrop(user.uid, () => this.#fleet.unikernels.values());
    await this.#spawner.seal(user);
  }

  #connect(action: () => Promise<void>, needsRoot: string | undefined): Promise<void> {
    return this.#privileges?.connect(action, needsRoot) ?? action();
  }

  /** @throws JITSU_SHUTTING_DOWN, JITSU_NOT_RUNNING */
  #names(): UnikernelResolver<Unikernel> {
    if (this.#ending) throw shuttingDown();
    if (this.#local !== undefined && this.#dns !== undefined) return this.#local;
    throw new JitsuError('JITSU_NOT_RUNNING', 'Unikernels can be added, changed and removed once Jitsu has started.');
  }

  /** Adopts what runs of a backend, and follows it from now on. */
  async #follow(backend: GuardedBackend): Promise<void> {
    if (this.#followed.has(backend)) return;
    this.#followed.add(backend);
    await this.#strays.find(backend);
    await this.#lifecycle.follow(backend.name, backend, this.#fleet.on(backend.name));
  }

  /** These unikernels have got their machines after the start. */
  async #arrived(backend: GuardedBackend, unikernels: readonly Unikernel[]): Promise<void> {
    for (const unikernel of unikernels) this.#lifecycle.arrived(unikernel);
    await this.#follow(backend);
    if (this.#store.durable) await saveRegistrations(this.#store, unikernels);
  }

  #closeStore(what: string, close: () => Promise<void>): Promise<void> {
    const { clock, logger } = this;
    return limitedClose(what, close, { clock, logger }, STORE_CLOSE_LIMIT);
  }

  async #within(limit: Milliseconds, work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const enough = new AbortController();
    using _timer = this.clock.after(limit, () => enough.abort());
    await work(enough.signal);
  }

  async #openState(): Promise<void> {
    const { runtimeDirectory, controlSocket } = this.#settings;
    ensureRuntimeDirectory(runtimeDirectory);
    const lock = lockRuntimeDirectory(runtimeDirectory, this.logger);
    this.#opened(() => lock[Symbol.dispose]());
    await this.#store.open();
    this.#opened(() => this.#closeStore('The state store', () => this.#store.close()));
    this.#opened(() => this.#closeStore('The writer of the counters', () => this.#counters.close()));
    this.#opened(() => this.#closeStore('The writer of the history', () => this.#history.close()));
    // Not before: what is asked of it may need the store.
    const control = new ControlServer(controlSocket, this.controls, this.clock, this.logger);
    await control.listen();
    this.#opened(() => control.close());
    this.#opened(() => this.#notifiers.close());
    await this.#notifiers.open((open, needsRoot) => this.#connect(open, needsRoot));
    this.#opened(() => this.#hub.close());
  }

  async #openFleet(): Promise<void> {
    this.#opened(() => this.#spawner.close());
    const { doormen } = this.#traffic;
    this.#opened(() => this.#traffic.close());
    await this.#traffic.open((open, needsRoot) => this.#connect(open, needsRoot));
    await markProbes(this.#traffic.probeMark);
    doormen?.listen((name) => this.#fleet.unikernels.get(name), this.#lifecycle);
    for (const start of this.#fleet.starts.values()) this.#opened(() => start.close());
    await this.#fleet.connect();
    if (this.#ending) throw shuttingDown();
    await this.#fleet.register();
    this.#fleet.relate(this.#lifecycle);
    this.#fleet.recall(await this.#store.counters(), this.#lifecycle);
    // What a store in memory would remember, the fleet has itself.
    if (this.#store.durable) await saveRegistrations(this.#store, this.#fleet.unikernels.values());
    this.#opened(() => this.#neighbours[Symbol.dispose]());
    this.#opened(() => this.#lifecycle[Symbol.dispose]());
    const followed = [...this.#fleet.starts.values()]
      .filter(({ works, isConnected, backend }) => works || (isConnected && backend.knowsStrays))
      .map(({ backend }) => this.#follow(backend));
    for (const outcome of await settledWithin(followed, PATIENCE, this.clock)) {
      if (outcome?.status === 'rejected') throw outcome.reason;
    }
    // What is armed may need root, which is given up soon.
    await doormen?.settled();
    if (doormen !== undefined) this.#tellUnheld();
    // What a start finds running may belong to another Jitsu, so a start that fails stops nothing.
    if (this.#settings.onExit === 'stop') {
      const all = this.#fleet.unikernels;
      this.#opened(() => (this.#failed ? undefined : this.#lifecycle.stopAll(all.values(), 'Jitsu ends')));
    }
  }

  /** Tells which unikernels are not answered for at once, as configured, since nobody holds their first packets. */
  #tellUnheld(): void {
    for (const unikernel of this.#fleet.unikernels.values()) {
      const { name, plan, ready } = unikernel;
      if (plan.answersAtOnce !== true || ready || this.#lifecycle.isHeld(unikernel)) continue;
      const message = `${name} is answered for when it is ready, and not at once: nothing holds its first packets`;
      this.logger.warn({ unikernel: name }, message);
    }
  }

  async #openDns(): Promise<void> {
    const { clock, logger } = this;
    const settings = this.#settings;
    const unikernels = [...this.#fleet.unikernels.values()];
    const access = this.#access;
    const guard = this.#wakeGuard;
    const forwarder = new Forwarder(settings.dns, { clock, logger, listening: () => this.listening });
    const cache = new CachingResolver(forwarder, settings.dns, clock);
    const forwards = settings.dns.forwarders !== 'off';
    const elsewhere = forwards ? new TypesElsewhere(cache, access, settings.dns) : undefined;
    const local = new UnikernelResolver(unikernels, this.#lifecycle, settings.dns, { clock, logger, guard, elsewhere });
    this.#local = local;
    this.#fleet.knowBy(local.table);
    const ttl = Math.floor(settings.dns.ttl / 1_000);
    const others = forwards
      ? [new ForwardingGate(access, ttl), new AliasResolver(cache, local, forwarder.scrubber)]
      : [];
    const resolvers = [local, ...this.#resolvers, new SpecialNames(), ...others];
    const renice = (task: number, niceness: number): boolean => this.#renice(task, niceness);
    const dns = new DnsServer(settings.dns, resolvers, { clock, logger, access, renice });
    await forwarder.open();
    this.#opened(() => forwarder.close());
    this.#opened(() => cache.close());
    this.#cache = cache;
    this.#forwarder = forwarder;
    await dns.listen();
    this.#dns = dns;
    this.#opened(() => this.#farewell(dns));
    forwarder.check(local.sharedDomains);
  }

  /** Has a thread of Jitsu reniced by the process that has kept root. Returns whether this one may not. */
  #renice(task: number, niceness: number): boolean {
    if (this.#privileges?.hasGivenUp !== true) return false;
    this.#spawner.renice(task, niceness).catch((error: unknown) => {
      this.logger.debug({ error }, 'a thread that takes datagrams cannot go first');
    });
    return true;
  }

  /** The kernel is told of guests by the process that has kept root, where this one has given it up. */
  #neighboursByRoot(): NeighbourChange | undefined {
    if (this.#privileges?.hasGivenUp !== true) return undefined;
    return (address, mac) => this.#spawner.changeNeighbour(address, mac);
  }

  async #farewell(dns: DnsServer): Promise<void> {
    await this.#within(FAREWELL, (signal) => Promise.all([dns.close(FAREWELL), this.#lifecycle.close(signal)]));
  }
}

/** Loads native code, where a guest needs it. */
async function openNeighbours(): Promise<Neighbours> {
  const { Neighbours } = await import('./plugin-kit/neighbours.js');
  return Neighbours.open();
}

/** What Jitsu gets from the program that it is part of. */
export interface JitsuParts {
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Whether `start` gives up root as `privileges` says: for a program that is nothing but Jitsu. */
  readonly givesUpRoot?: boolean;
}

/**
 * Puts Jitsu together; `start()` opens it.
 * @throws JITSU_CONFIG_INVALID for a stop mode that its backend lacks, and a user that Jitsu cannot become
 */
export async function createJitsu(settings: Settings, parts: JitsuParts): Promise<Jitsu> {
  return new Jitsu(settings, parts.logger, parts.clock, parts.givesUpRoot);
}
