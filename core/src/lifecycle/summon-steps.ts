import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorMessage, JitsuError } from '../errors.js';
import type { Endpoint } from '../net/endpoint.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import { checkAddressesFree } from './address-conflict.js';
import type { AddressDoubts } from './address-doubts.js';
import type { Announcer } from './announcer.js';
import type { BootQueue } from './boot-queue.js';
import { CALL_LIMIT } from './guarded-backend.js';
import type { NeighbourWait } from './guest-neighbours.js';
import type { LifeReports } from './life-reports.js';
import type { Needs } from './needs.js';
import { look } from './power-follower.js';
import { untilReady } from './readiness.js';
import type { Summon } from './summon.js';
import type { Unikernel } from './unikernel.js';

/** The interval at which a machine that changes state is looked at. */
const TRANSITION_POLL: Milliseconds = 20;

/**
 * How long the service of an outdated machine is waited for, and at most half of the deadline: it has been running, and
 * may never answer in the way that is configured now.
 */
const OUTDATED_PATIENCE: Milliseconds = 5_000;

const EXECUTED = { start: 'started', resume: 'resumed', unpause: 'unpaused' } as const;

/**
 * The steps of a summon, each of which ends in one event of the unikernel's life. A step that outlives its summon does
 * not affect it.
 */
export class SummonSteps {
  /** What runs and is no configured unikernel's any more. */
  readonly strays = new Set<Unikernel>();
  /** The starts under way; they abort when nobody waits for them any more. */
  readonly #starts = new Map<Unikernel, AbortController>();

  constructor(
    private readonly life: LifeReports,
    private readonly boots: BootQueue,
    private readonly announcer: Announcer,
    private readonly doubts: AddressDoubts,
    private readonly needs: Needs,
    private readonly clock: Clock,
    private readonly onProbing?: (unikernel: Unikernel) => NeighbourWait | undefined,
  ) {}

  /** @param summonNeed brings one of its needs to ready */
  async need(unikernel: Unikernel, summonNeed: (need: Unikernel) => Promise<void>): Promise<void> {
    const summon = unikernel.summon as Summon;
    try {
      await this.needs.meet(unikernel, summonNeed, summon.controller.signal);
      if (unikernel.summon === summon) this.life.on(unikernel, 'met');
    } catch (error) {
      this.life.failed(unikernel, summon, error);
    }
  }

  async look(unikernel: Unikernel): Promise<void> {
    const { summon } = unikernel;
    try {
      await look(unikernel, (description) => {
        // A look that outlives its summon is as good as any other.
        this.life.on(unikernel, unikernel.summon === summon ? 'looked' : 'learnt', description);
      });
    } catch (error) {
      this.life.failed(unikernel, summon, error);
    }
  }

  async queue(unikernel: Unikernel): Promise<void> {
    const summon = unikernel.summon as Summon;
    summon.boots = true;
    this.announcer.announce(unikernel, 'summoning', { cause: summon.cause });
    try {
      const leave = await this.boots.enter(summon.controller.signal);
      if (unikernel.summon !== summon) return leave();
      summon.leave = leave;
      this.life.on(unikernel, 'turn');
    } catch (error) {
      this.life.failed(unikernel, summon, error);
    }
  }

  async poll(unikernel: Unikernel): Promise<void> {
    const summon = unikernel.summon as Summon;
    await this.clock.sleep(TRANSITION_POLL, summon.controller.signal).catch(() => {});
    if (unikernel.summon === summon) return this.look(unikernel);
  }

  async execute(unikernel: Unikernel, step: keyof typeof EXECUTED): Promise<void> {
    const summon = unikernel.summon as Summon;
    summon.began = true;
    summon.boot = { rise: step === 'start' ? 'start' : 'resume', at: this.clock.now() };
    const patience = new AbortController();
    this.#starts.set(unikernel, patience);
    const limit = this.clock.after(CALL_LIMIT, () => this.giveUp(unikernel));
    let failure: { readonly error: unknown } | undefined;
    try {
      // What is resumed has its port already.
      if (step === 'start') {
        const onElsewhere = (endpoint: Endpoint): void => this.doubts.beforeStart(unikernel, endpoint);
        await checkAddressesFree(unikernel, this.clock, onElsewhere, this.strays);
      }
      await untilAborted(unikernel.plan.machine[step](), patience.signal);
      this.life.started(unikernel);
      const looked = look(unikernel, (description) => this.life.note(unikernel, description));
      await untilAborted(looked, patience.signal);
    } catch (error) {
      failure = { error };
      // It may come up at any time: a stop must not take it for one that is off.
      if (patience.signal.aborted) this.life.note(unikernel, { state: 'unknown', detail: errorMessage(error) });
    }
    limit[Symbol.dispose]();
    this.#starts.delete(unikernel);
    this.life.startEnded(unikernel);
    if (unikernel.summon !== summon) {
      // A start that outlives its summon still holds a place, and the machine that it starts must be reaped.
      summon.leave?.();
      this.life.on(unikernel, failure ? 'start-failed' : 'started');
    } else if (failure) {
      this.life.failed(unikernel, summon, failure.error);
    } else {
      this.announcer.announce(unikernel, EXECUTED[step], { cause: summon.cause });
      this.life.on(unikernel, 'started');
    }
  }

  /** Waits no longer for a start that hangs; see {@link GuardedBackend.startOnce} for the next one. */
  giveUp(unikernel: Unikernel): void {
    const message = `${unikernel.plan.backendName}, the backend of ${unikernel.name}, does not get done with its start. Look at it with the backend's own tools.`;
    this.#starts.get(unikernel)?.abort(new JitsuError('JITSU_BACKEND_FAILED', message));
  }

  async probe(unikernel: Unikernel): Promise<void> {
    const summon = unikernel.summon as Summon;
    if (!summon.boots) this.announcer.announce(unikernel, 'summoning', { cause: summon.cause });
    const { boots, controller, outcomes } = summon;
    const neighbours = this.onProbing?.(unikernel);
    const ready = (signal: AbortSignal): Promise<void> =>
      untilReady(unikernel, boots, this.life, this.clock, signal, { outcomes, neighbours });
    let answered = false;
    try {
      const isOutdated = unikernel.replacement !== undefined;
      await (isOutdated ? this.#soon(unikernel, ready, controller.signal) : ready(controller.signal));
      answered = true;
      // What it needs may have gone down while it booted.
      const event = this.needs.isUnmet(unikernel) ? 'unmet' : 'answered';
      if (unikernel.summon === summon) this.life.on(unikernel, event);
    } catch (error) {
      if (unikernel.summon === summon && unikernel.replacement !== undefined) this.life.on(unikernel, 'unanswered');
      else this.life.failed(unikernel, summon, error);
    } finally {
      neighbours?.end(answered);
    }
  }

  /** Waits no longer than an outdated machine is waited for; a probe that goes on after that is not heard any more. */
  async #soon(
    { name, plan }: Unikernel,
    ready: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const late = new AbortController();
    const lateness = new JitsuError(
      'JITSU_SUMMON_FAILED',
      `${name} runs by an earlier definition, and does not answer.`,
    );
    using _limit = this.clock.after(Math.min(OUTDATED_PATIENCE, plan.deadline / 2), () => late.abort(lateness));
    await untilAborted(ready(AbortSignal.any([signal, late.signal])), late.signal);
  }
}
