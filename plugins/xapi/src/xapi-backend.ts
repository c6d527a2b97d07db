import {
  CLOCK,
  inject,
  injectable,
  JitsuError,
  LOGGER,
  MachineById,
  optionsOf,
  PowerWatch,
  untilAborted,
  type Backend,
  type BackendCapabilities,
  type Clock,
  type Logger,
  type PowerChange,
  type Registration,
  type StopMode,
  type MachineDescription,
  type MachineId,
} from '@jitsud/core/plugin';
import { findVm } from './find-vm.js';
import { hostReference } from './host-reference.js';
import { parsePoolAddress } from './pool-address.js';
import { PoolConnection } from './pool-connection.js';
import { readPassword, takePasswordOfEnvironment } from './read-password.js';
import { shutDown } from './shut-down.js';
import { trustOf } from './trust.js';
import { connectionOptions, type ConnectionOptions, type XapiOptions } from './xapi-options.js';
import { XapiVm } from './xapi-vm.js';

interface Registered {
  readonly vm: XapiVm;
  /** The host on which to start it. */
  readonly host: string | undefined;
}

/** Not in a paused state, and without any force. */
const START = [false, false];

/** Runs unikernels as VMs of one pool. */
@injectable()
export class XapiBackend implements Backend<XapiOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: ['destroy', 'shutdown', 'suspend'],
    bootConfigurators: false,
  };
  readonly #pool: PoolConnection;
  readonly #power: PowerWatch;
  readonly #registered = new Map<MachineId, Registered>();

  constructor(
    @inject(optionsOf(connectionOptions)) options: ConnectionOptions,
    @inject(LOGGER) private readonly logger: Logger,
    @inject(CLOCK) private readonly clock: Clock,
  ) {
    const address = parsePoolAddress(options.connect);
    if (!address) throw new JitsuError('JITSU_CONFIG_INVALID', 'The URI of the pool is none.');
    const { url, user, password } = address;
    const ofEnvironment = takePasswordOfEnvironment();
    const access = async () => ({
      user,
      password: await readPassword(url, password, options.passwordFile, ofEnvironment),
      trust: await trustOf(options),
    });
    this.#power = new PowerWatch(logger);
    this.#pool = new PoolConnection(url, access, clock, logger, {
      onVm: (uuid) => this.#tell(uuid),
      onAll: () => this.#tellAll(),
      onLost: ({ message }) => {
        for (const id of this.#registered.keys()) this.#power.tell(id, 'unknown', message);
      },
    });
  }

  async connect(): Promise<void> {
    await this.#pool.open();
    this.#tellAll();
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async register({ name, options }: Registration<XapiOptions>): Promise<MachineId> {
    const id = findVm(this.#pool, name, options);
    if (options.host !== undefined) await hostReference(this.#pool, name, options.host);
    this.#registered.set(id, { vm: new XapiVm(id, name, this.#pool, this.clock), host: options.host });
    this.#tell(id);
    return id;
  }

  async machine(registration: Registration<XapiOptions>): Promise<MachineById> {
    return new MachineById(this, await this.register(registration));
  }

  async describe(id: MachineId): Promise<MachineDescription> {
    return this.#of(id).vm.describe();
  }

  async addresses(id: MachineId): Promise<readonly string[]> {
    return this.#of(id).vm.addresses();
  }

  async start(id: MachineId): Promise<void> {
    const { vm, host } = this.#of(id);
    const performance = { doing: 'started', done: ['running'] } as const;
    if (host === undefined) return vm.perform('start', { ...performance, parameters: START });
    const parameters = [await hostReference(this.#pool, vm.name, host), ...START];
    return vm.perform('start_on', { ...performance, parameters });
  }

  async resume(id: MachineId): Promise<void> {
    const { vm, host } = this.#of(id);
    if (vm.state().state !== 'suspended') return;
    const performance = { doing: 'resumed', done: ['running'] } as const;
    if (host === undefined) return vm.perform('resume', { ...performance, parameters: START });
    const parameters = [await hostReference(this.#pool, vm.name, host), ...START];
    return vm.perform('resume_on', { ...performance, parameters });
  }

  async unpause(id: MachineId): Promise<void> {
    const { vm } = this.#of(id);
    if (vm.state().state === 'paused') await vm.perform('unpause', { doing: 'unpaused', done: ['running'] });
  }

  async stop(id: MachineId, mode: StopMode, signal: AbortSignal): Promise<void> {
    const { vm } = this.#of(id);
    if (!this.capabilities.stopModes.includes(mode)) {
      const modes = this.capabilities.stopModes.join(', ');
      const message = `${vm.name} is a VM of a pool, which cannot be stopped by '${mode}', only by ${modes}.`;
      throw new JitsuError('JITSU_STOP_MODE_UNSUPPORTED', message);
    }
    signal.throwIfAborted();
    await untilAborted(this.#stop(vm, mode, signal), signal);
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#power.watch(listener);
  }

  async #stop(vm: XapiVm, mode: StopMode, signal: AbortSignal): Promise<void> {
    if (mode === 'shutdown') return shutDown(vm, this.#power, this.logger, signal);
    const { state } = vm.state();
    if (state === 'off') return;
    if (mode === 'destroy') return vm.perform('hard_shutdown', { doing: 'shut down', done: ['off'] });
    if (state === 'suspended') return;
    // Only what runs can be saved.
    if (state === 'paused') await vm.perform('unpause', { doing: 'unpaused', done: ['running'] });
    return vm.perform('suspend', { doing: 'suspended', done: ['suspended', 'off'] });
  }

  #tell(id: MachineId): void {
    const vm = this.#registered.get(id)?.vm;
    if (!vm) return;
    const { state, detail } = vm.state();
    this.#power.tell(id, state, detail);
  }

  #tellAll(): void {
    for (const id of this.#registered.keys()) this.#tell(id);
  }

  #of(id: MachineId): Registered {
    const registered = this.#registered.get(id);
    if (registered) return registered;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `No VM with the uuid ${id} was registered.`);
  }
}
