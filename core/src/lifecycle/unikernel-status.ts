import { aheadOf } from '../clock.js';
import type { Clock } from '../contracts/clock.js';
import type { MachineId, PowerState, StopMode } from '../contracts/machine.js';
import type { StoredReadyTimes } from '../contracts/state-store.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Doormen } from './doormen.js';
import type { Keeps } from './keeps.js';
import { PHASE_NAMES } from './life.js';
import type { Needs } from './needs.js';
import type { ReadyTimes } from './ready-times.js';
import type { Reaper } from './reaper.js';
import type { Failure, NameCounter, Unikernel } from './unikernel.js';

export interface NameStatus {
  readonly name: string;
  readonly requests: number;
  readonly lastAsked?: Milliseconds;
}

export interface UnikernelStatus {
  readonly name: string;
  /** Absent until its backend has handed out its machine. */
  readonly id?: MachineId;
  readonly backend: string;
  readonly addresses: readonly string[];
  readonly ttl: Milliseconds;
  readonly stopMode: StopMode;
  readonly state: PowerState;
  /** Its phase: `summoning` and `stopping` are under way, `failing` is in back-off. */
  readonly phase: 'down' | 'summoning' | 'ready' | 'stopping' | 'failing' | 'running';
  readonly domainId?: number;
  readonly macs: readonly string[];
  readonly startedAt?: Milliseconds;
  readonly totalStarts: number;
  readonly names: readonly NameStatus[];
  /** When it will be stopped without further queries; absent where it is down, is stopped, or kept without limit. */
  readonly stopAt?: Milliseconds;
  /** What keeps it until then, as it stands behind "kept by"; absent where it does not run, or no policy says it. */
  readonly keptBy?: string;
  /** Until when `jitsu keep` keeps it, also where it does not run now; absent where it does not. */
  readonly keptUntil?: Milliseconds;
  /**
   * Where it is configured to be answered for at once, whether it is: not where its first packets are not held. Absent where
   * it is answered for when it is ready.
   */
  readonly answersAtOnce?: boolean;
  /** How long it usually takes from its start, or what it comes up from now, until it is ready; absent before its first boot. */
  readonly usuallyReadyIn?: Milliseconds;
  /** The last such times, from off (`start`) and from what was kept of it (`resume`), the newest last. */
  readonly readyTimes?: StoredReadyTimes;
  /** The names of those that need it and run, or may: they keep it running. Absent where there are none. */
  readonly neededBy?: readonly string[];
  /** Whether first packets to it are held now, so that a connection wakes it as a query does. */
  readonly armed?: true;
  /** What has changed in its definition since it was started, as `command and ip`; absent where nothing has. */
  readonly outdated?: string;
  /** Why the last summon has failed, and when the next one may begin. */
  readonly failure?: Failure;
  /** The last lines that it has written, oldest first; only in the report of this one unikernel. */
  readonly output?: readonly string[];
  /** Why its backend cannot tell it. */
  readonly outputProblem?: string;
}

/** What knows of unikernels beside their records. */
interface Knowing {
  readonly reaper: Pick<Reaper, 'outlook'>;
  readonly keeps: Pick<Keeps, 'byCommand'>;
  readonly times: Pick<ReadyTimes, 'of' | 'next'>;
  readonly needs: Pick<Needs, 'usersOf'>;
  readonly doormen: Pick<Doormen, 'isArmed' | 'isHeld'> | undefined;
}

/** Tells the status of unikernels at this moment. */
export class UnikernelStatuses {
  constructor(
    private readonly knowing: Knowing,
    private readonly clock: Pick<Clock, 'now' | 'wallTime'>,
  ) {}

  of(unikernel: Unikernel): UnikernelStatus {
    const { reaper, keeps, times, needs, doormen } = this.knowing;
    const keptUntil = keeps.byCommand(unikernel);
    const keeping = { ...reaper.outlook(unikernel), keptUntil, isHeld: doormen?.isHeld(unikernel) === true };
    const usuallyReadyIn = times.next(unikernel);
    const readyTimes = times.of(unikernel);
    const neededBy = needs.usersOf(unikernel).map(({ name }) => name);
    return {
      ...statusOf(unikernel, keeping, aheadOf(this.clock)),
      ...(neededBy.length > 0 && { neededBy }),
      ...(doormen?.isArmed(unikernel) === true && { armed: true }),
      ...(usuallyReadyIn !== undefined && { usuallyReadyIn }),
      ...(readyTimes !== undefined && { readyTimes }),
    };
  }
}

/** What keeps a unikernel from being stopped. */
interface Keeping {
  readonly stopAt?: Milliseconds;
  readonly why?: string | undefined;
  /** By the wall clock. */
  readonly keptUntil?: Milliseconds | undefined;
  /** Whether first packets are held where it is not ready. */
  readonly isHeld?: boolean;
}

/**
 * The status of a unikernel at this moment, with times of the wall clock.
 * @param ahead how far that is ahead of the clock of the unikernel's times
 */
export function statusOf(
  unikernel: Unikernel,
  { stopAt, why, keptUntil, isHeld = false }: Keeping,
  ahead: Milliseconds,
): UnikernelStatus {
  const { plan, phase, state, domainId, addresses, macs, startedAt, totalStarts, failure, counted, outdated } =
    unikernel;
  const { name, id, backendName, ttl, stopMode } = plan;
  const names = counted
    ? [...counted.values()].map((counter) => nameStatusOf(counter, ahead))
    : plan.names.map((dnsName) => ({ name: dnsName, requests: 0 }));
  return {
    ...{
      name,
      ...(id !== '' && { id }),
      backend: backendName,
      addresses,
      ttl,
      stopMode,
      state,
      phase: PHASE_NAMES[phase],
    },
    ...{ macs, totalStarts, names },
    ...(domainId !== undefined && { domainId }),
    ...(startedAt !== undefined && { startedAt: startedAt + ahead }),
    ...(outdated !== undefined && { outdated }),
    ...(PHASE_NAMES[phase] !== 'stopping' && {
      ...(stopAt !== undefined && { stopAt: stopAt + ahead }),
      ...(why !== undefined && { keptBy: why }),
    }),
    ...(keptUntil !== undefined && { keptUntil }),
    ...(plan.answersAtOnce === true && { answersAtOnce: unikernel.ready || isHeld }),
    ...(failure !== undefined && {
      failure: {
        ...{ at: failure.at + ahead, code: failure.code, reason: failure.reason, count: failure.count },
        ...(failure.retryAt !== undefined && { retryAt: failure.retryAt + ahead }),
      },
    }),
  };
}

function nameStatusOf({ name, requests, lastAsked }: NameCounter, ahead: Milliseconds): NameStatus {
  return { name, requests, ...(lastAsked !== undefined && { lastAsked: lastAsked + ahead }) };
}
