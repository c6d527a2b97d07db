import type { Clock } from '../contracts/clock.js';
import type { StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Traffic } from '../contracts/activity-source.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import { aheadOf } from '../clock.js';
import type { ActivitySources } from './activity-sources.js';
import { DeadlineQueue } from './deadline-queue.js';
import { MODES_THAT_GO_ON, type Doormen } from './doormen.js';
import { Groups } from './groups.js';
import type { KeepCommand } from './keep-command.js';
import { Keeps } from './keeps.js';
import type { LifeReports } from './life-reports.js';
import { mayUseOthers, Needs } from './needs.js';
import { targetOf } from './readiness.js';
import type { Unikernel } from './unikernel.js';

/** The freezes that are remembered; what an earlier one adds to the life of a unikernel is forgotten. */
const MOST_FREEZES = 16;

/** How long the time of the wall clock is relied on: it may be set meanwhile. */
const LONGEST_TRUST: Milliseconds = 3_600_000;

/** The time until a command that keeps a unikernel is asked again. */
const COMMAND_INTERVAL: Milliseconds = 60_000;

/** The number of unikernels that are named as those that need another. */
const MOST_NAMED = 3;

interface KeepVerdict {
  readonly askAgainAt: Milliseconds;
  /** What keeps it, where that is known, as it stands behind "kept by". */
  readonly why?: string | undefined;
  /** Whether the time is one of the wall clock, which may be set until then. */
  readonly byWallClock?: true;
  /** Whether only another one of its group keeps it. */
  readonly isForGroup?: true;
  /** Whether its command keeps it, which says nothing of how long. */
  readonly isByCommand?: true;
  /** The policy that said so. */
  readonly by?: StopPolicy;
}

export type Verdict = KeepVerdict | { readonly stop: string };

/** Until when a unikernel is kept without further queries, and by what. */
export interface Outlook {
  /** Absent where it is kept without limit. */
  readonly stopAt?: Milliseconds;
  readonly why?: string | undefined;
}

/** What was observed of the traffic to some unikernels. */
type KnownTraffic = ReadonlyMap<Unikernel, Traffic | undefined>;

const NOTHING_KNOWN: KnownTraffic = new Map();

/** Stops a unikernel at the moment when its policies no longer keep it. */
export class Reaper implements Disposable {
  readonly #deadlines: DeadlineQueue<Unikernel>;
  #disposed = false;
  /** Those whose traffic or command is being asked. */
  readonly #weighed = new Set<Unikernel>();
  /** What keeps those that are kept for their traffic alone, which says nothing of how long. */
  readonly #kept = new Map<Unikernel, Pick<Outlook, 'why'>>();
  /** By what they were told to be kept in this run. */
  readonly #told = new WeakMap<Unikernel, { readonly since: Milliseconds; readonly keepers: Set<unknown> }>();
  /** Those whose command could not be asked the last time, which is told once. */
  readonly #unasked = new WeakSet<Unikernel>();
  /** What the commands of those have said that are kept by them alone. */
  readonly #commanded = new Map<Unikernel, KeepVerdict>();
  readonly #ending = new AbortController();
  readonly #freezes: { readonly from: Milliseconds; readonly to: Milliseconds }[] = [];

