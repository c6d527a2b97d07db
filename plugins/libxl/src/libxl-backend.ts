import {
  BOOT_CONFIGURATORS,
  CLOCK,
  CONNECTION_NAME,
  CountedTraffic,
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
  type Milliseconds,
  type PowerChange,
  type Registration,
} from '@jitsud/core/plugin';
import { join, resolve } from 'node:path';
import { checkFiles } from './check-files.js';
import { interfacePackets } from './interface-packets.js';
import { LibxlMachine } from './libxl-machine.js';
import { connectionOptions, type ConnectionOptions, type LibxlOptions } from './libxl-options.js';
import { SealedHost } from './sealed/sealed-host.js';
import { XenHost, type XenListener, type XenParts } from './xen-host.js';

/** How long the steps under way may take when Jitsu gives up root. */
const HAND_OVER_LIMIT: Milliseconds = 5_000;

export const STOP_MODES = ['destroy', 'shutdown', 'suspend', 'pause'];

/** Runs unikernels as guests of the Xen host that Jitsu itself runs on, in dom0. */
export class LibxlBackend implements Backend<LibxlOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: STOP_MODES,
    bootConfigurators: true,
  };
  readonly activity: CountedTraffic | undefined;
  /** The folder for the memory of suspended guests. */
  readonly #saves: string;
  readonly #listener: XenListener;
  /** A process of its own when Jitsu has given up root. */
  #host: XenHost | SealedHost;
  /** The machines that were handed out. */
  readonly #machines = new Map<MachineId, LibxlMachine>();
  readonly #changes = new PowerWatch();

  constructor(
    @inject(optionsOf(connectionOptions)) { saves, trafficThreshold }: ConnectionOptions,
    @inject(CONNECTION_NAME) private readonly connection: string,
    @inject(RUNTIME_DIRECTORY) runtimeDirectory: string,
    @inject(BOOT_CONFIGURATORS) private readonly configurators: readonly BootConfigurator[],
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
    private readonly parts: XenParts = {},
  ) {
    this.#listener = {
      onChange: () => {
        for (const machine of this.#machines.values()) machine.look();
      },
      onLost: ({ message }) => this.#changes.tellUnknown(this.#machines.keys(), message),
    };
    this.#saves = resolve(saves ?? join(runtimeDirectory, 'libxl'));
    this.#host = this.#directHost();
    if (trafficThreshold !== undefined) this.activity = this.#counted(trafficThreshold);
  }

  async connect(): Promise<void> {
    if (this.#host instanceof SealedHost && !this.#host.isOpen) await this.#use(this.#directHost());
    await this.#host.open();
    await Promise.all([...this.#machines.values()].map((machine) => machine.looked()));
  }

  async close(): Promise<void> {
    await this.#host.close();
  }

  /** Hands its guests, xenstore, libxl and saved memory to a process that keeps root. */
  async beforeDrop(): Promise<void> {
    const machines = [...this.#machines.values()];
    const guests = await Promise.all(machines.map((machine) => machine.fixed()));
    const { parts } = this;
    const sealed = new SealedHost({ saves: this.#saves, guests, parts }, this.logger, this.#listener);
    try {
      await sealed.open();
    } catch (error) {
      await sealed.close();
      throw error;
    }
    const direct = this.#host;
    await this.#use(sealed);
    await direct.close();
  }

  async machine({ name, options }: Registration<LibxlOptions>): Promise<Machine> {
    // A user who is not root need not see them, and nothing can be registered any more that is not known.
    if (!(this.#host instanceof SealedHost)) await this.#checkFiles(name, options);
    const id = options.uuid ?? stableUuid('jitsu libxl', this.connection, options.name);
    const machine =
      this.#machines.get(id) ??
      new LibxlMachine(id, options, {
        guest: (plan) => this.#host.guest(plan),
        configurators: this.configurators,
        logger: this.logger,
        onState: (change) => this.#changes.tell(change),
      });
    machine.configure(options);
    this.#machines.set(id, machine);
    await machine.looked();
    return machine;
  }

  async check({ name, options }: Registration<LibxlOptions>): Promise<void> {
    await this.#host.open();
    await this.#checkFiles(name, options);
  }

  async hostMemory(): Promise<number | undefined> {
    return this.#host instanceof SealedHost ? undefined : this.#host.memory();
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#changes.watch(listener);
  }

  /** @throws JITSU_UNIKERNEL_UNAVAILABLE where files are not there, JITSU_UNIKERNEL_INVALID where anything else is wrong */
  async #checkFiles(name: string, options: LibxlOptions): Promise<void> {
    const problems = await checkFiles(options);
    if (problems.length === 0) return;
    const code = problems.every(({ isMissing }) => isMissing)
      ? 'JITSU_UNIKERNEL_UNAVAILABLE'
      : 'JITSU_UNIKERNEL_INVALID';
    const message = `${name} cannot be a guest of Xen. ${problems.map(({ text }) => text).join('; ')}.`;
    throw new JitsuError(code, message);
  }

  #counted(threshold: number): CountedTraffic {
    return new CountedTraffic(this.clock, threshold, async ({ machine: id }) => {
      const machine = this.#machines.get(id);
      // It may have been started again since the core has looked.
      const domainId = (await machine?.describe())?.domainId;
      if (machine !== undefined && domainId !== undefined) {
        return interfacePackets(domainId, machine.interfaces, this.parts.interfaces);
      }
      throw new JitsuError('JITSU_BACKEND_FAILED', `The guest ${id} does not run, so nobody counts its packets`);
    });
  }

  #directHost(): XenHost {
    return new XenHost(this.#saves, this.clock, this.logger, this.#listener, this.parts);
  }

  /** All machines take their steps by it. Those under way end before, unless they take too long: then they fail. */
  async #use(host: XenHost | SealedHost): Promise<void> {
    this.#host = host;
    const machines = [...this.#machines.values()];
    const enough = new AbortController();
    const timeout = this.clock.sleep(HAND_OVER_LIMIT, enough.signal).catch(() => undefined);
    await Promise.race([Promise.all(machines.map((machine) => machine.renew())), timeout]);
    enough.abort();
    for (const machine of machines) machine.useHost();
  }
}
