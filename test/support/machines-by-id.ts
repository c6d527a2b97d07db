import { SystemClock } from '#core/clock.js';
import type { Backend, PowerChange, Registration } from '#core/contracts/backend.js';
import type { MachineDescription, MachineId, StopMode } from '#core/contracts/machine.js';
import { GuardedBackend, type GuardedMachine } from '#core/lifecycle/guarded-backend.js';
import { MemoryLogger } from './memory-logger.js';

/** A backend as the core uses it, whose machines are called by their ids: for tests that know nothing else of them. */
export class MachinesById {
  readonly #guarded: GuardedBackend;
  readonly #machines = new Map<MachineId, GuardedMachine>();

  constructor(backend: Backend<never>) {
    this.#guarded = new GuardedBackend('test', backend as Backend, new SystemClock(), new MemoryLogger());
  }

  connect(): Promise<void> {
    return this.#guarded.connect();
  }

  close(): Promise<void> {
    return this.#guarded.close();
  }

  async register(registration: Registration): Promise<MachineId> {
    const machine = await this.#guarded.machine(registration);
    this.#machines.set(machine.id, this.#guarded.guard(machine, registration.name));
    return machine.id;
  }

  async describe(id: MachineId): Promise<MachineDescription> {
    return this.#of(id).describe();
  }

  async start(id: MachineId): Promise<void> {
    await this.#of(id).start();
  }

  async resume(id: MachineId): Promise<void> {
    await this.#of(id).resume();
  }

  async unpause(id: MachineId): Promise<void> {
    await this.#of(id).unpause();
  }

  async stop(id: MachineId, mode: StopMode, signal: AbortSignal): Promise<void> {
    await this.#of(id).stop(mode, signal);
  }

  async addresses(id: MachineId): Promise<readonly string[]> {
    return this.#of(id).addresses();
  }

  async recentOutput(id: MachineId): Promise<readonly string[]> {
    return this.#of(id).recentOutput();
  }

  watch(listener: (change: PowerChange) => void): Disposable | undefined {
    return this.#guarded.watch(listener);
  }

  #of(id: MachineId): GuardedMachine {
    const machine = this.#machines.get(id);
    if (machine === undefined) throw new Error(`nobody has asked for the machine ${id}`);
    return machine;
  }
}
