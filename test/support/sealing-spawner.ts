import type { Launchable, LaunchDetails, LiveChild, ProgramSignal, Spawner } from '#core/contracts/spawner.js';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';

const USER = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/**
 * A spawner that carries out everything by sealed processes. Suites register and adopt as they go along: whatever comes
 * after a seal gets another spawner, which is sealed as soon as it has to start or signal something.
 */
export class SealingSpawner implements Spawner {
  readonly #spawners: SealableSpawner[] = [];
  readonly #byKey = new Map<string, SealableSpawner>();
  readonly #listeners = new Set<() => void>();
  #open: SealableSpawner | undefined;

  allow(launchable: Launchable): void {
    const open = this.#unsealed();
    open.allow(launchable);
    this.#byKey.set(launchable.key, open);
  }

  async spawn(launchable: Launchable, details?: LaunchDetails): Promise<LiveChild> {
    await this.#seal();
    const sealed = this.#byKey.get(launchable.key);
    if (sealed === undefined) throw new Error(`${launchable.key} was not allowed`);
    return sealed.spawn(launchable, details);
  }

  async signal(group: number, signal: ProgramSignal): Promise<boolean> {
    await this.#seal();
    for (const sealed of this.#spawners) if (await sealed.signal(group, signal)) return true;
    return false;
  }

  adopt(group: number, startTime: string): void {
    this.#unsealed().adopt(group, startTime);
  }

  async confine(launchable: Launchable): Promise<void> {
    await this.#byKey.get(launchable.key)?.confine(launchable);
  }

  async release(launchable: Launchable): Promise<void> {
    await this.#seal();
    await this.#byKey.get(launchable.key)?.release(launchable);
  }

  async restoreFolder(launchable: Launchable): Promise<void> {
    await this.#seal();
    await this.#byKey.get(launchable.key)?.restoreFolder(launchable);
  }

  watch(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  close(): void {
    for (const spawner of this.#spawners.splice(0)) void spawner.close();
  }

  #unsealed(): SealableSpawner {
    if (this.#open !== undefined) return this.#open;
    const made = new SealableSpawner();
    made.expectSeal();
    made.watch(() => {
      for (const listener of this.#listeners) listener();
    });
    this.#spawners.push(made);
    return (this.#open = made);
  }

  async #seal(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.seal(USER);
  }
}
