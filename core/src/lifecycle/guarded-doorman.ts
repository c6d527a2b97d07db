import { isIP } from 'node:net';
import { inspect } from 'node:util';
import type { Clock } from '../contracts/clock.js';
import type { ArmedService, Doorman, Knock, KnockVerdict } from '../contracts/doorman.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import { errorMessage } from '../errors.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import { FailureLog } from './failure-log.js';

/** How long a doorman may take to arm unikernels, or to release what it holds for one. */
const CALL_LIMIT: Milliseconds = 5_000;

/** The number of unikernels that it is told to arm at once: queries are answered in between. */
const AT_ONCE = 2_500;

/** A unikernel to arm, and who wants to know what becomes of that. */
export interface Arming {
  readonly service: ArmedService;
  /** @param problem why it is not armed */
  ended(problem: string | undefined): void;
  /** Called where it is armed after all, when nobody waits for that any more. */
  late(): void;
}

/**
 * A doorman as the core uses it. Its knocks are checked, its calls are limited, and what is to be armed is handed over
 * many at once. Nothing of it rejects; each kind of failure is logged once.
 */
export class GuardedDoorman implements Disposable {
  readonly #failures: FailureLog;
  readonly #subscriptions: Disposable[] = [];
  #waiting: Arming[] = [];
  #isArming = false;
  #loss: string | undefined;

  /**
   * @param name as people know it
   * @param backendName the connection whose machines it guards; all machines where `undefined`
   */
  constructor(
    readonly name: string,
    private readonly doorman: Doorman,
    readonly backendName: string | undefined,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.#failures = new FailureLog(logger);
  }

  /** Why it can hold nothing at the moment. */
  get loss(): string | undefined {
    return this.#loss;
  }

  /** Whether packets of open connections are knocks, too. */
  get holdsConnections(): boolean {
    return this.doorman.holdsConnections === true && this.#loss === undefined;
  }

  guards(endpoints: ServiceEndpoints): boolean {
    try {
      const guards: unknown = this.doorman.guards(endpoints);
      if (typeof guards === 'boolean') return guards;
      throw new TypeError(`whether it guards ${endpoints.unikernel} is ${inspect(guards)}, and no boolean`);
    } catch (error) {
      this.#fail('guards', `fails, and holds nothing for ${endpoints.unikernel}`, error);
      return false;
    }
  }

  /**
   * Hears its knocks and its losses until it is disposed; to be called once it is open.
   * @param onLoss called when it can hold nothing any more
   */
  listen(onKnock: (knock: Knock) => KnockVerdict, onLoss: () => void): void {
    this.#subscriptions.push(this.doorman.onKnock((knock) => this.#knocked(knock, onKnock)));
    const losses = this.doorman.onLoss?.((reason: unknown) => this.#lost(reason, onLoss));
    if (losses !== undefined) this.#subscriptions.push(losses);
  }

  arm(arming: Arming): void {
    this.#waiting.push(arming);
    if (!this.#isArming) void this.#arm();
  }

  async release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop'): Promise<void> {
    // What decides on a knock may release it, too, and the doorman holds it only when it knows the verdict.
    await Promise.resolve();
    try {
      await this.#limited(() => this.doorman.release(unikernel, outcome));
    } catch (error) {
      this.#fail('release', `fails to release what it holds for ${unikernel}`, error);
    }
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
  }

  async #arm(): Promise<void> {
    this.#isArming = true;
    // What else is to be armed in this turn is armed with it.
    await Promise.resolve();
    for (let begin = 0; begin < this.#waiting.length;) {
      const batch = this.#waiting.slice(begin, begin + AT_ONCE);
      begin += batch.length;
      await this.#armBatch(batch);
    }
    this.#waiting = [];
    this.#isArming = false;
  }

  async #armBatch(batch: readonly Arming[]): Promise<void> {
    let call: Promise<void> | undefined;
    try {
      await this.#limited(() => (call = this.doorman.arm(batch.map(({ service }) => service))));
      for (const arming of batch) arming.ended(undefined);
    } catch (error) {
      const [first] = batch;
      if (batch.length > 1 && errorMessage(error) !== TOO_LATE && this.#loss === undefined) {
        // One that cannot be armed must not keep the others from it.
        const half = Math.ceil(batch.length / 2);
        await this.#armBatch(batch.slice(0, half));
        await this.#armBatch(batch.slice(half));
        return;
      }
      const names = batch.length === 1 ? first?.service.unikernel : `${batch.length} unikernels`;
      const reason = errorMessage(error);
      this.#fail(reason, `cannot hold first packets for ${names}`, error);
      for (const arming of batch) arming.ended(reason);
      const tellLate = (): void => batch.forEach((arming) => arming.late());
      if (reason === TOO_LATE) call?.then(tellLate, () => undefined);
    }
  }

  #knocked(knock: Knock, onKnock: (knock: Knock) => KnockVerdict): KnockVerdict {
    try {
      checkKnock(knock);
      return onKnock(knock);
    } catch (error) {
      this.#fail('knock', 'reports a knock that is none', error);
      return 'drop';
    }
  }

  #lost(reason: unknown, onLoss: () => void): void {
    const loss = reason === undefined || typeof reason === 'string' ? reason : inspect(reason);
    if (loss === this.#loss) return;
    this.#loss = loss;
    if (loss === undefined) this.logger.info({}, `The doorman ${this.name} holds first packets again`);
    else {
      const until = 'Until it can, only queries wake, and they are answered when what they ask for is ready.';
      this.logger.warn({}, `The doorman ${this.name} can hold no first packets: ${loss}. ${until}`);
      onLoss();
    }
  }

  async #limited(call: () => Promise<void>): Promise<void> {
    const limited = new AbortController();
    using _limit = this.clock.after(CALL_LIMIT, () => limited.abort(new Error(TOO_LATE)));
    await untilAborted(call(), limited.signal);
  }

  #fail(kind: string, what: string, error: unknown): void {
    this.#failures.add(kind, `The doorman ${this.name} ${what}: ${errorMessage(error)}`, error);
  }
}

const TOO_LATE = `it has said nothing for ${CALL_LIMIT / 1_000} s`;

/** @throws TypeError for what is no knock */
function checkKnock(knock: unknown): void {
  const { unikernel, protocol, port, from } = (knock ?? {}) as Readonly<Record<string, unknown>>;
  const isKnock =
    typeof unikernel === 'string' &&
    (protocol === 'tcp' || protocol === 'udp') &&
    Number.isInteger(port) &&
    (port as number) >= 1 &&
    (port as number) <= 65_535 &&
    typeof from === 'string' &&
    isIP(from) !== 0;
  if (!isKnock) throw new TypeError(inspect(knock, { breakLength: Infinity }));
}
