import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';

/** So many failures in a row, and an upstream is down. */
const MOST_FAILURES = 3;

/** How long one that is down is left alone: twice as long after each further failure. */
const FIRST_REST: Milliseconds = 1_000;
const LONGEST_REST: Milliseconds = 60_000;

/** Bounds of the time after which an answer counts as late. A name that the upstream must look for takes its time. */
const SOONEST_REPEAT: Milliseconds = 250;

/** Whether one upstream answers, and how quickly. */
export class UpstreamHealth {
  private failures = 0;
  private rest: Milliseconds = FIRST_REST;
  private restUntil: Milliseconds = 0;
  /** When it was last found to be down still. */
  private foundDownAt: Milliseconds = 0;
  private smoothedTime: Milliseconds | undefined;
  private isDown = false;

  constructor(
    private readonly upstream: string,
    private readonly logger: Logger,
    /** It has gone down or come up. */
    private readonly onChange: () => void,
  ) {}

  /** Whether it failed so often in a row that others are asked instead. */
  get down(): boolean {
    return this.isDown;
  }

  /** After how long without an answer a datagram has probably been lost, at most `most`. */
  repeatAfter(most: Milliseconds): Milliseconds {
    return Math.min(most, Math.max(SOONEST_REPEAT, 2 * (this.smoothedTime ?? most)));
  }

  /** Whether it is time to see if it is up again; true once for each rest. */
  takeProbe(now: Milliseconds): boolean {
    if (!this.isDown || now < this.restUntil) return false;
    this.restUntil = now + this.rest;
    return true;
  }

  /** It has answered, after so long where that is known. */
  answered(time?: Milliseconds): void {
    if (time !== undefined) this.smoothedTime = (7 * (this.smoothedTime ?? time) + time) / 8;
    this.failures = 0;
    if (!this.isDown) return;
    this.isDown = false;
    this.logger.info({ upstream: this.upstream }, `the upstream ${this.upstream} answers again`);
    this.onChange();
  }

  /** A query that was sent then got no answer that is one. */
  failed(sentAt: Milliseconds, now: Milliseconds, reason: Error): void {
    this.failures += 1;
    if (this.isDown) {
      // What was under way when the last failure became known tells nothing new.
      if (sentAt < this.foundDownAt) return;
      this.rest = Math.min(LONGEST_REST, 2 * this.rest);
    } else {
      if (this.failures < MOST_FAILURES) return;
      this.isDown = true;
      this.rest = FIRST_REST;
      const what = `the upstream ${this.upstream} is left out until it answers again`;
      this.logger.warn({ upstream: this.upstream }, `${what}: ${reason.message}`);
    }
    this.foundDownAt = now;
    this.restUntil = now + this.rest;
    this.onChange();
  }
}
