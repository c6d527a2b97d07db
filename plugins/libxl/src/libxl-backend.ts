import {
  BOOT_CONFIGURATORS,
  CLOCK,
  CONNECTION_NAME,
  inject,
  injectable,
  JitsuError,
  LOGGER,
  MachineById,
  optionsOf,
  PowerWatch,
  RUNTIME_DIRECTORY,
  type Backend,
  type BackendCapabilities,
  type BootConfigurator,
  type Clock,
  type Logger,
  type PowerChange,
  type Registration,
  type StopMode,
  type MachineDescription,
  type MachineId,
} from '@jitsud/core/plugin';
import { join, resolve } from 'node:path';
import { checkFiles } from './check-files.js';
import { Domains } from './domains.js';
import { LibxlMachine } from './libxl-machine.js';
import { connectionOptions, type ConnectionOptions, type LibxlOptions } from './libxl-options.js';
import { SavedMemory } from './saved-memory.js';
import { unikernelId } from './unikernel-id.js';
import { XenHost } from './xen-host.js';

/** Runs unikernels as guests of the Xen host that Jitsu itself runs on, in dom0. */
@injectable()
export class LibxlBackend implements Backend<LibxlOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: ['destroy', 'shutdown', 'suspend', 'pause'],
    bootConfigurators: true,
  };
  readonly #host: XenHost;
  readonly #domains: Domains;
  readonly #saves: SavedMemory;
  readonly #power: PowerWatch;
  readonly #machines = new Map<MachineId, LibxlMachine>();

  constructor(
    @inject(optionsOf(connectionOptions)) { saves }: ConnectionOptions,
    @inject(CONNECTION_NAME) private readonly connection: string,
    @inject(RUNTIME_DIRECTORY) runtimeDirectory: string,
    @inject(BOOT_CONFIGURATORS) private readonly configurators: readonly BootConfigurator[],
    @inject(CLOCK) clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#saves = new SavedMemory(resolve(saves ?? join(runtimeDirectory, 'libxl')));
    this.#power = new PowerWatch(logger);
    this.#domains = new Domains(() => this.#host.xenstore, clock);
    this.#host = new XenHost(clock, logger, {
      onChange: () => {
        for (const machine of this.#machines.values()) machine.look();
      },
      onLost: ({ message }) => {
        for (const id of this.#machines.keys()) this.#power.tell(id, 'unknown', message);
      },
    });
  }

  async connect(): Promise<void> {
    await this.#host.open();
    await Promise.all([...this.#machines.values()].map((machine) => machine.looked()));
  }

  async close(): Promise<void> {
    await this.#host.close();
  }

  async register({ name, options }: Registration<LibxlOptions>): Promise<MachineId> {
    const problems = await checkFiles(options);
    if (problems.length > 0) {
      const message = `${name} cannot be a guest of Xen. ${problems.join('; ')}.`;
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', message);
    }
    const id = options.uuid ?? unikernelId(this.connection, options.name);
    // It may be registered anew while it is being started or stopped.
    const turn = this.#machines.get(id)?.turn;
    const host = {
      libxl: this.#host.libxl,
      domains: this.#domains,
      saves: this.#saves,
      configurators: this.configurators,
      logger: this.logger,
      onState: (...change: Parameters<PowerWatch['tell']>) => this.#power.tell(...change),
    };
    const machine = new LibxlMachine(id, options, host, turn);
    this.#machines.set(id, machine);
    await machine.looked();
    return id;
  }

  async machine(registration: Registration<LibxlOptions>): Promise<MachineById> {
    return new MachineById(this, await this.register(registration));
  }

  async describe(id: MachineId): Promise<MachineDescription> {
    return this.#machine(id).describe();
  }

  async start(id: MachineId): Promise<void> {
    await this.#machine(id).start();
  }

  async resume(id: MachineId): Promise<void> {
    const machine = this.#machine(id);
    if ((await machine.describe()).state === 'suspended') await machine.start();
  }

  async unpause(id: MachineId): Promise<void> {
    await this.#machine(id).unpause();
  }

  async stop(id: MachineId, mode: StopMode, signal: AbortSignal): Promise<void> {
    const machine = this.#machine(id);
    if (!this.capabilities.stopModes.includes(mode)) {
      const modes = this.capabilities.stopModes.join(', ');
      const message = `${machine.name} is a guest of libxl, which cannot be stopped by '${mode}', only by ${modes}.`;
      throw new JitsuError('JITSU_STOP_MODE_UNSUPPORTED', message);
    }
    await machine.stop(mode, signal);
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#power.watch(listener);
  }

  #machine(id: MachineId): LibxlMachine {
    const machine = this.#machines.get(id);
    if (machine) return machine;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `No guest with the uuid ${id} was registered.`);
  }
}
