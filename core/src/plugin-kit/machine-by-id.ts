import type { Machine, MachineDescription, MachineId, StopMode } from '../contracts/machine.js';

/** A backend whose methods take the id of a machine. */
export interface BackendById {
  describe(id: MachineId): Promise<MachineDescription>;
  start(id: MachineId): Promise<void>;
  resume(id: MachineId): Promise<void>;
  unpause(id: MachineId): Promise<void>;
  stop(id: MachineId, mode: StopMode, signal: AbortSignal): Promise<void>;
  addresses?(id: MachineId): Promise<readonly string[]>;
}

/** The handle of a machine of such a backend. */
export class MachineById implements Machine {
  readonly addresses?: () => Promise<readonly string[]>;

  constructor(
    private readonly backend: BackendById,
    readonly id: MachineId,
  ) {
    const addresses = backend.addresses?.bind(backend, id);
    if (addresses) this.addresses = addresses;
  }

  describe(): Promise<MachineDescription> {
    return this.backend.describe(this.id);
  }

  start(): Promise<void> {
    return this.backend.start(this.id);
  }

  resume(): Promise<void> {
    return this.backend.resume(this.id);
  }

  unpause(): Promise<void> {
    return this.backend.unpause(this.id);
  }

  stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    return this.backend.stop(this.id, mode, signal);
  }
}
