import { inspect } from 'node:util';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';
import { errorMessage } from '../errors.js';
import { FailureLog } from './failure-log.js';

/** How long a unikernel is kept after its policy has failed, before the policy is asked again. */
const RETRY: Milliseconds = 60_000;

/**
 * A policy as the core uses it. A policy that throws, or returns an invalid opinion, keeps the unikernel: it is unknown
 * whether it may be stopped. Each failure is logged once.
 */
export class GuardedStopPolicy implements StopPolicy {
  readonly #failures: FailureLog;

  /** @param words as in the configuration */
  constructor(
    private readonly words: string,
    private readonly policy: StopPolicy,
    logger: Logger,
  ) {
    this.#failures = new FailureLog(logger);
  }

  opinionOn(activity: Activity, now: Milliseconds): StopOpinion | undefined {
    try {
      const opinion = this.policy.opinionOn(activity, now);
      checkOpinion(opinion, now);
      return opinion;
    } catch (error) {
      const reason = errorMessage(error);
      const sentence = `The stop policy ${this.words} fails, and unikernels that it decides on are kept: ${reason}`;
      this.#failures.add(reason, sentence, error);
      return { keepUntil: now + RETRY };
    }
  }
}

/** @throws TypeError for an invalid opinion, or one that asks for a time in the past */
function checkOpinion(opinion: unknown, now: Milliseconds): void {
  if (opinion === undefined) return;
  const parts = (typeof opinion === 'object' && opinion !== null ? opinion : {}) as Readonly<Record<string, unknown>>;
  // In the order in which the chain looks at the keys.
  if ('stop' in parts && typeof parts['stop'] === 'string') return;
  const until = 'keepUntil' in parts ? parts['keepUntil'] : parts['undecidedUntil'];
  const isWhyText = parts['why'] === undefined || typeof parts['why'] === 'string';
  if ('stop' in parts || typeof until !== 'number' || Number.isNaN(until) || !isWhyText) {
    throw new TypeError(`its opinion is ${inspect(opinion, { breakLength: Infinity })}`);
  }
  // The policy would be asked again and again without end.
  if (until <= now) throw new TypeError('it wants to be asked again in the past');
}
