import type { Clock } from '../contracts/clock.js';
import type { WakeCause } from '../contracts/lifecycle-event.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage, JitsuError, shuttingDown } from '../errors.js';
import type { Announcer } from './announcer.js';
import type { BackOff } from '../plugin-kit/back-off.js';
import { Boot } from './boot.js';
import type { BootQueue } from './boot-queue.js';
import type { Unikernel } from './unikernel.js';

/** Brings unikernels to ready. */
export interface Summons {
  /**
   * Resolves when the unikernel's service answers: at once where it is ready. All who ask meanwhile share one boot.
   * @throws JITSU_SUMMON_DEADLINE, JITSU_SUMMON_DIED, JITSU_SUMMON_BACKING_OFF, JITSU_BOOT_QUEUE_FULL,
   *   JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_FAILED, JITSU_STOPPED_BY_COMMAND, JITSU_SHUTTING_DOWN
   */
  summon(unikernel: Unikernel, cause: WakeCause): Promise<void>;
}

/** Failures that do not lie in the unikernel itself, and are no reason to leave it alone. */
const NOT_ITS_FAULT: ReadonlySet<string> = new Set([
  'JITSU_BACKEND_UNREACHABLE',
  'JITSU_BOOT_QUEUE_FULL',
  'JITSU_STOPPED_BY_COMMAND',
  'JITSU_SHUTTING_DOWN',
]);

/** One summon a unikernel at a time, within a deadline, with a bounded number of boots, and a pause after failures. */
export class Summoner implements Summons {
  readonly #summoned = new Set<Unikernel>();
  #closed: JitsuError | undefined;

  /** `onUp` is told of each unikernel that runs when its summon ends, well or badly, so that it is reaped in time. */
  constructor(
    private readonly queue: BootQueue,
    private readonly backOff: BackOff,
    private readonly announcer: Announcer,
    private readonly clock: Clock,
    private readonly onUp: (unikernel: Unikernel) => void,
  ) {}

  summon(unikernel: Unikernel, cause: WakeCause): Promise<void> {
    if (unikernel.ready) return Promise.resolve();
    if (unikernel.summon) return unikernel.summon.promise;
    const refusal = this.#closed ?? this.#leftAlone(unikernel, cause);
    if (refusal) return Promise.reject(refusal);

    const controller = new AbortController();
    const boot = new Boot(unikernel, cause, this.queue, this.announcer, this.clock, this.onUp);
    const promise = this.#run(unikernel, cause, boot, controller);
    unikernel.summon = { promise, hasLooked: () => boot.looked, abort: (error) => controller.abort(error) };
    this.#summoned.add(unikernel);
    return promise;
  }

  /** Refuses new summons and waits for those under way; they are ended when the signal aborts. */
  async close(signal: AbortSignal): Promise<void> {
    const reason = shuttingDown();
    this.#closed = reason;
    const endAll = (): void => {
      for (const unikernel of this.#summoned) unikernel.summon?.abort(reason);
    };
    if (signal.aborted) endAll();
    signal.addEventListener('abort', endAll, { once: true });
    await Promise.allSettled([...this.#summoned].flatMap(({ summon }) => summon?.promise ?? []));
    signal.removeEventListener('abort', endAll);
  }

  async #run(unikernel: Unikernel, cause: WakeCause, boot: Boot, controller: AbortController): Promise<void> {
    const wokenAt = this.clock.now();
    using _deadline = this.clock.after(unikernel.plan.deadline, () => controller.abort(tooLate(unikernel, boot.began)));
    try {
      await boot.run(controller.signal);
      this.#ended(unikernel);
      unikernel.failure = undefined;
      // Of a machine in an unknown state no promise is kept: the next query looks again.
      unikernel.ready = unikernel.state === 'running';
      this.announcer.announce(unikernel, 'ready', { cause, duration: this.clock.now() - wokenAt });
    } catch (error) {
      this.#ended(unikernel);
      this.#failed(unikernel, cause, error, boot.began);
      throw error;
    } finally {
      if (unikernel.state === 'running') this.onUp(unikernel);
    }
  }

  #ended(unikernel: Unikernel): void {
    unikernel.summon = undefined;
    unikernel.lastSummoned = this.clock.now();
    this.#summoned.delete(unikernel);
  }

  #leftAlone({ name, failure }: Unikernel, cause: WakeCause): JitsuError | undefined {
    // A person who asks for it by command wants it tried now.
    if (!failure || cause.kind === 'command') return undefined;
    const left = failure.retryAt - this.clock.now();
    if (left <= 0) return undefined;
    const times = failure.count === 1 ? 'once' : `${failure.count} times in a row`;
    return new JitsuError(
      'JITSU_SUMMON_BACKING_OFF',
      `${name} failed ${times} and is left alone for ${seconds(left)} more. Last: ${failure.reason}`,
    );
  }

  #failed(unikernel: Unikernel, cause: WakeCause, error: unknown, booted: boolean): void {
    const code = errorCode(error) ?? 'JITSU_BACKEND_FAILED';
    const reason = errorMessage(error);
    const queuedTooLong = code === 'JITSU_SUMMON_DEADLINE' && !booted && unikernel.state !== 'running';
    if (!NOT_ITS_FAULT.has(code) && !queuedTooLong) {
      const at = this.clock.now();
      const count = (unikernel.failure?.count ?? 0) + 1;
      unikernel.failure = { at, code, reason, count, retryAt: at + this.backOff.after(count) };
    }
    this.announcer.announce(unikernel, 'failed', { cause, code, reason });
  }
}

function tooLate({ name, state, plan }: Unikernel, began: boolean): JitsuError {
  const limit = seconds(plan.deadline);
  const why =
    state === 'running'
      ? 'It runs, but its service does not answer. Check its ready: probe and its log, or raise its deadline.'
      : began
        ? `Its backend has not got it to run yet (${state}). Check the backend, or raise its deadline.`
        : 'It is still waiting for its turn to boot. Raise boot.limit or its deadline.';
  return new JitsuError('JITSU_SUMMON_DEADLINE', `${name} was not ready within ${limit}. ${why}`);
}

function seconds(duration: Milliseconds): string {
  return `${Math.ceil(duration / 100) / 10} s`;
}
