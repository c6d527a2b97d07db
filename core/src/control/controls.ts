import { aheadOf } from '../clock.js';
import { BadControlRequest } from './control-request.js';
import { keepUntil } from './keep-until.js';
import type {
  ControlActions,
  FlushReport,
  GroupReport,
  KeepReport,
  KeepTime,
  StatusReport,
  SummonReport,
  UnikernelStatus,
} from './status-report.js';
import type { StopMode } from '../contracts/machine.js';
import type { Clock } from '../contracts/clock.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { HistoryQuery, StateStore } from '../contracts/state-store.js';
import type { CacheStatus, CachingResolver } from '../dns/cache/caching-resolver.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Strays } from '../fleet/strays.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import type { Unikernel } from '../lifecycle/unikernel.js';
import type { HistoryWriter } from '../state/history-writer.js';
import { VERSION } from '../version.js';

/** The most unikernels in a report; building a longer one would delay DNS responses. */
const MAX_REPORTED = 10_000;

/** Configuration file, DNS listeners, UDP transport, cache, and the status of each notifier. */
export interface ControlContext {
  readonly file: string | undefined;
  listening(): StatusReport['listening'];
  /** Absent where it is not known whether Jitsu runs as root. */
  runsAs(): StatusReport['runsAs'] | undefined;
  /** What is wrong with the state store; absent where nothing is. */
  storeProblem(): string | undefined;
  /** Why processes that have ended pile up; absent where they do not. */
  initProblem(): string | undefined;
  /** The doormen that can hold nothing, with the reasons. */
  lostDoormen(): NonNullable<StatusReport['lostDoormen']>;
  udpTransport(): StatusReport['udpTransport'] | undefined;
  /** The number of refused queries since the start, by kind. */
  refused(): StatusReport['dns']['refused'];
  /** What was found in the answers of upstreams; absent before DNS is answered. */
  upstreamAnswers(): StatusReport['dns']['upstreamAnswers'] | undefined;
  notifiers(): StatusReport['notifiers'];
  /** Absent before DNS is answered. */
  cache(): Pick<CachingResolver, 'status' | 'flush'> | undefined;
  /** Counts the packet cache's hits that are not counted yet. */
  settleUses(): void;
  /** Empties the packet cache of forwarded answers. */
  forgetReusable(): void;
}

const NOTHING_CACHED: CacheStatus = { hits: 0, misses: 0, stale: 0, prefetches: 0, entries: 0, bytes: 0, size: 0 };

const NO_ANSWERS: StatusReport['dns']['upstreamAnswers'] = { malformed: 0, scrubbed: 0, rebinding: 0 };

/** Implements the actions of the control socket. */
export class Controls implements ControlActions {
  readonly #startedAt: Milliseconds;

  constructor(
    private readonly context: ControlContext,
    private readonly fleet: Fleet,
    private readonly strays: Pick<Strays, 'get' | 'values'>,
    private readonly lifecycle: Pick<Lifecycle, 'summon' | 'stop' | 'stopTogether' | 'membersOf' | 'status' | 'keep'>,
    private readonly writer: HistoryWriter,
    private readonly store: StateStore,
    private readonly clock: Clock,
  ) {
    this.#startedAt = clock.now();
  }

  status(): StatusReport {
    this.context.settleUses();
    const { unikernels } = this.fleet;
    const further = unikernels.size - MAX_REPORTED;
    const reported = selectForStatus(unikernels, MAX_REPORTED).map((unikernel) => this.lifecycle.status(unikernel));
    return { ...this.#report(reported), ...(further > 0 && { further }) };
  }

  async statusOf(name: string): Promise<StatusReport> {
    const unikernel = this.#findAlone(name);
    const written = await unikernel.plan.machine.recentOutput().then(
      (output) => ({ output }),
      // Who asks looks for a reason, of which the rest of the status may tell more.
      (error: unknown) => ({ outputProblem: errorMessage(error) }),
    );
    this.context.settleUses();
    return this.#report([{ ...this.lifecycle.status(unikernel), ...written }]);
  }

  #report(unikernels: readonly UnikernelStatus[]): StatusReport {
    const { file } = this.context;
    const udpTransport = this.context.udpTransport();
    const runsAs = this.context.runsAs();
    const storeProblem = this.context.storeProblem();
    const strays = [...this.strays.values()].map((stray) => this.lifecycle.status(stray));
    const initProblem = this.context.initProblem();
    const lostDoormen = this.context.lostDoormen();
    return {
      version: VERSION,
      pid: process.pid,
      now: this.clock.wallTime(),
      startedAt: this.#startedAt + aheadOf(this.clock),
      ...(file !== undefined && { configFile: file }),
      listening: this.context.listening(),
      ...(udpTransport !== undefined && { udpTransport }),
      ...(runsAs !== undefined && { runsAs }),
      ...(storeProblem !== undefined && { storeProblem }),
      ...(initProblem !== undefined && { initProblem }),
      ...(lostDoormen.length > 0 && { lostDoormen }),
      dns: {
        cache: this.context.cache()?.status ?? NOTHING_CACHED,
        refused: this.context.refused(),
        upstreamAnswers: this.context.upstreamAnswers() ?? NO_ANSWERS,
      },
      unikernels,
      ...(strays.length > 0 && { strays }),
      notifiers: this.context.notifiers(),
    };
  }

  async summon(name: string): Promise<SummonReport> {
    return this.#summon(this.#findConfigured(name));
  }

