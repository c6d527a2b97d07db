import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Traffic } from '../contracts/activity-source.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import type { ActivitySources } from './activity-sources.js';
import { DeadlineQueue } from './deadline-queue.js';
import type { Doormen } from './doormen.js';
import type { LifeReports } from './life-reports.js';
import type { Unikernel } from './unikernel.js';

/** The freezes that are remembered; what an earlier one adds to the life of a unikernel is forgotten. */
const MOST_FREEZES = 16;

export type Verdict = { readonly askAgainAt: Milliseconds } | { readonly stop: string };

/** Stops a unikernel at the moment when its policies no longer keep it. */
export class Reaper implements Disposable {
  readonly #deadlines: DeadlineQueue<Unikernel>;
  #disposed = false;
  /** Those whose traffic is being asked for. */
  readonly #weighed = new Set<Unikernel>();
  /** What was last known of the traffic to those that are kept for it. */
  readonly #traffic = new Map<Unikernel, Traffic>();
  readonly #freezes: { readonly from: Milliseconds; readonly to: Milliseconds }[] = [];

  constructor(
    private readonly life: Pick<LifeReports, 'on' | 'reap'>,
    private readonly clock: Clock,
    private readonly watched: {
      readonly sources?: Pick<ActivitySources, 'see' | 'observe'> | undefined;
      readonly doormen?: Pick<Doormen, 'guard' | 'beforeVerdict' | 'stepAside'> | undefined;
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
    const isSeen = sources?.see(unikernel) === true;
    const verdict = isSeen || doormen?.guard(unikernel) ? this.#verdict(unikernel) : this.#finalVerdict(unikernel);
    if ('askAgainAt' in verdict) this.#keep(unikernel, verdict);
    else if (isSeen || doormen?.guard(unikernel)) void this.#weigh(unikernel, isSeen);
    else this.#stop(unikernel, verdict.stop);
  }

  considerIn(unikernel: Unikernel, delay: Milliseconds): void {
    this.#deadlines.set(unikernel, this.clock.now() + delay);
  }

  /** When it will be stopped without further queries; `undefined` also while a summon or a start is under way. */
  stopAt(unikernel: Unikernel): Milliseconds | undefined {
    const { summon, starting, state } = unikernel;
    if (summon || starting || state !== 'running') return undefined;
    const verdict = this.#verdict(unikernel);
    // Nobody knows how long its connections stay open.
    if ('stop' in verdict && this.#traffic.has(unikernel)) return undefined;
    const at = 'stop' in verdict ? this.clock.now() : verdict.askAgainAt;
    return at === Infinity ? undefined : at;
  }

  /** What is known of the traffic to a unikernel that is kept for it alone. */
  traffic(unikernel: Unikernel): Traffic | undefined {
    return this.#traffic.get(unikernel);
  }

  /** Stops no unikernel any more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#deadlines[Symbol.dispose]();
  }

  /**
   * Asks the policies when all queries are known: uses of cached answers may be reported late, but none comes after the
   * unikernel has ceased to be ready. Where they keep it, it becomes ready again.
   */
  #finalVerdict(unikernel: Unikernel): Verdict {
    const verdict = this.#verdict(unikernel);
    if ('askAgainAt' in verdict || !unikernel.ready) return verdict;
    this.life.on(unikernel, 'expired');
    const final = this.#verdict(unikernel);
    if ('askAgainAt' in final) this.life.on(unikernel, 'kept');
    return final;
  }

  #verdict(unikernel: Unikernel, traffic?: Traffic): Verdict {
    if (unikernel.replacement === 'now') return { stop: definitionChanged(unikernel) };
    return verdictOn(unikernel.plan.stopPolicies, unikernel.activity(this.#awake, traffic), this.clock.now());
  }

  /** What would stop it does so unless its traffic speaks for it, or somebody wakes it meanwhile. */
  async #weigh(unikernel: Unikernel, isSeen: boolean): Promise<void> {
    this.#weighed.add(unikernel);
    let isDecided = false;
    try {
      isDecided = await this.#decide(unikernel, isSeen);
    } finally {
      this.#weighed.delete(unikernel);
    }
    // Something has happened to it, and perhaps whoever wanted to have it considered was not heard.
    if (!isDecided) this.consider(unikernel);
  }

  /**
   * Asks for its traffic first while nobody notices, since what is used for hours is asked for again and again; and then a
   * last time, when it gets no query any more and first packets are held. Returns whether it is kept or stopped.
   */
  async #decide(unikernel: Unikernel, isSeen: boolean): Promise<boolean> {
    const { sources, doormen } = this.watched;
    const observe = async (): Promise<Traffic | undefined> => (isSeen ? sources?.observe(unikernel) : undefined);
    const first = await observe();
    if (!this.#mayStop(unikernel)) return false;
    const verdict = this.#verdict(unikernel, first);
    if ('askAgainAt' in verdict) return this.#keep(unikernel, verdict, first);

    const wasReady = unikernel.ready;
    if (wasReady) this.life.on(unikernel, 'expired');
    const { phase } = unikernel;
    const keep = (final: { readonly askAgainAt: Milliseconds }, traffic?: Traffic): boolean => {
      if (wasReady) this.life.on(unikernel, 'kept');
      else doormen?.stepAside(unikernel);
      return this.#keep(unikernel, final, traffic);
    };
    const known = this.#verdict(unikernel, first);
    if ('askAgainAt' in known) return keep(known);
    const armed = doormen?.beforeVerdict(unikernel);
    if (armed !== undefined) await armed;
    const last = await observe();
    if (!this.#mayStop(unikernel) || unikernel.phase !== phase) return false;
    const final = this.#verdict(unikernel, last);
    if ('askAgainAt' in final) return keep(final, last);
    this.#stop(unikernel, final.stop);
    return true;
  }

  /**
   * A summon, stop or start under way ends with another call where the unikernel runs then. A machine that is down, or in
   * an unknown state, is not stopped.
   */
  #mayStop({ summon, stops, starting, state }: Unikernel): boolean {
    return !(this.#disposed || summon || stops || starting || state !== 'running');
  }

  /** @param traffic what keeps it, where that does */
  #keep(unikernel: Unikernel, { askAgainAt }: { readonly askAgainAt: Milliseconds }, traffic?: Traffic): true {
    if (traffic === undefined) this.#traffic.delete(unikernel);
    else this.#traffic.set(unikernel, traffic);
    this.#deadlines.set(unikernel, askAgainAt);
    return true;
  }

  #stop(unikernel: Unikernel, reason: string): void {
    this.#traffic.delete(unikernel);
    this.life.reap(unikernel, reason);
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
    if ('keepUntil' in opinion) return { askAgainAt: Math.min(askAgainAt, opinion.keepUntil) };
    askAgainAt = Math.min(askAgainAt, opinion.undecidedUntil);
  }
  return { askAgainAt };
}
