import { inspect } from 'node:util';
import type { ActivitySource, Traffic } from '../contracts/activity-source.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import { errorMessage } from '../errors.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import { FailureLog } from './failure-log.js';

/** How long a source may take to tell what it knows of one unikernel. */
const OBSERVE_LIMIT: Milliseconds = 5_000;

/** The number of unikernels that a source is told of at once: queries are answered in between. */
const AT_ONCE = 2_500;

/**
 * A source of activity as the core uses it. Its values are checked; where it fails, nothing is known, and each kind of
 * failure is logged once.
 */
export class GuardedActivitySource {
  readonly #failures: FailureLog;
  #waiting: ServiceEndpoints[] = [];
  #isTelling = false;

  /**
   * @param name as people know it
   * @param backendName the connection whose machines it knows; all machines where `undefined`
   */
  constructor(
    readonly name: string,
    private readonly source: ActivitySource,
    readonly backendName: string | undefined,
    private readonly clock: Clock,
    logger: Logger,
  ) {
    this.#failures = new FailureLog(logger);
  }

  /** Whether it has to be told in advance of what it is to know. */
  get watches(): boolean {
    return this.source.watch !== undefined;
  }

  /** Whether it may know the traffic to this unikernel: also where it fails to say so. */
  sees(endpoints: ServiceEndpoints): boolean {
    try {
      const sees: unknown = this.source.sees(endpoints);
      if (typeof sees === 'boolean') return sees;
      throw new TypeError(`whether it sees ${endpoints.unikernel} is ${inspect(sees)}, and no boolean`);
    } catch (error) {
      this.#fail('sees', error);
      return true;
    }
  }

  /** Has it remember the traffic to this unikernel from now on, with others that it is told of in this turn. */
  watch(endpoints: ServiceEndpoints): void {
    this.#waiting.push(endpoints);
    if (!this.#isTelling) void this.#tell();
  }

  /** What it knows; `undefined` where it cannot tell. Never rejects. */
  async observe(endpoints: ServiceEndpoints): Promise<Traffic | undefined> {
    const limited = new AbortController();
    const tooLate = new Error(`it has said nothing for ${OBSERVE_LIMIT / 1_000} s`);
    using _limit = this.clock.after(OBSERVE_LIMIT, () => limited.abort(tooLate));
    try {
      const traffic = await untilAborted(this.source.observe(endpoints, limited.signal), limited.signal);
      return checked(traffic, this.clock.now());
    } catch (error) {
      this.#fail('observe', error);
      return undefined;
    }
  }

  async #tell(): Promise<void> {
    this.#isTelling = true;
    // What else is learnt in this turn is told with it.
    await Promise.resolve();
    for (let begin = 0; begin < this.#waiting.length;) {
      const batch = this.#waiting.slice(begin, begin + AT_ONCE);
      begin += batch.length;
      try {
        await this.source.watch?.(batch);
      } catch (error) {
        this.#fail('watch', error);
      }
    }
    this.#waiting = [];
    this.#isTelling = false;
  }

  #fail(kind: string, error: unknown): void {
    const sentence = `The activity source ${this.name} fails, and unikernels whose traffic it should know are kept: ${errorMessage(error)}`;
    this.#failures.add(kind, sentence, error);
  }
}

/** @throws TypeError for what is no traffic */
function checked(traffic: unknown, now: Milliseconds): Traffic {
  if (typeof traffic !== 'object' || traffic === null) {
    throw new TypeError(`the traffic is ${inspect(traffic)}, and no object`);
  }
  const { connections, lastPacket, lastClosed, detail } = traffic as Readonly<Record<string, unknown>>;
  if (connections !== undefined && !(Number.isSafeInteger(connections) && (connections as number) >= 0)) {
    throw new TypeError(`the number of connections is ${inspect(connections)}`);
  }
  if (lastPacket !== undefined && (typeof lastPacket !== 'number' || Number.isNaN(lastPacket))) {
    throw new TypeError(`the time of the last packet is ${inspect(lastPacket)}`);
  }
  if (lastClosed !== undefined && (typeof lastClosed !== 'number' || Number.isNaN(lastClosed))) {
    throw new TypeError(`the time of the last end of a connection is ${inspect(lastClosed)}`);
  }
  if (detail !== undefined && typeof detail !== 'string') {
    throw new TypeError(`the detail is ${inspect(detail)}, and no text`);
  }
  return {
    ...(connections !== undefined && { connections: connections as number }),
    // One that lies in the future would be waited for.
    ...(lastPacket !== undefined && { lastPacket: Math.min(lastPacket, now) }),
    ...(lastClosed !== undefined && { lastClosed: Math.min(lastClosed, now) }),
    ...(detail !== undefined && { detail: detail.slice(0, LONGEST_DETAIL) }),
  };
}

const LONGEST_DETAIL = 200;
