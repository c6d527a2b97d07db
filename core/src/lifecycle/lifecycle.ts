import type { BootSettings } from '../config/boot.js';
import { FASTEST } from '../config/stop.js';
import type { Clock } from '../contracts/clock.js';
import type { Knock, KnockVerdict } from '../contracts/doorman.js';
import type { LifecycleEvent, WakeCause } from '../contracts/lifecycle-event.js';
import type { MachineDescription, StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { AnswerLease } from '../contracts/resolver.js';
import type { StoredCounters } from '../contracts/state-store.js';
import { errorCode, errorMessage, shuttingDown, type JitsuError } from '../errors.js';
import { BackOff } from '../plugin-kit/back-off.js';
import type { ActivitySources } from './activity-sources.js';
import { AddressDoubts } from './address-doubts.js';
import { Announcer } from './announcer.js';
import { BootQueue } from './boot-queue.js';
import { DisposableClock } from './disposable-clock.js';
import type { NeighbourWait } from './guest-neighbours.js';
import type { Doormen } from './doormen.js';
import { Keeps } from './keeps.js';
import { Knocks, outcomeOf, type KnockRules } from './knocks.js';
import { usualModeOf } from './fastest-mode.js';
import type { LifeReports } from './life-reports.js';
import { next, type Effect, type LifeEvent, type Phase } from './life.js';
import type { GuardedBackend } from './guarded-backend.js';
import { PowerFollower, type Machines } from './power-follower.js';
import { ReadyTimes } from './ready-times.js';
import { ReadyLeases } from './ready-leases.js';
import { definitionChanged, Reaper } from './reaper.js';
import { Relations } from './relations.js';
import { ServiceWatch } from './service-watch.js';
import { StopQueue } from './stop-queue.js';
import { recalled } from './stored-counters.js';
import { Summon } from './summon.js';
import { SummonSteps } from './summon-steps.js';
import {
  backingOff,
  died,
  isItsFault,
  pastDeadline,
  removed,
  stoppedByCommand,
  unreachable,
} from './summon-failures.js';
import type { Failure, Unikernel, UnikernelPlan, UnikernelRecord } from './unikernel.js';
import { UnikernelStatuses, type UnikernelStatus } from './unikernel-status.js';

/** The time until the policies of a unikernel that still runs after a stop are asked again. */
const STOP_RETRY: Milliseconds = 10_000;

/** The phases of a summon that would still have to start its machine, and is not in the queue of boots. */
const BEFORE_BOOT: ReadonlySet<Phase> = new Set<Phase>(['waiting', 'needing', 'settling', 'wanted']);

/** The listeners of the lifecycle. None of them may throw. */
export interface LifecycleListeners {
  readonly onEvent: (event: LifecycleEvent) => void;
  /** A counter of the unikernel has changed. */
  readonly onCount?: (unikernel: Unikernel) => void;
  /** What people should know of the unikernel, as a sentence: something else may answer at its address, or the like. */
  readonly onDoubt?: (unikernel: Unikernel, message: string) => void;
  /** The first boot begins, or no boot is left. */
  readonly onBooting?: (booting: boolean) => void;
  /** The probes of the unikernel are about to be asked; returns what is to be told of that wait. */
  readonly onProbing?: (unikernel: Unikernel) => NeighbourWait | undefined;
}

/** What knows of traffic, beside queries, and who holds first packets. */
export interface LifecycleTraffic {
  readonly sources?: ActivitySources | undefined;
  readonly doormen?: Doormen | undefined;
  /** Who may wake by knocks; everybody where absent. */
  readonly knockRules?: KnockRules | undefined;
}

/** Nothing outside this file writes to a unikernel, and so nothing else makes a record of one. */
const recordOf = (unikernel: Unikernel): UnikernelRecord => unikernel as UnikernelRecord;

/**
 * The only writer of unikernels.
 *
 * Everything that happens to a unikernel is an event; the table in life.ts gives the next phase and the effects, which
 * are carried out here; each effect ends in another event.
 */
export class Lifecycle implements Disposable {
  readonly #boots: BootQueue;
  readonly #backOff: BackOff;
  readonly #leases: ReadyLeases;
  readonly #announcer: Announcer;
  readonly #doubts: AddressDoubts;
  readonly #reports: LifeReports;
  readonly #steps: SummonSteps;
  readonly #stops: StopQueue;
  readonly #relations: Relations;
  readonly #knocks: Knocks;
  readonly #times = new ReadyTimes();
  readonly #reaper: Reaper;
  readonly #keeps: Keeps;
  readonly #watch: ServiceWatch;
  readonly #statuses: UnikernelStatuses;
  readonly #followers = new Map<string, PowerFollower>();
  readonly #summoned = new Set<UnikernelRecord>();
  /** By address: the one whose backend has found it last. */
  readonly #finders = new Map<string, UnikernelRecord>();
  #closed: JitsuError | undefined;
  #disposed = false;
  private readonly clock: DisposableClock;

  constructor(
    {
      limit,
      queue,
      firstBackOff,
      longestBackOff,
    }: Pick<BootSettings, 'limit' | 'queue' | 'firstBackOff' | 'longestBackOff'>,
    private readonly listeners: LifecycleListeners,
    systemClock: Clock,
    private readonly traffic: LifecycleTraffic = {},
  ) {
    const clock = new DisposableClock(systemClock);
    this.clock = clock;
    this.#boots = new BootQueue(limit, queue, listeners.onBooting);
    this.#backOff = new BackOff(firstBackOff, longestBackOff);
    this.#leases = new ReadyLeases(
      (unikernel, name, times) => this.countQuery(unikernel, name, clock.now(), times),
      (unikernel) => this.isHeld(unikernel),
    );
    // What is left to itself when all is closed has nobody to tell.
    this.#announcer = new Announcer((event) => this.#disposed || listeners.onEvent(event), clock);
    this.#reports = {
      on: (unikernel, event, description) => this.#on(recordOf(unikernel), event, description),
      note: (unikernel, description) => this.#note(recordOf(unikernel), description),
      found: (unikernel, addresses) => this.#found(recordOf(unikernel), addresses),
      started: (unikernel) => this.#started(recordOf(unikernel)),
      startEnded: (unikernel) => (recordOf(unikernel).starting = false),
      failed: (unikernel, summon, error) => this.#failed(recordOf(unikernel), summon, error),
      // The failure of its summon is announced.
      wake: (unikernel, cause) => void this.summon(unikernel, cause).catch(() => {}),
      consider: (unikernel) => this.#reaper.consider(unikernel),
      reap: (unikernel, reason) => void this.#reap(recordOf(unikernel), reason),
      kept: (unikernel, why) => this.#announcer.announce(unikernel, 'kept', { ...(why && { reason: `by ${why}` }) }),
      unready: (unikernel, error) => this.#unready(recordOf(unikernel), error),
      stopsChanged: (unikernel, stops) => (recordOf(unikernel).stops = stops),
    };
    this.#doubts = new AddressDoubts((unikernel, message) => listeners.onDoubt?.(unikernel, message), clock);
    this.#relations = new Relations(this.#reports);
    const { needs, groups } = this.#relations;
    const shared = [this.#reports, this.#boots, this.#announcer, this.#doubts, needs, clock] as const;
    this.#steps = new SummonSteps(...shared, listeners.onProbing);
    const giveUp = (unikernel: Unikernel): void => this.#steps.giveUp(unikernel);
    this.#stops = new StopQueue(this.#reports, this.#announcer, clock, giveUp, traffic.doormen);
    this.#knocks = new Knocks(this.#reports, clock, traffic.knockRules);
    this.#keeps = new Keeps(clock);
    this.#reaper = new Reaper(this.#reports, clock, this.#keeps, needs, groups, {
      stopModeOf: (unikernel) => usualModeOf(unikernel, this.#times),
      ...traffic,
      onDoubt: listeners.onDoubt,
    });
    const isNeeded = (unikernel: Unikernel): boolean => needs.usersOf(unikernel).some(({ ready }) => ready);
    this.#watch = new ServiceWatch(this.#reports, this.#backOff, clock, isNeeded);
    const parts = { reaper: this.#reaper, keeps: this.#keeps, times: this.#times, needs, doormen: traffic.doormen };
    this.#statuses = new UnikernelStatuses(parts, clock);
  }

  /**
   * Says which of these need which others, and which go together. Called once, before anything else happens to any of them.
   * @param find the unikernel with a name
   */
  relate(unikernels: Iterable<Unikernel>, find: (name: string) => Unikernel): void {
    this.#relations.add(unikernels, find);
  }

  /**
   * It has another plan from now on: its answers are taken back, and whatever looks at it next goes by the new plan. Its
   * machine runs on.
   * @param find the unikernel with a name
   */
  change(unikernel: Unikernel, plan: UnikernelPlan, find: (name: string) => Unikernel): void {
    const record = recordOf(unikernel);
    this.#takeBack(record);
    const isRelated = [record.plan, plan].some(({ needs, group }) => needs !== undefined || group !== undefined);
    if (isRelated) this.#relations.remove(record);
    record.replan(plan);
    if (isRelated) this.#relations.add([record], find);
    this.#watch.leave(record);
    if (record.ready) this.#watch.ready(record);
    this.traffic.sources?.heed(record);
    this.traffic.doormen?.replan(record);
    this.#announcer.announce(record, 'changed');
    if (record.needy && this.#relations.needs.isUnmet(record)) this.#on(record, 'unmet');
    this.#reaper.consider(record);
  }

  /**
   * It is no unikernel of this Jitsu from now on: its answers are taken back, who waits for it gets
   * JITSU_UNIKERNEL_REMOVED, and nothing is held, watched or stopped any more, but for a stop of which its backend has
   * been told already. Its machine runs on. Resolves when nothing is held for it.
   */
  async release(unikernel: Unikernel): Promise<void> {
    const record = recordOf(unikernel);
    this.#takeBack(record);
    if (record.summon !== undefined) this.#fail(record, false, removed(record));
    record.phase = 'released';
    record.lost = false;
    this.#stops.release(record);
    this.#reaper.forget(record);
    this.#watch.forget(record);
    this.#keeps.forget(record);
    this.#times.forget(record);
    this.traffic.sources?.forget(record);
    this.#followers.get(record.plan.backendName)?.forget(record);
    this.#relations.remove(record);
    this.#announcer.announce(record, 'removed');
    await this.traffic.doormen?.leave(record);
  }

  /** Its machine is there, and it is related to others as these are by their plans. Resolves when it was looked at. */
  async join(unikernel: Unikernel, find: (name: string) => Unikernel): Promise<void> {
    const { id, backendName } = unikernel.plan;
    const follower = this.#followers.get(backendName);
    const { strays } = this.#steps;
    for (const stray of strays) {
      // What was left of it until now is its own.
      const isIts = stray.plan.id === id && stray.plan.backendName === backendName;
      if (!isIts && stray.state !== 'off') continue;
      strays.delete(stray);
      if (isIts) follower?.forget(stray);
    }
    this.#relations.add([unikernel], find);
    this.#announcer.announce(unikernel, 'added');
    await follower?.look(unikernel);
  }

  /** Lets no unikernel boot until the returned function is called: who asks meanwhile waits. */
  holdBoots(): () => void {
    return this.#boots.hold();
  }

  /**
   * Resolves when the unikernel's service answers: at once where it is ready. Concurrent callers share one boot.
   * @throws JITSU_SUMMON_DEADLINE, JITSU_SUMMON_DIED, JITSU_SUMMON_FAILED, JITSU_NEED_FAILED, JITSU_ADDRESS_IN_USE, JITSU_SUMMON_BACKING_OFF,
   * JITSU_BOOT_QUEUE_FULL, JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_FAILED, JITSU_STOPPED_BY_COMMAND,
   * JITSU_SHUTTING_DOWN
   */
  summon(unikernel: Unikernel, cause: WakeCause): Promise<void> {
    if (unikernel.ready) return Promise.resolve();
    if (unikernel.phase === 'released') return Promise.reject(removed(unikernel));
    if (unikernel.summon) return unikernel.summon.promise;
    const record = recordOf(unikernel);
    const now = this.clock.now();
    if (unikernel.phase === 'withdrawn') {
      // Who wakes it begins to use it now.
      record.lastSummoned = now;
      this.#on(record, 'used');
      return Promise.resolve();
    }
    // A command ignores the back-off.
    const refusal = this.#closed ?? (isByCommand(cause) ? undefined : backingOff(unikernel, now));
    if (refusal) return Promise.reject(refusal);

    const summon = new Summon(cause, now);
    record.summon = summon;
    this.#summoned.add(record);
    summon.deadline = this.clock.after(record.plan.deadline, () =>
      this.#failed(
        record,
        summon,
        record.phase === 'needing'
          ? this.#relations.needs.pastDeadline(record, (need) => this.#times.next(need))
          : pastDeadline(record, summon, this.#times.next(record)),
      ),
    );
    this.#on(record, 'wake');
    this.#relations.summoned(record, cause);
    return summon.promise;
  }

  /** Decides on a knock for a unikernel that is armed: see {@link Knocks.verdict}. */
  knock(unikernel: Unikernel, knock: Knock): KnockVerdict {
    return this.#closed === undefined || unikernel.ready ? this.#knocks.verdict(unikernel, knock) : 'drop';
  }

  /**
   * Resolves when it has stopped: see {@link StopQueue.request}. A summon under way ends, and its waiters get an error.
   * @throws the errors of `Machine.stop`; the unikernel then keeps running; JITSU_SHUTTING_DOWN
   */
  stop(unikernel: Unikernel, reason: string, mode?: StopMode): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (unikernel.phase === 'released') return Promise.reject(removed(unikernel));
    return this.#stop(recordOf(unikernel), 'stop', reason, mode);
  }

  /** The unikernels of a group, in the order of the configuration; none where there is no such group. */
  membersOf(group: string): readonly Unikernel[] {
    return this.#relations.groups.membersOf(group);
  }

  /** As {@link stop}, each when those of them that need it have stopped, or have failed to. Never rejects. */
  async stopTogether(
    unikernels: readonly Unikernel[],
    reason: string,
    mode?: StopMode,
  ): Promise<ReadonlyMap<Unikernel, unknown>> {
    const failures = new Map<Unikernel, unknown>();
    await this.#relations.needs.dependentsFirst(unikernels, (unikernel) =>
      this.stop(unikernel, reason, mode).catch((error: unknown) => void failures.set(unikernel, error)),
    );
    return failures;
  }

  /** Adopts the running machines of one connection, and follows all of its machines from now on. */
  async follow(connection: string, backend: GuardedBackend, unikernels: Machines): Promise<void> {
    const follower = new PowerFollower(backend, this.#reports, this.clock);
    this.#followers.set(connection, follower);
    await follower.follow(unikernels);
  }

  /**
   * Takes note of a machine that is no configured unikernel's any more: it is followed, but neither announced as adopted
   * nor reaped.
   */
  leave(unikernel: Unikernel, description: MachineDescription): void {
    const record = recordOf(unikernel);
    this.#note(record, description);
    record.phase = description.state === 'running' ? 'running' : 'down';
    this.#steps.strays.add(unikernel);
  }

  /** Its machine cannot be had for now: it fails for this reason until {@link arrived}. */
  withhold(unikernel: Unikernel, failure: Failure): void {
    const record = recordOf(unikernel);
    record.failure = failure;
    if (record.phase === 'down') record.phase = 'failing';
  }

  /** Its backend has handed out its machine, which is looked at where the connection is followed already. */
  arrived(unikernel: Unikernel): void {
    const record = recordOf(unikernel);
    record.failure = undefined;
    if (record.phase === 'failing') record.phase = 'down';
    void this.#followers.get(record.plan.backendName)?.look(unikernel);
  }

  /** Its status at this moment. */
  status(unikernel: Unikernel): UnikernelStatus {
    return this.#statuses.of(unikernel);
  }

  /**
   * Keeps it from being stopped by its policies until this time of the wall clock, from now on or from when it runs; a time
   * that has passed ends that.
   */
  keep(unikernel: Unikernel, until: Milliseconds): void {
    if (unikernel.phase === 'released') return;
    if (this.#keeps.keep(unikernel, until)) {
      this.#announcer.announce(unikernel, 'kept', { reason: this.#keeps.reasonOf(unikernel) });
      this.listeners.onCount?.(unikernel);
    }
    this.#reaper.consider(unikernel);
  }

  /** Until when a command keeps it, by the wall clock; `undefined` where none does. */
  keptUntil(unikernel: Unikernel): Milliseconds | undefined {
    return this.#keeps.byCommand(unikernel);
  }

  /** What is kept of it for the next run of Jitsu, besides its counters. */
  remembered(unikernel: Unikernel): Pick<StoredCounters, 'keptUntil' | 'readyTimes'> {
    const [keptUntil, readyTimes] = [this.keptUntil(unikernel), this.#times.of(unikernel)];
    return { ...(keptUntil !== undefined && { keptUntil }), ...(readyTimes !== undefined && { readyTimes }) };
  }

  /** The number of boots at this moment. */
  get booting(): number {
    return this.#boots.booting;
  }

  /** Counts queries for one of its configured names. */
  countQuery(unikernel: Unikernel, name: string, at: Milliseconds, times = 1): void {
    const counter = unikernel.counters.get(name);
    if (counter === undefined) return;
    counter.requests += times;
    counter.lastAsked = at;
    this.listeners.onCount?.(unikernel);
    if (unikernel.plan.watch !== undefined) this.#watch.used(unikernel);
  }

  /** Counts the late answer to a query that had to wait: the client's TTL starts now. */
  countAnswer(unikernel: Unikernel, name: string, at: Milliseconds): void {
    this.countQuery(unikernel, name, at, 0);
  }

  /** Whether first packets to this unikernel, which is not ready, are held, at the address that it will have. */
  isHeld(unikernel: Unikernel): boolean {
    return this.traffic.doormen?.isHeld(unikernel) === true;
  }

  /** First packets to it are not held any more: ends the leases of answers that were given for that. */
  unheld(unikernel: Unikernel): void {
    this.takeBack(unikernel);
  }

  /** Ends the leases of its answers: they would be others now. */
  takeBack(unikernel: Unikernel): void {
    this.#takeBack(recordOf(unikernel));
  }

  /** The lease of an answer: see {@link ReadyLeases.of}. */
  lease(
    key: string,
    name: string,
    wanted: readonly Unikernel[],
    behind: readonly Unikernel[],
  ): AnswerLease | undefined {
    return this.#leases.of(key, name, wanted, behind);
  }

  /** Restores the counters of an earlier run of Jitsu. */
  recall(unikernel: Unikernel, stored: StoredCounters): void {
    const { startedAt, totalStarts, names } = recalled(stored, this.clock);
    Object.assign(recordOf(unikernel), { startedAt, totalStarts });
    for (const { name, requests, lastAsked } of names) {
      Object.assign(unikernel.counters.get(name) ?? {}, { requests, lastAsked });
    }
    const { keptUntil, readyTimes } = stored;
    if (keptUntil !== undefined) this.#keeps.keep(unikernel, keptUntil);
    if (readyTimes !== undefined) this.#times.recall(unikernel, readyTimes);
  }

  /**
   * From now on nothing is started or stopped that is not being started or stopped already: refuses new summons and
   * stops, and ends the summons whose machine is still to be started. Waits for the others, which end when the signal
   * aborts.
   */
  async close(signal: AbortSignal): Promise<void> {
    const reason = shuttingDown();
    this.#closed = reason;
    this.#reaper[Symbol.dispose]();
    this.#watch[Symbol.dispose]();
    this.#boots.close(reason);
    const endAll = (phases?: ReadonlySet<Phase>): void => {
      for (const unikernel of this.#summoned) {
        if (phases?.has(unikernel.phase) !== false) this.#failed(unikernel, unikernel.summon, reason);
      }
    };
    endAll(BEFORE_BOOT);
    const ended = Promise.allSettled([...this.#summoned].map(({ summon }) => (summon as Summon).promise));
    if (signal.aborted) endAll();
    signal.addEventListener('abort', () => endAll());
    await ended;
  }

  /** Stops those of these unikernels that run or are being started, also once it is closed; never rejects. */
  async stopAll(unikernels: Iterable<Unikernel>, reason: string): Promise<void> {
    const wanted: Unikernel[] = [];
    for (const unikernel of unikernels) {
      const { state, starting, stops } = unikernel;
      if (state === 'running' || starting || stops) wanted.push(unikernel);
    }
    // One that cannot be stopped has been announced, and must not keep the others from it.
    await this.#relations.needs.dependentsFirst(wanted, (unikernel) => this.#stop(recordOf(unikernel), 'stop', reason));
  }

  /**
   * Stops following and reaping, and clears all limits: what hangs is left to itself, since a start that is given up now
   * would be followed by its stop. Nothing follows from an event any more, and none is told.
   */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#closed ??= shuttingDown();
    this.clock[Symbol.dispose]();
    for (const follower of this.#followers.values()) follower[Symbol.dispose]();
    this.#reaper[Symbol.dispose]();
    this.#watch[Symbol.dispose]();
  }

  /** @param description its backend has just described its machine, which is how the event became known */
  #on(unikernel: UnikernelRecord, event: LifeEvent, description?: MachineDescription): void {
    if (unikernel.phase === 'released') return;
    const before = unikernel.state;
    if (description) this.#note(unikernel, description);
    if (this.#disposed) return;
    const { phase, effects } = next(unikernel, event, before);
    unikernel.phase = phase;
    for (const effect of effects) this.#carryOut(unikernel, effect);
    this.#heed(unikernel);
    this.#relations.changed(unikernel, event);
  }

  /** Has its first packets held, and its traffic remembered, by what it is now. */
  #heed(unikernel: UnikernelRecord): void {
    const { sources, doormen } = this.traffic;
    if ((sources === undefined && doormen === undefined) || unikernel.phase === 'released') return;
    if (this.#steps.strays.has(unikernel)) return;
    sources?.heed(unikernel);
    doormen?.heed(unikernel);
  }

  #carryOut(unikernel: UnikernelRecord, effect: Effect): void {
    switch (effect) {
      case 'take-back':
        return this.#takeBack(unikernel);
      case 'need':
        return this.#need(unikernel);
      case 'look':
        return void this.#steps.look(unikernel);
      case 'queue':
        return void this.#steps.queue(unikernel);
      case 'poll':
        return void this.#steps.poll(unikernel);
      case 'start':
      case 'resume':
      case 'unpause':
        unikernel.starting = true;
        return void this.#steps.execute(unikernel, effect);
      case 'probe':
        return void this.#steps.probe(unikernel);
      case 'replace':
        return this.#replace(unikernel);
      case 'succeed':
        return this.#succeed(unikernel);
      case 'fail':
        return this.#fail(unikernel, true);
      case 'refuse':
        return this.#fail(unikernel, false);
      case 'end-died':
        return this.#fail(unikernel, true, died(unikernel));
      case 'end-unreachable':
        return this.#fail(unikernel, false, unreachable(unikernel));
      case 'end-stopped':
        return this.#fail(unikernel, false, stoppedByCommand(unikernel));
      case 'lost':
      case 'returned':
        unikernel.lost = effect === 'lost';
        return this.#announcer.announceChange(unikernel, effect);
      case 'adopted':
      case 'died':
        return this.#announcer.announceChange(unikernel, effect);
      case 'gone':
        return this.#announcer.announceChange(unikernel, 'stopped');
      case 'unready': {
        const { code, reason } = unikernel.failure as Failure;
        return this.#announcer.announce(unikernel, effect, { code, reason });
      }
      case 'count':
        return this.#started(unikernel);
      case 'renew':
        unikernel.since = this.clock.now();
        return;
      case 'attend':
        return this.#reaper.consider(unikernel);
      case 'halt':
        return void this.#stops.run(unikernel);
      case 'retry':
        return this.#reaper.considerIn(unikernel, STOP_RETRY);
    }
  }

  /** Ends the leases of its answers, before anything else happens. */
  #takeBack(unikernel: UnikernelRecord): void {
    const { relying } = unikernel;
    unikernel.relying = undefined;
    for (const listener of relying ?? []) listener();
    const { phase } = unikernel;
    // What is withdrawn is ready again a moment later, or stopped.
    if (unikernel.plan.watch !== undefined && phase !== 'ready' && phase !== 'withdrawn') this.#watch.leave(unikernel);
  }

  #need(unikernel: UnikernelRecord): void {
    const summon = unikernel.summon as Summon;
    // Where something it needs went down while it booted: nobody waits for others while holding a place.
    summon.leave?.();
    summon.leave = undefined;
    const { cause } = summon;
    const needCause: WakeCause = { kind: 'need', of: unikernel.name, ...(isByCommand(cause) && { byCommand: true }) };
    void this.#steps.need(unikernel, (need) => this.summon(need, needCause));
  }

  #succeed(unikernel: UnikernelRecord): void {
    const summon = unikernel.summon as Summon;
    this.#end(unikernel, summon);
    unikernel.failure = undefined;
    if (summon.boot !== undefined) {
      this.#times.add(unikernel, summon.boot.rise, this.clock.now() - summon.boot.at);
      this.listeners.onCount?.(unikernel);
    }
    this.#announcer.announce(unikernel, 'ready', { cause: summon.cause, duration: this.clock.now() - summon.wokenAt });
    if (unikernel.ready) {
      this.#watch.ready(unikernel);
      this.#doubts.ready(unikernel);
    } else {
      // Its service answers although nobody knows the state of its machine, so nothing would end what is held.
      this.traffic.doormen?.stepAside(unikernel);
    }
    summon.resolve();
  }

  /** A look at a service that was ready has failed. */
  #unready(unikernel: UnikernelRecord, error: unknown): void {
    const at = this.clock.now();
    const code = errorCode(error) ?? 'JITSU_SERVICE_UNREADY';
    unikernel.failure = { at, code, reason: errorMessage(error), count: 0, retryAt: at };
    this.#on(unikernel, 'silent');
  }

  /** Handles the failure of a summon, unless it has ended already. */
  #failed(unikernel: UnikernelRecord, summon: Summon | undefined, error: unknown): void {
    if (summon === undefined || unikernel.summon !== summon) return;
    summon.error = error;
    this.#on(unikernel, isItsFault(error, unikernel, summon) ? 'failed' : 'refused');
    if (!summon.began && errorCode(error) === 'JITSU_SUMMON_DEADLINE') this.#restart(unikernel);
  }

  /** Stops a unikernel that runs and has stopped answering, so that the next query starts it. */
  #restart(unikernel: UnikernelRecord): void {
    const { phase, state, starting, stops } = unikernel;
    if (this.#closed || phase !== 'failing' || state !== 'running' || starting || stops) return;
    if (!this.#watch.takesRestart(unikernel)) return;
    const reason = 'its service had stopped answering, and did not answer within its deadline either';
    // A failed stop is announced.
    const mode = unikernel.plan.stopMode === FASTEST ? unikernel.plan.endingMode : undefined;
    void this.#stop(unikernel, 'stop', reason, mode).catch(() => {});
  }

  /** @param blamed whether the failure counts for back-off */
  #fail(unikernel: UnikernelRecord, blamed: boolean, error = (unikernel.summon as Summon).error): void {
    const summon = unikernel.summon as Summon;
    const code = errorCode(error) ?? 'JITSU_BACKEND_FAILED';
    const reason = errorMessage(error);
    this.#end(unikernel, summon);
    if (blamed) {
      const at = this.clock.now();
      const count = (unikernel.failure?.count ?? 0) + 1;
      unikernel.failure = { at, code, reason, count, retryAt: at + this.#backOff.after(count) };
    }
    this.#announcer.announce(unikernel, 'failed', { cause: summon.cause, code, reason });
    this.traffic.doormen?.end(unikernel, outcomeOf(code, summon));
    summon.reject(error);
    summon.controller.abort(error);
  }

  #end(unikernel: UnikernelRecord, summon: Summon): void {
    unikernel.summon = undefined;
    unikernel.lastSummoned = this.clock.now();
    this.#summoned.delete(unikernel);
    summon.deadline?.[Symbol.dispose]();
    if (!unikernel.starting) summon.leave?.();
  }

  #stop(
    unikernel: UnikernelRecord,
    event: 'stop' | 'reap',
    reason: string,
    mode = usualModeOf(unikernel, this.#times),
  ): Promise<void> {
    return this.#stops.request(unikernel, event, reason, mode);
  }

  /** A failed stop is announced, and tried again later: see `retry`. */
  async #reap(unikernel: UnikernelRecord, reason: string): Promise<void> {
    const isInUse = unikernel.replacement === 'now';
    try {
      await this.#stop(unikernel, 'reap', reason);
      if (isInUse && unikernel.state === 'off') await this.summon(unikernel, { kind: 'replacement' });
    } catch {
      // The failure of a summon is announced as well.
    }
  }

  /** Has an outdated machine stopped by the summon that waits for it, which then starts it anew. */
  #replace(unikernel: UnikernelRecord): void {
    const summon = unikernel.summon as Summon;
    summon.replaces = true;
    summon.leave?.();
    summon.leave = undefined;
    this.#stops.replace(unikernel, definitionChanged(unikernel), usualModeOf(unikernel, this.#times));
  }

  /** Takes over a description by the backend. */
  #note(unikernel: UnikernelRecord, { state, detail, domainId, macs, outdated }: MachineDescription): void {
    if (unikernel.phase === 'released') return;
    unikernel.learnt += 1;
    unikernel.state = state;
    unikernel.detail = detail;
    if (state === 'off') {
      unikernel.domainId = undefined;
      // What had stopped answering has ended, and no summon has failed since.
      if (unikernel.failure?.count === 0) unikernel.failure = undefined;
    }
    if (domainId !== undefined) unikernel.domainId = domainId;
    if (macs !== undefined) unikernel.macs = macs;
    const changed = state === 'off' ? undefined : outdated?.changed;
    // What cannot be asked at the moment has not changed for that.
    if (changed !== unikernel.outdated && state !== 'unknown')
      this.#noteDefinition(unikernel, changed, outdated?.addresses);
    // Polled from now on where it may be up: the machine may die before its service answers.
    this.#followers.get(unikernel.plan.backendName)?.attend(unikernel);
  }

  /** @param changed what has changed since its machine was started; nothing where `undefined` */
  #noteDefinition(unikernel: UnikernelRecord, changed: string | undefined, addresses: readonly string[] = []): void {
    unikernel.outdated = changed;
    if (unikernel.plan.addresses.length > 0) unikernel.foundAddresses = changed === undefined ? [] : addresses;
    // Its answers have other addresses from now on.
    this.#takeBack(unikernel);
    if (changed !== undefined)
      this.#announcer.announce(unikernel, 'outdated', { reason: definitionChanged(unikernel) });
  }

  /** Its backend has found its addresses. One that is off, and had one of them before, has it no more. */
  #found(unikernel: UnikernelRecord, addresses: readonly string[]): void {
    for (const address of addresses) {
      const before = this.#finders.get(address);
      this.#finders.set(address, unikernel);
      if (before === undefined || before === unikernel || before.state !== 'off') continue;
      before.foundAddresses = before.foundAddresses.filter((other) => other !== address);
      this.#heed(before);
    }
    unikernel.foundAddresses = addresses;
    this.#heed(unikernel);
  }

  /** Its machine runs anew, started by Jitsu or by others. */
  #started(unikernel: UnikernelRecord): void {
    unikernel.since = this.clock.now();
    unikernel.startedAt = unikernel.since;
    unikernel.totalStarts += 1;
    if (!this.#disposed) this.listeners.onCount?.(unikernel);
  }
}

function isByCommand(cause: WakeCause): boolean {
  return cause.kind === 'command' || (cause.kind === 'need' && cause.byCommand === true);
}
