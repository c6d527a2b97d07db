import type { Clock } from '../contracts/clock.js';
import type { WakeCause } from '../contracts/lifecycle-event.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { JitsuError } from '../errors.js';
import type { Announcer } from './announcer.js';
import type { BootQueue } from './boot-queue.js';
import { look } from './look.js';
import { untilReady } from './readiness.js';
import type { Unikernel } from './unikernel.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import { wakeStep, type WakeStep } from './wake-step.js';

type Action = Exclude<WakeStep, 'none' | 'wait'>;

/** How often a machine that is on its way to another state is looked at again. */
const TRANSITION_POLL: Milliseconds = 20;

const EVENTS = { start: 'started', resume: 'resumed', unpause: 'unpaused' } as const;

/** The steps from whatever state a machine is in to a service that answers. One instance a summon. */
export class Boot {
  /** Whether it knows how its machine is. */
  looked = false;
  /** Whether a machine was told to run. */
  began = false;

  /** `onUp` is told when a machine is found up, also after its summon has been given up. */
  constructor(
    private readonly unikernel: Unikernel,
    private readonly cause: WakeCause,
    private readonly queue: BootQueue,
    private readonly announcer: Announcer,
    private readonly clock: Clock,
    private readonly onUp: (unikernel: Unikernel) => void,
  ) {}

  /** Resolves when the service answers; rejects with the signal's reason when it aborts first. */
  async run(signal: AbortSignal): Promise<void> {
    const { unikernel, clock } = this;
    if (unikernel.stopping) await untilAborted(unikernel.stopping, signal);
    await untilAborted(this.#look(), signal);
    this.looked = true;
    if (wakeStep(unikernel.state) === 'none') return untilReady(unikernel, false, clock, signal);

    this.announcer.announce(unikernel, 'summoning', { cause: this.cause });
    const leave = await this.queue.enter(signal);
    let operation = Promise.resolve();
    try {
      const step = await this.#untilSettled(signal);
      if (step !== 'none') {
        operation = this.#execute(step);
        await untilAborted(operation, signal);
        this.announcer.announce(unikernel, EVENTS[step], { cause: this.cause });
        if ((await this.#untilSettled(signal)) !== 'none') throw died(unikernel);
      }
      await untilReady(unikernel, true, clock, signal);
    } finally {
      // A start that outlives its summon still takes up a place, and what it brings up must be reaped in time.
      const afterwards = (): void => {
        leave();
        if (signal.aborted && unikernel.state === 'running') this.onUp(unikernel);
      };
      operation.then(afterwards, afterwards);
    }
  }

  async #execute(step: Action): Promise<void> {
    this.began = true;
    await this.unikernel.plan.machine[step]();
    this.unikernel.started(this.clock.now());
    await this.#look();
  }

  async #untilSettled(signal: AbortSignal): Promise<Action | 'none'> {
    for (;;) {
      const step = wakeStep(this.unikernel.state);
      if (step !== 'wait') return step;
      await this.clock.sleep(TRANSITION_POLL, signal);
      await untilAborted(this.#look(), signal);
    }
  }

  async #look(): Promise<void> {
    await look(this.unikernel);
    // Whoever follows it has to know while its service is waited for: it may end before.
    if (this.unikernel.state === 'running') this.onUp(this.unikernel);
  }
}

/** The error of a summon whose machine went down before its service answered. */
export function died({ name, detail, state }: Unikernel): JitsuError {
  return new JitsuError(
    'JITSU_SUMMON_DIED',
    `${name} went ${state} before its service answered${detail ? `: ${detail}` : ''}. Check its log and its configuration.`,
  );
}