  constructor(
    private readonly life: Pick<LifeReports, 'on' | 'reap'> & Partial<Pick<LifeReports, 'kept'>>,
    private readonly clock: Clock,
    private readonly keeps: Pick<Keeps, 'of'> = new Keeps(clock),
    private readonly needs: Pick<Needs, 'usersOf'> = new Needs(),
    private readonly groups: Pick<Groups, 'othersOf'> = new Groups(),
    private readonly watched: {
      readonly sources?: Pick<ActivitySources, 'see' | 'observe'> | undefined;
      readonly doormen?: Pick<Doormen, 'guard' | 'holdConnections' | 'beforeVerdict' | 'stepAside'> | undefined;
      /** The mode in which it would be stopped; that of its plan where absent. */
      readonly stopModeOf?: ((unikernel: Unikernel) => StopMode) | undefined;
      /** Told why a unikernel is kept whose command could not be asked. */
      readonly onDoubt?: ((unikernel: Unikernel, message: string) => void) | undefined;
    } = {},
  ) {
    this.#deadlines = new DeadlineQueue(
      clock,
      (unikernel) => this.consider(unikernel),
      (from, to) => this.#frozen(from, to),
    );
  }

  /** Asks the policies of a running unikernel, now and whenever they want to be asked again. */
  consider(unikernel: Unikernel): void {
    if (!this.#mayStop(unikernel) || this.#weighed.has(unikernel)) return;
    const { sources, doormen } = this.watched;
    const group = [unikernel, ...this.groups.othersOf(unikernel)];
    const isSeen = group.some((one) => sources?.see(one) === true);
    const isAsked = group.some(({ plan }) => plan.keepWhile !== undefined);
    const isWeighed = isSeen || isAsked || doormen?.guard(unikernel) === true;
    const verdict = isWeighed ? this.#verdict(unikernel) : this.#finalVerdict(unikernel);
    if ('askAgainAt' in verdict) this.#keep(unikernel, verdict);
    else if (isWeighed) void this.#weigh(unikernel, isSeen);
    else this.#stop(unikernel, verdict.stop);
  }

  considerIn(unikernel: Unikernel, delay: Milliseconds): void {
    this.#deadlines.set(unikernel, this.clock.now() + delay);
  }

  /**
   * When it will be stopped without further queries, and what keeps it until then; `undefined` where it does not run, and
   * while a summon or a start is under way.
   */
  outlook(unikernel: Unikernel): Outlook | undefined {
    const { summon, starting, state } = unikernel;
    if (summon || starting || state !== 'running') return undefined;
    const verdict = this.#verdict(unikernel);
    if ('stop' in verdict) return this.#kept.get(unikernel) ?? { stopAt: this.clock.now() };
    const { askAgainAt, why, isByCommand } = verdict;
    return { ...(askAgainAt !== Infinity && isByCommand !== true && { stopAt: askAgainAt }), why };
  }

  /** It is no unikernel of this Jitsu any more, and is not stopped. */
  forget(unikernel: Unikernel): void {
    this.#deadlines.delete(unikernel);
    this.#kept.delete(unikernel);
    this.#commanded.delete(unikernel);
  }

  /** Stops no unikernel any more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#ending.abort();
    this.#deadlines[Symbol.dispose]();
  }

  /**
   * Asks the policies when all queries are known: uses of cached answers may be reported late, but none comes after the
   * unikernel has ceased to be ready. Where they keep it, it becomes ready again.
   */
  #finalVerdict(unikernel: Unikernel): Verdict {
    const verdict = this.#verdict(unikernel);
    if ('askAgainAt' in verdict) return verdict;
    const wasReady = unikernel.ready;
    if (wasReady) this.life.on(unikernel, 'expired');
    this.#countGroup(unikernel);
    const final = this.#verdict(unikernel);
    if ('askAgainAt' in final && wasReady) this.life.on(unikernel, 'kept');
    return final;
  }

  /** Takes back the answers of the others of its group, so that their uses are known, too. */
  #countGroup(unikernel: Unikernel): void {
    for (const other of this.groups.othersOf(unikernel)) if (other.ready) this.life.on(other, 'due');
  }

  /** @param known what is known of its traffic, and of that of others of its group */
  #verdict(unikernel: Unikernel, known: KnownTraffic = NOTHING_KNOWN): Verdict {
    const own = this.#ownVerdict(unikernel, known.get(unikernel));
    if ('askAgainAt' in own || unikernel.replacement === 'now') return own;
    return this.#groupVerdict(unikernel, known) ?? own;
  }

  /** What keeps it for the sake of its group, of which none is stopped while another one is in use. */
  #groupVerdict(unikernel: Unikernel, known: KnownTraffic): KeepVerdict | undefined {
    let latest: KeepVerdict | undefined;
    for (const other of this.groups.othersOf(unikernel)) {
      const { askAgainAt, byWallClock } = this.#useOf(other, known) ?? { askAgainAt: -Infinity };
      if (askAgainAt <= (latest?.askAgainAt ?? -Infinity)) continue;
      const why = `${other.name}, which is of its group`;
      latest = { askAgainAt, why, isForGroup: true, ...(byWallClock && { byWallClock }) };
    }
    return latest;
  }

  /** Until when this one keeps its group; `undefined` where it does not. */
  #useOf(other: Unikernel, known: KnownTraffic): KeepVerdict | undefined {
    const isReplaced = other.replacement === 'now';
    if ((other.stops !== undefined && !isReplaced) || !mayUseOthers(other)) return undefined;
    // Its group is considered again when that has ended.
    if (!this.#mayStop(other)) return { askAgainAt: Infinity };
    // One of its group that needs it is no other use of the group.
    const verdict = this.#ownVerdict(other, known.get(other), this.groups.othersOf(other));
    if ('askAgainAt' in verdict) return verdict;
    return this.#kept.has(other) && !known.has(other) ? { askAgainAt: Infinity } : undefined;
  }

  /** @param besides those whose need of it does not count */
  #ownVerdict(unikernel: Unikernel, traffic?: Traffic, besides: readonly Unikernel[] = []): Verdict {
    if (unikernel.replacement === 'now') return { stop: definitionChanged(unikernel) };
    const users = this.needs.usersOf(unikernel).filter((user) => !besides.includes(user));
    // It is considered again when the last of them has stopped.
    if (users.length > 0) return { askAgainAt: Infinity, why: neededBy(users) };
    const now = this.clock.now();
    const more = traffic && {
      traffic,
      ...(this.#connectionsSurvive(unikernel) && { connectionsSurvive: true as const }),
    };
    const verdict = verdictOn(unikernel.plan.stopPolicies, unikernel.activity(this.#awake, more), now);
    const kept = this.keeps.of(unikernel);
    if (kept !== undefined) {
      const askAgainAt = kept.until - aheadOf(this.clock);
      // What its policies say counts where it is kept for longer by them.
      if ('stop' in verdict || verdict.askAgainAt <= askAgainAt)
        return { askAgainAt, why: kept.why, byWallClock: true };
    }
    const commanded = 'stop' in verdict ? this.#commanded.get(unikernel) : undefined;
    return commanded !== undefined && now < commanded.askAgainAt ? commanded : verdict;
  }

  #connectionsSurvive(unikernel: Unikernel): boolean {
    const { stopModeOf, doormen } = this.watched;
    const mode = stopModeOf?.(unikernel) ?? unikernel.plan.stopMode;
    return MODES_THAT_GO_ON.has(mode) && doormen?.holdConnections(unikernel) === true;
  }

  /** What would stop it does so unless its traffic or its command speaks for it, or somebody wakes it meanwhile. */
  async #weigh(unikernel: Unikernel, isSeen: boolean): Promise<void> {
    this.#weighed.add(unikernel);
    const isDecided = await this.#decide(unikernel, isSeen).finally(() => this.#weighed.delete(unikernel));
    // Something has happened to it, and perhaps whoever wanted to have it considered was not heard.
    if (!isDecided) this.consider(unikernel);
  }

  /**
   * Asks for its traffic first while nobody notices, since what is used for hours is asked for again and again; and then a
   * last time, when it gets no query any more and first packets are held. Returns whether it is kept or stopped.
   */
  async #decide(unikernel: Unikernel, isSeen: boolean): Promise<boolean> {
    const { sources, doormen } = this.watched;
    const observe = async (...all: readonly Unikernel[]): Promise<KnownTraffic> => {
      const known = new Map<Unikernel, Traffic | undefined>();
      const seen = all.filter((one) => sources?.see(one) === true && (one === unikernel || this.#mayStop(one)));
      await Promise.all(seen.map(async (one) => known.set(one, await sources?.observe(one))));
      return known;
    };
    const first = await observe(unikernel);
    if (!this.#mayStop(unikernel)) return false;
    const verdict = this.#verdict(unikernel, first);
    if ('askAgainAt' in verdict) return this.#keep(unikernel, verdict, isSeen);
    const asked = [unikernel, ...this.groups.othersOf(unikernel)].filter((one) => this.#isToBeAsked(one, first));
    if (asked.length > 0 && unikernel.replacement !== 'now') {
      await Promise.all(asked.map((one) => this.#ask(one)));
      if (!this.#mayStop(unikernel)) return false;
      const sinceThen = this.#verdict(unikernel, first);
      if ('askAgainAt' in sinceThen) return this.#keep(unikernel, sinceThen, isSeen && sinceThen.isByCommand !== true);
    }

    const wasReady = unikernel.ready;
    if (wasReady) this.life.on(unikernel, 'expired');
    this.#countGroup(unikernel);
    const { phase } = unikernel;
    const keep = (final: KeepVerdict, isForTraffic: boolean): boolean => {
      if (wasReady) this.life.on(unikernel, 'kept');
      else doormen?.stepAside(unikernel);
      return this.#keep(unikernel, final, isForTraffic);
    };
    const known = this.#verdict(unikernel, first);
    if ('askAgainAt' in known) return keep(known, false);
    const armed = doormen?.beforeVerdict(unikernel);
    if (armed !== undefined) await armed;
    const last = await observe(unikernel, ...this.groups.othersOf(unikernel));
    if (!this.#mayStop(unikernel) || unikernel.phase !== phase) {
      // Its backend cannot be asked any more: for all that is known it runs on, and is used.
      if (unikernel.state === 'unknown') doormen?.stepAside(unikernel);
      return false;
    }
    this.#countGroup(unikernel);
    const final = this.#verdict(unikernel, last);
    if ('askAgainAt' in final) return keep(final, isSeen);
    this.#stop(unikernel, final.stop);
    return true;
  }

  /** Whether all but its command would stop it. */
  #isToBeAsked(unikernel: Unikernel, known: KnownTraffic): boolean {
    if (unikernel.plan.keepWhile === undefined || !this.#mayStop(unikernel)) return false;
    return 'stop' in this.#ownVerdict(unikernel, known.get(unikernel), this.groups.othersOf(unikernel));
  }

  /** Asks its command, whose answer holds for a while. */
  async #ask(unikernel: Unikernel): Promise<void> {
    const command = unikernel.plan.keepWhile as KeepCommand;
    const { keep, problem } = await command.ask(targetOf(unikernel), this.#ending.signal);
    if (problem === undefined) this.#unasked.delete(unikernel);
    else if (!this.#unasked.has(unikernel) && !this.#disposed) {
      this.#unasked.add(unikernel);
      const message = `${unikernel.name} is kept, since its command "${command.words}" (keepWhile) cannot say whether it may be stopped: ${problem}`;
      this.watched.onDoubt?.(unikernel, message);
    }
    const why = `its command "${command.words}"${problem === undefined ? '' : `, which says nothing: ${problem}`}`;
    const askAgainAt = this.clock.now() + COMMAND_INTERVAL;
    if (keep && unikernel.phase !== 'released') this.#commanded.set(unikernel, { askAgainAt, why, isByCommand: true });
    else this.#commanded.delete(unikernel);
  }

  /**
   * A summon, stop or start under way ends with another call where the unikernel runs then. A machine that is down, or in
   * an unknown state, is not stopped.
   */
  #mayStop({ phase, summon, stops, starting, state }: Unikernel): boolean {
    if (this.#disposed || phase === 'released' || summon || stops || starting) return false;
    return state === 'running';
  }

  /** @param isForTraffic whether it would be stopped without it */
  #keep(unikernel: Unikernel, verdict: KeepVerdict, isForTraffic = false): true {
    if (isForTraffic && verdict.isForGroup !== true) this.#kept.set(unikernel, { why: verdict.why });
    else this.#kept.delete(unikernel);
    this.#deadlines.set(unikernel, this.#nextLook(verdict));
    const isKeptByOthers = verdict.isByCommand === true || (isForTraffic && 'stop' in this.#verdict(unikernel));
    if (isKeptByOthers) this.#tell(unikernel, verdict);
    return true;
  }

  /** Tells once in each run, of each policy and of its command, that this keeps it beyond its queries. */
  #tell(unikernel: Unikernel, { why, by, isByCommand }: KeepVerdict): void {
    const { since } = unikernel;
    let told = this.#told.get(unikernel);
    if (told?.since !== since) this.#told.set(unikernel, (told = { since, keepers: new Set() }));
    const keeper = isByCommand === true ? 'command' : by;
    if (told.keepers.has(keeper)) return;
    told.keepers.add(keeper);
    this.life.kept?.(unikernel, why);
  }

  #stop(unikernel: Unikernel, reason: string): void {
    this.#kept.delete(unikernel);
    this.#commanded.delete(unikernel);
    this.life.reap(unikernel, reason);
  }

  #nextLook({ askAgainAt, byWallClock }: KeepVerdict): Milliseconds {
    return byWallClock === true ? Math.min(askAgainAt, this.clock.now() + LONGEST_TRUST) : askAgainAt;
  }

  #frozen(from: Milliseconds, to: Milliseconds): void {
    this.#freezes.push({ from, to });
    if (this.#freezes.length > MOST_FREEZES) this.#freezes.shift();
  }

  /** A moment, later by all the time since then in which nothing ran, and so nobody could ask. */
  readonly #awake = (moment: Milliseconds): Milliseconds => {
    let asleep = 0;
    for (const { from, to } of this.#freezes) if (moment < to) asleep += to - Math.max(from, moment);
    return moment + asleep;
  };
}

/** What keeps a unikernel that others need, as it stands behind "kept by". */
function neededBy(users: readonly Unikernel[]): string {
  const names = users.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = users.length > MOST_NAMED ? ` and ${users.length - MOST_NAMED} more` : '';
  return `${names.join(', ')}${more}, which ${users.length === 1 ? 'needs' : 'need'} it`;
}

/** The reason for which an outdated machine is stopped. */
export function definitionChanged({ outdated = 'definition' }: Unikernel): string {
  return `its ${outdated} changed`;
}

/** Asks the policies in order: the first that keeps or stops decides; without a decision the unikernel is kept. */
export function verdictOn(policies: readonly StopPolicy[], activity: Activity, now: Milliseconds): Verdict {
  let askAgainAt = Infinity;
  for (const policy of policies) {
    const opinion = policy.opinionOn(activity, now);
    if (opinion === undefined) continue;
    if ('stop' in opinion) return opinion;
    if ('keepUntil' in opinion) {
      const { keepUntil, why } = opinion;
      return { askAgainAt: Math.min(askAgainAt, keepUntil), ...(why !== undefined && { why, by: policy }) };
    }
    askAgainAt = Math.min(askAgainAt, opinion.undecidedUntil);
  }
  return { askAgainAt };
}
