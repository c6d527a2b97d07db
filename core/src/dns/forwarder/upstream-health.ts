import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';

/** Consecutive failures after which an upstream is down. */
const FAILURES_TO_DOWN = 3;

/** The time between probes of an upstream that is down: it doubles with each further failure. */
const FIRST_REST: Milliseconds = 1_000;
const LONGEST_REST: Milliseconds = 60_000;

/** The shortest time before a datagram is resent: an upstream needs time to look up a name itself. */
const SHORTEST_REPEAT: Milliseconds = 250;

/** Whether one upstream answers, and how fast. */
export class UpstreamHealth {
  private failures = 0;
  private rest: Milliseconds = FIRST_REST;
  private restUntil: Milliseconds = 0;
  /** When the latest failure became known that counted while the upstream was down. */
  private foundDownAt: Milliseconds = 0;
  private smoothedRtt: Milliseconds | undefined;
  private isDown = false;
  private isUnreachable = false;

  constructor(
    private readonly upstream: string,
    private readonly logger: Logger,
    /** Called when the upstream goes down or comes up. */
    private readonly onChange: () => void,
  ) {}

  /** Whether it has failed so often in a row that other upstreams are asked instead. */
  get down(): boolean {
    return this.isDown;
  }

  /** The time without a reply after which a datagram was probably lost, at most `most`. */
  repeatAfter(most: Milliseconds): Milliseconds {
    return Math.min(most, Math.max(SHORTEST_REPEAT, 2 * (this.smoothedRtt ?? most)));
  }

  /** Whether the upstream is due for a probe; true once per pause. */
  takeProbe(now: Milliseconds): boolean {
    if (!this.isDown || now < this.restUntil) return false;
    this.restUntil = now + this.rest;
    return true;
  }

  /** The upstream replied. @param rtt the round-trip time, where it could be measured */
  answered(rtt?: Milliseconds): void {
    if (rtt !== undefined) this.smoothedRtt = (7 * (this.smoothedRtt ?? rtt) + rtt) / 8;
    this.failures = 0;
    this.isUnreachable = false;
    if (!this.isDown) return;
    this.isDown = false;
    this.logger.info({ upstream: this.upstream }, `the upstream ${this.upstream} answers again`);
    this.onChange();
  }

  /** A query could not leave this machine, which says nothing about the upstream. */
  unreachable(reason: Error): void {
    if (this.isUnreachable) return;
    this.isUnreachable = true;
    const what = `the upstream ${this.upstream} cannot be reached from this machine`;
    this.logger.warn({ upstream: this.upstream }, `${what}: ${reason.message}`);
  }

  /** A query that was sent at `sentAt` got no usable reply. */
  failed(sentAt: Milliseconds, now: Milliseconds, reason: Error): void {
    this.failures += 1;
    if (this.isDown) {
      // A query that was in flight when the previous failure became known gives no new information.
      if (sentAt < this.foundDownAt) return;
      this.rest = Math.min(LONGEST_REST, 2 * this.rest);
    } else {
      if (this.failures < FAILURES_TO_DOWN) return;
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