  async summonGroup(group: string): Promise<GroupReport<SummonReport>> {
    const members = this.#membersOf(group);
    const reports = new Map<Unikernel, SummonReport>();
    const failures = new Map<Unikernel, unknown>();
    const summoned = members.map((member) =>
      this.#summon(member).then(
        (report) => reports.set(member, report),
        (error: unknown) => failures.set(member, error),
      ),
    );
    await Promise.all(summoned);
    return groupReport(members, failures, (member) => reports.get(member) as SummonReport);
  }

  async #summon(unikernel: Unikernel): Promise<SummonReport> {
    const wasReady = unikernel.ready;
    await this.lifecycle.summon(unikernel, { kind: 'command' });
    return { ...this.lifecycle.status(unikernel), wasReady };
  }

  async stop(name: string, mode?: StopMode): Promise<UnikernelStatus> {
    const unikernel = this.#find(name);
    this.#checkMode(unikernel, mode);
    await this.lifecycle.stop(unikernel, 'by command', mode);
    return this.lifecycle.status(unikernel);
  }

  async stopGroup(group: string, mode?: StopMode): Promise<GroupReport<UnikernelStatus>> {
    const members = this.#membersOf(group);
    for (const member of members) this.#checkMode(member, mode);
    const failures = await this.lifecycle.stopTogether(members, 'by command', mode);
    return groupReport(members, failures, (member) => this.lifecycle.status(member));
  }

  /** It is checked here, too: the lifecycle would end a summon before the machine refuses. */
  #checkMode({ name, plan }: Unikernel, mode: StopMode | undefined): void {
    if (mode !== undefined) this.fleet.backends.get(plan.backendName)?.checkStopMode(name, mode);
  }

  /** @throws JITSU_UNIKERNEL_UNKNOWN */
  #membersOf(group: string): readonly Unikernel[] {
    const members = this.lifecycle.membersOf(group);
    if (members.length > 0) return members;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `There is no group ${group}.`);
  }

  async keep(name: string, time: KeepTime): Promise<KeepReport> {
    const unikernel = this.#findAlone(name, (wanted) => this.fleet.find(wanted));
    this.lifecycle.keep(unikernel, keepUntil(time, this.clock.wallTime()));
    return { ...this.lifecycle.status(unikernel), isStored: this.store.durable };
  }

  /** @throws JITSU_UNIKERNEL_UNKNOWN */
  #findConfigured(name: string): Unikernel {
    try {
      return this.fleet.find(name);
    } catch (error) {
      const stray = this.strays.get(name);
      if (stray === undefined) throw error;
      const message = `${name} runs, but is not in the configuration any more, and so cannot be summoned. "jitsu stop ${name}" stops it.`;
      throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', message, { cause: error });
    }
  }

  /**
   * Also what is not configured any more, and what an earlier Jitsu has started of a unikernel whose backend cannot take it
   * over. @throws JITSU_UNIKERNEL_UNKNOWN
   */
  #find(name: string): Unikernel {
    const stray = this.strays.get(name);
    if (stray !== undefined) return stray;
    return this.fleet.find(name);
  }

  /** For what is done with one alone: says so where the name is that of a group. @throws JITSU_UNIKERNEL_UNKNOWN */
  #findAlone(name: string, find = (wanted: string) => this.#find(wanted)): Unikernel {
    try {
      return find(name);
    } catch (error) {
      const members = this.lifecycle.membersOf(name).map((member) => member.name);
      if (members.length === 0) throw error;
      const message = `${name} is a group, and this is for one unikernel alone: name one of ${members.join(', ')}.`;
      throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', message, { cause: error });
    }
  }

  async flush(name?: string): Promise<FlushReport> {
    try {
      const flushed = this.context.cache()?.flush(name) ?? 0;
      this.context.forgetReusable();
      return { flushed };
    } catch (error) {
      throw error instanceof RangeError ? new BadControlRequest(400, `${error.message}.`) : error;
    }
  }

  async history(query: HistoryQuery): Promise<readonly LifecycleEvent[]> {
    await this.writer.flush();
    const events = await this.store.history(query);
    if (events.length > 0 || query.unikernel === undefined) return events;
    const { name } = this.#findAlone(query.unikernel);
    return name === query.unikernel ? events : this.store.history({ ...query, unikernel: name });
  }
}

function groupReport<Report>(
  members: readonly Unikernel[],
  failures: ReadonlyMap<Unikernel, unknown>,
  reportOf: (member: Unikernel) => Report,
): GroupReport<Report> {
  return {
    unikernels: members.filter((member) => !failures.has(member)).map(reportOf),
    failures: [...failures].map(([{ name }, error]) => ({
      unikernel: name,
      code: errorCode(error) ?? 'JITSU_CONTROL_FAILED',
      message: errorMessage(error),
    })),
  };
}

/**
 * Selects the unikernels of a report, at most `limit`: all if they fit, otherwise first those that were queried, run or
 * have failed, then others in the order of the configuration.
 */
export function selectForStatus(
  unikernels: { readonly size: number; values(): Iterable<Unikernel> },
  limit: number,
): readonly Unikernel[] {
  if (unikernels.size <= limit) return [...unikernels.values()];
  const eventful: Unikernel[] = [];
  const quiet: Unikernel[] = [];
  for (const unikernel of unikernels.values()) {
    const list = isEventful(unikernel) ? eventful : quiet;
    if (list.length < limit) list.push(unikernel);
  }
  return eventful.concat(quiet.slice(0, limit - eventful.length));
}

/** Whether the unikernel was queried, runs, or has failed. */
function isEventful({ phase, state, counted }: Unikernel): boolean {
  return counted !== undefined || state !== 'off' || phase !== 'down';
}
