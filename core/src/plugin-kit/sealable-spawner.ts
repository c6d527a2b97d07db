import type { LaunchDetails, Launchable, LiveChild, ProgramSignal, Spawner } from '../contracts/spawner.js';
import { errorCode } from '../errors.js';
import { SpawnerProcess } from './spawner-process.js';

/**
 * The processes that spawn, made on first use: one takes a sixth of Jitsu's memory, and of the time of its start.
 * Programs and temporary programs have different ones: whoever follows programs would be told of each command that a
 * process has ended, and look at all of them. Programs that may get more privileges have their own ones, too.
 */
export class SealableSpawner implements Spawner {
  readonly #processes = new Map<string, SpawnerProcess>();
  readonly #listeners = new Set<() => void>();

  allow(_launchable: Launchable): void {
    // Whoever spawns brings the launch: nothing is kept twice.
  }

  async spawn(launchable: Launchable, details: LaunchDetails = {}): Promise<LiveChild> {
    const launch = launchable.launch();
    const { temporary = false, newPrivileges = false } = launch;
    return this.#living(temporary, newPrivileges).spawn({ launch, details });
  }

  async signal(group: number, signal: ProgramSignal): Promise<boolean> {
    try {
      return process.kill(-group, signal);
    } catch (error) {
      if (errorCode(error) === 'ESRCH') return false;
      throw error;
    }
  }

  adopt(_group: number, _startTime: string): void {
    // Jitsu sends signals itself.
  }

  watch(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#end('program');
      },
    };
  }

  /** Running programs continue, and their ends are not reported any more; temporary ones end. */
  close(): void {
    this.#end('');
  }

  #living(temporary: boolean, newPrivileges: boolean): SpawnerProcess {
    const kind = `${temporary ? 'temporary' : 'program'}${newPrivileges ? ', privileged' : ''}`;
    const living = this.#processes.get(kind);
    if (living !== undefined && !living.hasEnded) return living;
    const onChange = temporary ? (): void => undefined : (): void => this.#tell();
    const made = new SpawnerProcess(onChange, !newPrivileges);
    this.#processes.set(kind, made);
    return made;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #end(kinds: string): void {
    for (const [kind, living] of this.#processes) {
      if (!kind.startsWith(kinds)) continue;
      this.#processes.delete(kind);
      living.close();
    }
  }
}
