import {
  CLOCK,
  inject,
  JitsuError,
  LOGGER,
  PowerWatch,
  optionsOf,
  type Backend,
  type BackendCapabilities,
  type Clock,
  type Logger,
  type Machine,
  type MachineId,
  type PowerChange,
  type Registration,
} from '@jitsud/core/plugin';
import { findVm } from './find-vm.js';
import { hostReference } from './host-reference.js';
import { KeptFile } from './kept-file.js';
import { parsePoolAddress } from './pool-address.js';
import { PoolConnection } from './pool-connection.js';
import { readPassword, takePasswordOfEnvironment } from './read-password.js';
import { trustOf } from './trust.js';
import { VmTraffic } from './vm-traffic.js';
import { connectionOptions, type ConnectionOptions, type XapiOptions } from './xapi-options.js';
import { XapiVm } from './xapi-vm.js';

export const STOP_MODES = ['destroy', 'shutdown', 'suspend'];

/** Runs unikernels as VMs of one pool. */
export class XapiBackend implements Backend<XapiOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: STOP_MODES,
    bootConfigurators: false,
  };
  readonly activity: VmTraffic | undefined;
  readonly #pool: PoolConnection;
  /** The VMs that were handed out. */
  readonly #vms = new Map<MachineId, XapiVm>();
  readonly #changes = new PowerWatch();

  constructor(
    @inject(optionsOf(connectionOptions)) options: ConnectionOptions,
    @inject(LOGGER) private readonly logger: Logger,
    @inject(CLOCK) private readonly clock: Clock,
  ) {
    const address = parsePoolAddress(options.connect);
    if (!address) throw new JitsuError('JITSU_CONFIG_INVALID', 'The URI of the pool is none.');
    const { url, user, password } = address;
    const ofEnvironment = takePasswordOfEnvironment();
    const [passwordFile, certificate] = [options.passwordFile, options.certificate].map((path) =>
      path === undefined ? undefined : new KeptFile(path),
    );
    const access = async () => ({
      user,
      password: await readPassword(url, password, passwordFile, ofEnvironment),
      trust: await trustOf(certificate, options.allowUnauthorized),
    });
    this.#pool = new PoolConnection(url, access, clock, logger, {
      onVm: (uuid) => this.#tell(uuid),
      onAll: () => this.#tellAll(),
      onLost: (reason) => this.#changes.tellUnknown(this.#vms.keys(), reason),
    });
    const { trafficThreshold } = options;
    if (trafficThreshold !== undefined) this.activity = new VmTraffic(this.#pool, clock, trafficThreshold);
  }

  async connect(): Promise<void> {
    await this.#pool.open();
    this.#tellAll();
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async machine({ name, options }: Registration<XapiOptions>): Promise<Machine> {
    const id = findVm(this.#pool, name, options);
    if (options.host !== undefined) await hostReference(this.#pool, name, options.host);
    const vm = new XapiVm(id, name, options.host, this.#pool, this.clock, this.logger);
    this.#vms.set(id, vm);
    return vm;
  }

  async check({ name, options }: Registration<XapiOptions>): Promise<void> {
    await this.#pool.open();
    findVm(this.#pool, name, options);
    if (options.host !== undefined) await hostReference(this.#pool, name, options.host);
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#changes.watch(listener);
  }

  #tell(id: MachineId): void {
    const vm = this.#vms.get(id);
    if (vm) this.#changes.tell({ id, ...vm.state() });
  }

  #tellAll(): void {
    for (const id of this.#vms.keys()) this.#tell(id);
  }
}
