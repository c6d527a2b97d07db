import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessTarget } from '../contracts/readiness-probe.js';
import type { Exit, Launch, Launchable, LiveChild, Spawner } from '../contracts/spawner.js';
import { errorCode } from '../errors.js';
import { userEnvironment } from './child-environment.js';

/** How long a run may take before it is ended. */
export const RUN_LIMIT: Milliseconds = 30_000;

/**
 * A command that is run for a unikernel. Its environment has the unikernel's name, id and addresses (separated by spaces)
 * as JITSU_NAME, JITSU_ID and JITSU_ADDRESSES. It runs as the unikernel's user, in its folder, with its variables and
 * limits, where the unikernel is a process, and otherwise as Jitsu with few of its variables. What a run leaves behind in
 * its process group is ended.
 */
export class UnikernelCommand {
  readonly #launchables = new WeakMap<ReadinessTarget, Launchable>();

  /** @param kind the word before it in the configuration, which tells it from others with the same words */
  constructor(
    private readonly kind: string,
    readonly words: readonly string[],
    private readonly clock: Clock,
    private readonly spawner: Spawner,
  ) {}

  /** To be called when the unikernel is registered. @throws the errors of {@link Spawner.allow} */
  allow(target: ReadinessTarget): void {
    this.spawner.allow(this.#launchable(target));
  }

  /**
   * Runs it once, and resolves with how it ended: without a status where it was ended at its limit, by the signal, or by
   * others; with `undefined` where the process that spawns has ended, and the next run makes another. Rejects with the
   * error of {@link Spawner.spawn}.
   */
  async run(target: ReadinessTarget, signal: AbortSignal): Promise<Exit | undefined> {
    const child = await this.#spawn(target);
    if (child === undefined) return undefined;
    const end = (): void => void this.spawner.signal(child.pid, 'SIGKILL').catch(() => undefined);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    const limit = this.clock.after(RUN_LIMIT, end);
    try {
      const exit = await child.exited;
      // Where its end would not be reported, it may still run.
      if (!child.told) end();
      return exit;
    } finally {
      limit[Symbol.dispose]();
      signal.removeEventListener('abort', end);
    }
  }

  async #spawn(target: ReadinessTarget): Promise<LiveChild | undefined> {
    const { id, addresses } = target;
    try {
      return await this.spawner.spawn(this.#launchable(target), { id, addresses });
    } catch (error) {
      if ((error as { lost?: boolean }).lost === true) return undefined;
      throw this.#plain(error);
    }
  }

  /** What the system says by a code, in words. */
  #plain(error: unknown): unknown {
    const [program = ''] = this.words;
    const said = {
      ENOENT: `the program ${program}, or what runs it, does not exist`,
      EACCES: `${program} may not be executed`,
    };
    const why = said[(errorCode(error) ?? '') as keyof typeof said] as string | undefined;
    return why === undefined ? error : Object.assign(new Error(why), { code: errorCode(error) });
  }

  /** Made once for a target, whatever the number of runs: how it runs takes time to find out. */
  #launchable(target: ReadinessTarget): Launchable {
    const made = this.#launchables.get(target);
    if (made !== undefined) return made;
    const [program = '', ...words] = this.words;
    let known: Launch | undefined;
    const launchable = {
      key: `${target.name} ${this.kind}:${JSON.stringify(this.words)}`,
      launch: () =>
        (known ??= {
          ...(target.execution?.() ?? { cwd: process.cwd(), env: userEnvironment(), account: 'jitsu' }),
          ...{ program, argv0: program, words, temporary: true, marks: { JITSU_NAME: target.name } },
        }),
    };
    this.#launchables.set(target, launchable);
    return launchable;
  }
}
