import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';

/** After so long it is tried again whether a server still has an old habit. */
const REMEMBERED: Milliseconds = 3_600_000;

/** So many answers in a row in another case than that of the question are no accident. */
const MOST_OTHER_CASES = 3;

/** What has been learnt of how one upstream wants to be asked. */
export class UpstreamHabits {
  private withoutEdnsUntil: Milliseconds = 0;
  private withoutCaseUntil: Milliseconds = 0;
  private otherCases = 0;

  constructor(
    private readonly upstream: string,
    private readonly deps: { readonly clock: Clock; readonly logger: Logger },
  ) {}

  /** Whether it is asked with an OPT record. */
  knowsEdns(now: Milliseconds): boolean {
    return now >= this.withoutEdnsUntil;
  }

  /** It has answered an OPT record with FORMERR: a server from before EDNS (RFC 6891, 7). */
  refusedEdns(): void {
    this.withoutEdnsUntil = this.deps.clock.now() + REMEMBERED;
    this.deps.logger.debug({ upstream: this.upstream }, 'this upstream knows no EDNS: asked without for an hour');
  }

  /** Whether it repeats the case of a question. */
  keepsCase(now: Milliseconds): boolean {
    return now >= this.withoutCaseUntil;
  }

  keptCase(): void {
    this.otherCases = 0;
  }

  changedCase(): void {
    this.otherCases += 1;
    if (this.otherCases < MOST_OTHER_CASES) return;
    this.otherCases = 0;
    this.withoutCaseUntil = this.deps.clock.now() + REMEMBERED;
    this.deps.logger.debug(
      { upstream: this.upstream },
      'this upstream changes the case of questions: not mixed for an hour',
    );
  }
}
