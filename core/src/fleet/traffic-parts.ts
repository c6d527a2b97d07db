import type { Settings } from '../config/settings.js';
import type { ActivitySource } from '../contracts/activity-source.js';
import type { Clock } from '../contracts/clock.js';
import type { Doorman } from '../contracts/doorman.js';
import type { Logger } from '../contracts/logger.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import { errorCode, errorMessage } from '../errors.js';
import { ActivitySources } from '../lifecycle/activity-sources.js';
import { DisposableClock } from '../lifecycle/disposable-clock.js';
import { Doormen } from '../lifecycle/doormen.js';
import { GuardedActivitySource } from '../lifecycle/guarded-activity-source.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import { GuardedDoorman } from '../lifecycle/guarded-doorman.js';
import { endpointsOf } from '../lifecycle/service-endpoints.js';
import type { Unikernel } from '../lifecycle/unikernel.js';
import type { Instances } from './instances.js';
import type { BackendFinding } from './check-backends.js';
import { limitedClose } from './limited-close.js';

/** A source or a doorman, as its plugin gives it. */
interface Part {
  /** As in messages, with its kind. */
  readonly title: string;
  readonly part: ActivitySource | Doorman;
}

/** All activity sources and doormen: those of the configuration, and those of backends for their own machines. */
export class TrafficParts {
  /** `undefined` where there are none. */
  readonly sources: ActivitySources | undefined;
  readonly doormen: Doormen | undefined;
  readonly #clock: DisposableClock;
  /** In the order of opening. */
  readonly #parts: readonly Part[];

  /**
   * Makes those of the configuration, without opening any.
   * @param relay the doorman of Jitsu's own relays
   */
  constructor(
    settings: Pick<Settings, 'activitySources' | 'doormen'>,
    instances: Pick<Instances, 'configured' | 'rootNeeds'>,
    backends: Iterable<GuardedBackend>,
    private readonly context: { readonly clock: Clock; readonly logger: Logger },
    relay?: Doorman,
  ) {
    this.#clock = new DisposableClock(context.clock);
    const parts = new Map<ActivitySource | Doorman, Part>();
    const sources = new Map<ActivitySource, GuardedActivitySource>();
    const doormen: GuardedDoorman[] = [];
    const addSource = (name: string, source: ActivitySource | undefined, backend?: string): void => {
      if (source === undefined || sources.has(source)) return;
      const logger = context.logger.child({ activitySource: name });
      sources.set(source, new GuardedActivitySource(name, source, backend, this.#clock, logger));
      parts.set(source, { title: `The activity source ${name}`, part: source });
    };
    const addDoorman = (name: string, doorman: Doorman | undefined, backend?: string): void => {
      if (doorman === undefined) return;
      const logger = context.logger.child({ doorman: name });
      doormen.push(new GuardedDoorman(name, doorman, backend, this.#clock, logger));
      parts.set(doorman, { title: `The doorman ${name}`, part: doorman });
      addSource(name, doorman.activity, backend);
    };
    // What a unikernel is configured with itself takes precedence, then what a backend does for its own machines.
    addDoorman('relay', relay);
    for (const { name, activity, doorman } of backends) {
      for (const part of [activity, doorman, doorman?.activity]) {
        if (typeof part?.needsRoot === 'string') instances.rootNeeds.push({ name, reason: part.needsRoot });
      }
      addSource(name, activity, name);
      addDoorman(name, doorman, name);
    }
    for (const source of settings.activitySources) addSource(source.contribution.name, instances.configured(source));
    for (const doorman of settings.doormen) addDoorman(doorman.contribution.name, instances.configured(doorman));
    this.sources = sources.size === 0 ? undefined : new ActivitySources([...sources.values()], this.#clock);
    this.doormen = doormen.length === 0 ? undefined : new Doormen(doormen);
    this.#parts = [...parts.values()];
  }

  /**
   * Rejects with a problem that only people can solve, for which one of them can never work.
   * @param connect opens one, as whom it has to be opened
   */
  async open(connect: (open: () => Promise<void>, needsRoot: string | undefined) => Promise<void>): Promise<void> {
    for (const { part } of this.#parts) await connect(async () => part.open?.(), part.needsRoot);
  }

  /** The mark of the packets of probes, by which a doorman knows them. */
  get probeMark(): number | undefined {
    return this.#doormen.map(({ probeMark }) => probeMark).find((mark) => mark !== undefined);
  }

  /** What a start would object to, and a warning where something of these unikernels cannot be known. */
  async check(unikernels: Settings['unikernels']): Promise<readonly BackendFinding[]> {
    const findings: BackendFinding[] = [];
    for (const { title, part } of this.#parts) {
      if ('observe' in part) findings.push(...tooLongIdle(title, part, unikernels));
      try {
        if ('check' in part) await part.check();
      } catch (error) {
        const code = errorCode(error) ?? 'JITSU_DOORMAN_FAILED';
        findings.push({ backend: title, code, message: errorMessage(error) });
      }
    }
    return findings;
  }

  /** Tells the doormen all that they may have to arm when Jitsu is not root any more. */
  async beforeDrop(user: number, unikernels: () => Iterable<Unikernel>): Promise<void> {
    for (const doorman of this.#doormen) await doorman.beforeDrop?.(user, endpointsOfAll(unikernels()));
  }

  get #doormen(): readonly Doorman[] {
    return this.#parts.flatMap(({ part }) => ('arm' in part ? part : []));
  }

  /** Closes all of them, also after one has failed to open or to close; rejects with the first failure. */
  async close(): Promise<void> {
    this.doormen?.[Symbol.dispose]();
    const closed = await Promise.allSettled(
      this.#parts.map(({ title, part }) => limitedClose(title, async () => part.close?.(), this.context)),
    );
    this.#clock[Symbol.dispose]();
    for (const outcome of closed) if (outcome.status === 'rejected') throw outcome.reason;
  }
}

function tooLongIdle(
  title: string,
  { longestIdle = Infinity }: ActivitySource,
  unikernels: Settings['unikernels'],
): readonly BackendFinding[] {
  const first = unikernels.find(({ useRules }) => useRules.idle > longestIdle);
  if (first === undefined) return [];
  const seconds = longestIdle / 1_000;
  const message = `It does not know what has been idle for more than ${seconds} s, and traffic.idle of ${first.name} is ${first.useRules.idle / 1_000} s: whatever it watches with such a traffic.idle is never stopped for want of use. Set ${seconds} at most.`;
  return [{ backend: title, code: 'JITSU_DOORMAN_FAILED', message, isWarning: true }];
}

function* endpointsOfAll(unikernels: Iterable<Unikernel>): Generator<ServiceEndpoints, void, undefined> {
  for (const unikernel of unikernels) yield endpointsOf(unikernel);
}
