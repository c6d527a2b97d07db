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
 * libxl, in a process of its own: it reaps all children of its process, and its assertions abort the process. When that
 * happens, the calls in flight fail, and the process is started again; guests are not affected.
 */
export class LibxlProcess {
  readonly #children: Reconnecting<ChildCalls>;
  /** The processes that were replaced while they were busy. */
  readonly #retired = new WeakSet<ChildCalls>();
  /** Deaths in a row, without an answered call in between. */
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
        // The caller of `open` gets the first failure; later ones are logged.
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

  /** The pid of the process, while there is one. */
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

  /** Ends the process when its calls in flight are done, which is not waited for; their callers get an error. */
  async close(): Promise<void> {
    this.#deaths = 0;
    await this.#children.close();
  }

  /** Later calls go to a new process; the old one ends when its calls in flight are done. */
  renew(): void {
    const old = this.#children.current;
    if (old === undefined) return;
    this.#retired.add(old);
    this.#deaths = 0;
    this.#children.lose(old, new Error('libxl is exchanged'));
  }

  /**
   * Calls an operation of libxl.
   * @throws CallFailed for what libxl refuses, and when its process dies meanwhile
   * @throws JITSU_BACKEND_UNREACHABLE while there is no process
   */
  async call<Name extends keyof Operations>(
    operation: Name,
    ...parameters: Parameters<Operations[Name]>
  ): Promise<Awaited<ReturnType<Operations[Name]>>> {
    const child = this.#children.current ?? (await this.#children.settled());
    const result = await child.call(operation, parameters).catch(async (error: unknown) => {
      // A look changes nothing, so that the next process can be asked again.
      const isLook = operation === 'info' && error instanceof CallFailed && error.hasDied;
      const next = isLook ? await this.#children.settled().catch(() => undefined) : undefined;
      if (next === undefined || next === child) throw error;
      return next.call(operation, parameters);
    });
    this.#deaths = 0;
    return result as Awaited<ReturnType<Operations[Name]>>;
  }
}

/** The error for calls of a libxl that is not open. */
export function notOpen(): JitsuError {
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', 'libxl is not connected.');
}
