import { BackOff, errorMessage, JitsuError, type Clock, type Logger, type Milliseconds } from '@jitsud/core/plugin';
import { CallFailed } from './call-failed.js';
import { ChildCalls } from './child-calls.js';
import type { Operations } from './native/operations.js';

const PROGRAM = new URL('./native/libxl-program.js', import.meta.url);

const FIRST_PAUSE: Milliseconds = 100;
const LONGEST_PAUSE: Milliseconds = 15_000;

/**
 * libxl, in a process of its own: it takes all children of its process for its own, and an assertion of its ends the
 * process. When that happens, what is on its way fails, and the process is started again; guests take no notice.
 */
export class LibxlProcess {
  readonly #backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  #child: ChildCalls | undefined;
  /** Why there is no child. */
  #absence = notOpen();
  /** Deaths in a row, without a call that was answered in between. */
  #deaths = 0;
  /** Present while it is meant to be open. */
  #wanted: AbortController | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly program = PROGRAM,
  ) {}

  /** The number of the process, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The version of Xen, as 4.17; known once it is open. */
  version = '';

  /** @throws CallFailed */
  async open(): Promise<void> {
    if (this.#wanted) return;
    this.#wanted = new AbortController();
    const child = this.#start(this.#wanted.signal);
    try {
      this.version = await child.ready;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Lets the process end once it has done what is on its way, for which nobody waits; whoever waits for it is told. */
  async close(): Promise<void> {
    this.#wanted?.abort();
    this.#wanted = undefined;
    this.#absence = notOpen();
    const child = this.#child;
    this.#child = undefined;
    await child?.close();
  }

  /** From now on calls go to a new process; the old one ends once what is on its way there is done. */
  renew(): void {
    const wanted = this.#wanted;
    if (!wanted) return;
    const old = this.#child;
    this.#start(wanted.signal);
    old?.retire();
  }

  /**
   * Has libxl do something.
   * @throws CallFailed for what libxl refuses, and when its process dies meanwhile
   * @throws JITSU_BACKEND_UNREACHABLE while there is no process
   */
  async call<Name extends keyof Operations>(
    operation: Name,
    ...parameters: Parameters<Operations[Name]>
  ): Promise<Awaited<ReturnType<Operations[Name]>>> {
    const child = this.#child;
    if (!child) throw this.#absence;
    const result = await child.call(operation, parameters).catch((error: unknown) => {
      // To look changes nothing: what did not come back can be asked of the next process.
      const next = this.#child;
      const isLook = operation === 'info' && error instanceof CallFailed && error.hasDied;
      if (isLook && next !== undefined && next !== child) return next.call(operation, parameters);
      throw error;
    });
    this.#deaths = 0;
    return result as Awaited<ReturnType<Operations[Name]>>;
  }

  #start(wanted: AbortSignal): ChildCalls {
    const child = new ChildCalls(this.program, this.logger);
    this.#child = child;
    // Whoever opens it hears of it first; later it is the log that tells.
    child.ready.catch(() => undefined);
    child.onEnd((reason) => {
      if (this.#child !== child || wanted.aborted) return;
      this.#child = undefined;
      void this.#restart(wanted, reason);
    });
    return child;
  }

  /** Never rejects: it ends when there is a new process, or nobody wants one any more. */
  async #restart(wanted: AbortSignal, reason: CallFailed): Promise<void> {
    this.#deaths += 1;
    const pause = this.#deaths === 1 ? 0 : this.#backOff.after(this.#deaths - 1);
    const again = `It is started again${pause === 0 ? '' : ` in ${pause / 1_000} s`}; guests run on.`;
    this.#absence = new JitsuError('JITSU_BACKEND_UNREACHABLE', `${reason.message}. ${again}`, { cause: reason });
    this.logger.warn({ deaths: this.#deaths }, this.#absence.message);
    if (pause > 0) await this.clock.sleep(pause, wanted).catch(() => undefined);
    if (wanted.aborted) return;
    try {
      await this.#start(wanted).ready;
      this.logger.info({ pid: this.pid }, 'libxl can be used again');
    } catch (error) {
      this.logger.debug({}, errorMessage(error));
    }
  }
}

/** The error for what is asked of a libxl that is not open. */
export function notOpen(): JitsuError {
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', 'libxl is not connected.');
}
