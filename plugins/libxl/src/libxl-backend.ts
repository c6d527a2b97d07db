import {
  BOOT_CONFIGURATORS,
  CLOCK,
  CONNECTION_NAME,
  inject,
  JitsuError,
  LOGGER,
  PowerWatch,
  optionsOf,
  RUNTIME_DIRECTORY,
  stableUuid,
  type Backend,
  type BackendCapabilities,
  type BootConfigurator,
  type Clock,
  type Logger,
  type Machine,
  type MachineId,
  type PowerChange,
  type Registration,
} from '@jitsud/core/plugin';
import { join, resolve } from 'node:path';
import { checkFiles } from './check-files.js';
import { Domains } from './domains.js';
import { LibxlMachine } from './libxl-machine.js';
import { connectionOptions, type ConnectionOptions, type LibxlOptions } from './libxl-options.js';
import { SavedMemory } from './saved-memory.js';
import { XenHost } from './xen-host.js';

export const STOP_MODES = ['destroy', 'shutdown', 'suspend', 'pause'];

/** Runs unikernels as guests of the Xen host that Jitsu itself runs on, in dom0. */
export class LibxlBackend implements Backend<LibxlOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: STOP_MODES,
    bootConfigurators: true,
  };
  readonly needsRoot = 'Xen takes guests from root alone';
  readonly #host: XenHost;
  readonly #domains: Domains;
  readonly #saves: SavedMemory;
  /** The machines that were handed out. */
  readonly #machines = new Map<MachineId, LibxlMachine>();
  readonly #changes = new PowerWatch();

  constructor(
    @inject(optionsOf(connectionOptions)) { saves }: ConnectionOptions,
    @inject(CONNECTION_NAME) private readonly connection: string,
    @inject(RUNTIME_DIRECTORY) runtimeDirectory: string,
    @inject(BOOT_CONFIGURATORS) private readonly configurators: readonly BootConfigurator[],
    @inject(CLOCK) clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#saves = new SavedMemory(resolve(saves ?? join(runtimeDirectory, 'libxl')));
    this.#domains = new Domains(() => this.#host.xenstore, clock);
    this.#host = new XenHost(clock, logger, {
      onChange: () => {
        for (const machine of this.#machines.values()) machine.look();
      },
      onLost: ({ message }) => this.#changes.tellUnknown(this.#machines.keys(), message),
    });
  }

  async connect(): Promise<void> {
    await this.#host.open();
    await Promise.all([...this.#machines.values()].map((machine) => machine.looked()));
  }

  async close(): Promise<void> {
    await this.#host.close();
  }

  async machine({ name, options }: Registration<LibxlOptions>): Promise<Machine> {
    const problems = await checkFiles(options);
    if (problems.length > 0) {
      const message = `${name} cannot be a guest of Xen. ${problems.join('; ')}.`;
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', message);
    }
    const id = options.uuid ?? stableUuid('jitsu libxl', this.connection, options.name);
    const machine =
      this.#machines.get(id) ??
      new LibxlMachine(id, options, {
        libxl: this.#host.libxl,
        domains: this.#domains,
        saves: this.#saves,
        configurators: this.configurators,
        logger: this.logger,
        onState: (change) => this.#changes.tell(change),
      });
    machine.configure(options);
    this.#machines.set(id, machine);
    await machine.looked();
    return machine;
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#changes.watch(listener);
  }
}
