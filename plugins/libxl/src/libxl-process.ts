import {
  BackOff,
  errorMessage,
  JitsuError,
  Reconnecting,
  type Clock,
  type Logger,
  type Milliseconds,
} from '@jitsud/core/plugin';
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
  readonly #children: Reconnecting<ChildCalls>;
  /** Those that were exchanged for another one while they were busy. */
  readonly #retired = new WeakSet<ChildCalls>();
  /** Deaths in a row, without a call that was answered in between. */
  #deaths = 0;
  /** The version of Xen, as 4.17; known once it is open. */
  version = '';

  constructor(clock: Clock, logger: Logger, program = PROGRAM) {
    const backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
    this.#children = new Reconnecting<ChildCalls>(clock, {
      // Calls wait within it until it is ready.
      open: async () => new ChildCalls(program, logger),
      close: async (child) => (this.#retired.has(child) ? child.retire() : child.close()),
      follow: (child, lose) => {
        // Whoever opens it hears of it first; later it is the log that tells.
        child.ready.catch(() => undefined);
        child.onEnd((reason) => {
          if (this.#children.current === child) this.#deaths += 1;
          lose(reason);
        });
      },
      pause: () => (this.#deaths <= 1 ? 0 : backOff.after(this.#deaths - 1)),
      absence: (reason, pause = 0) => {
        const again = `It is started again${pause === 0 ? '' : ` in ${pause / 1_000} s`}; guests run on.`;
        return new JitsuError('JITSU_BACKEND_UNREACHABLE', `${errorMessage(reason)}. ${again}`, { cause: reason });
      },
      notOpen,
      onLost: ({ message }) => {
        if (this.#deaths > 0) logger.warn({ deaths: this.#deaths }, message);
      },
      onBack: ({ ready, pid }) => {
        ready.then(
          () => logger.info({ pid }, 'libxl can be used again'),
          (error: unknown) => logger.debug({ pid }, errorMessage(error)),
        );
      },
    });
  }

  /** The number of the process, while there is one. */
  get pid(): number | undefined {
    return this.#children.current?.pid;
  }

  /** @throws CallFailed */
  async open(): Promise<void> {
    await this.#children.open();
    try {
      this.version = await this.#children.session.ready;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Lets the process end once it has done what is on its way, for which nobody waits; whoever waits for it is told. */
  async close(): Promise<void> {
    this.#deaths = 0;
    await this.#children.close();
  }

  /** From now on calls go to a new process; the old one ends once what is on its way there is done. */
  renew(): void {
    const old = this.#children.current;
    if (old === undefined) return;
    this.#retired.add(old);
    this.#deaths = 0;
    this.#children.lose(old, new Error('libxl is exchanged'));
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
    const child = this.#children.current ?? (await this.#children.settled());
    const result = await child.call(operation, parameters).catch(async (error: unknown) => {
      // To look changes nothing: what did not come back can be asked of the next process.
      const isLook = operation === 'info' && error instanceof CallFailed && error.hasDied;
      const next = isLook ? await this.#children.settled().catch(() => undefined) : undefined;
      if (next === undefined || next === child) throw error;
      return next.call(operation, parameters);
    });
    this.#deaths = 0;
    return result as Awaited<ReturnType<Operations[Name]>>;
  }
}

/** The error for what is asked of a libxl that is not open. */
export function notOpen(): JitsuError {
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', 'libxl is not connected.');
}
