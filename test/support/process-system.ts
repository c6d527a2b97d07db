import type { Spawner } from '#core/contracts/spawner.js';
import { SystemClock } from '#core/clock.js';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';
import { LinuxProcessTable } from '#process/linux-process-table.js';
import { ProcessBackend } from '#process/process-backend.js';
import { processOptions } from '#process/process-options.js';
import { sendSignal } from '#core/plugin-kit/send-signal.js';
import { MemoryLogger } from './memory-logger.js';
import { SealingSpawner } from './sealing-spawner.js';
import { TemporaryFolder } from './temporary-folder.js';
import { MachinesById } from './machines-by-id.js';

/** A runtime folder with process backends on it; disposing ends every process that bears its mark, whoever lost it. */
export class ProcessSystem implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly logger = new MemoryLogger();
  readonly table = new LinuxProcessTable();

  readonly #spawners: SealingSpawner[] = [];

  /** @param sealed whether programs are started and signalled by sealed processes only */
  constructor(private readonly sealed = false) {}

  machines(): MachinesById {
    return new MachinesById(this.backend());
  }

  backend(): ProcessBackend {
    return new ProcessBackend(this.logger, new SystemClock(), this.folder.path, 'process', this.#spawner());
  }

  #spawner(): Spawner {
    if (!this.sealed) return new SealableSpawner();
    const spawner = new SealingSpawner();
    this.#spawners.push(spawner);
    return spawner;
  }

  /** As the end of Jitsu does it. */
  endSpawners(): void {
    for (const spawner of this.#spawners) spawner.close();
  }

  /** Registers a program under its own name. */
  async register(backend: MachinesById, options: { name?: string; command: string | string[] } & object) {
    const parsed = processOptions.parse({ name: 'web', ...options });
    return backend.register({ name: parsed.name, options: parsed });
  }

  /** The pids of all living processes that were started here, and of their descendants. */
  pids(mark = ''): number[] {
    const marks = [`JITSU_RUNTIME_DIRECTORY=${this.folder.path}`, ...(mark ? [mark] : [])];
    const bears = (pid: number): boolean => {
      const environment = this.table.environment(pid);
      return environment !== undefined && marks.every((each) => environment.includes(each));
    };
    return this.table
      .all()
      .filter(({ pid, state }) => state !== 'dead' && bears(pid))
      .map(({ pid }) => pid);
  }

  [Symbol.dispose](): void {
    for (const pid of this.pids()) sendSignal(pid, 'SIGKILL');
    this.endSpawners();
    this.folder[Symbol.dispose]();
  }
}
