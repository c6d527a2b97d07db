import {
  CLOCK,
  errorMessage,
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
import { readDefinition } from './domain-definition.js';
import { stateAfter } from './domain-event.js';
import { pollDomains } from './domain-poll.js';
import type { DomainEvent } from './event-loop.js';
import { findDomain } from './find-domain.js';
import { LibvirtConnection } from './libvirt-connection.js';
import { LibvirtDomain } from './libvirt-domain.js';
import { connectionOptions, type ConnectionOptions, type LibvirtOptions } from './libvirt-options.js';
import { shutDown } from './shut-down.js';

/** Runs unikernels as domains of one libvirt. */
@injectable()
export class LibvirtBackend implements Backend<LibvirtOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: ['destroy', 'shutdown', 'suspend', 'managedsave'],
    bootConfigurators: false,
  };
  readonly #connection: LibvirtConnection;
  readonly #power: PowerWatch;
  readonly #domains = new Map<MachineId, LibvirtDomain>();
  readonly #starting = new Map<MachineId, Promise<void>>();
  #poll: Disposable | undefined;

  constructor(
    @inject(optionsOf(connectionOptions)) { connect }: ConnectionOptions,
    @inject(LOGGER) logger: Logger,
    @inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#power = new PowerWatch(logger);
    this.#connection = new LibvirtConnection(connect, clock, logger, {
      onDomain: (event) => this.#hear(event),
      onLost: ({ message }) => {
        for (const id of this.#domains.keys()) this.#power.tell(id, 'unknown', message);
      },
      onBack: () => void this.#lookAtAll(),
    });
  }

  async connect(): Promise<void> {
    await this.#connection.open();
    if (!this.#connection.tellsEvents) this.#poll ??= pollDomains(this.clock, () => this.#lookAtAll());
    await this.#lookAtAll();
  }

  async close(): Promise<void> {
    this.#poll?.[Symbol.dispose]();
    this.#poll = undefined;
    await this.#connection.close();
  }

  async register({ name, options }: Registration<LibvirtOptions>): Promise<MachineId> {
    const definition = await readDefinition(options).catch((error: unknown) => {
      const message = `${name} cannot be a domain of libvirt. ${errorMessage(error)}.`;
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', message, { cause: error });
    });
    const id = await findDomain(this.#connection, name, options, definition);
    const domain = new LibvirtDomain(id, name, definition, this.#connection);
    this.#domains.set(id, domain);
    await this.#look(domain);
    return id;
  }

  async machine(registration: Registration<LibvirtOptions>): Promise<MachineById> {
    return new MachineById(this, await this.register(registration));
  }

  async describe(id: MachineId): Promise<MachineDescription> {
    return this.#domain(id).describe();
  }

  async start(id: MachineId): Promise<void> {
    const domain = this.#domain(id);
    const start = (): Promise<void> => domain.perform('create', 'started', ['running', 'starting']);
    const started = this.#starting.get(id) ?? start().finally(() => this.#starting.delete(id));
    this.#starting.set(id, started);
    await started;
  }

  async resume(id: MachineId): Promise<void> {
    const domain = this.#domain(id);
    if ((await domain.state()).state === 'suspended') await domain.perform('wakeUp', 'woken up', ['running']);
  }

  async unpause(id: MachineId): Promise<void> {
    const domain = this.#domain(id);
    if ((await domain.state()).state === 'paused') await domain.perform('resume', 'unpaused', ['running']);
  }

  async stop(id: MachineId, mode: StopMode, signal: AbortSignal): Promise<void> {
    const domain = this.#domain(id);
    if (!this.capabilities.stopModes.includes(mode)) {
      const modes = this.capabilities.stopModes.join(', ');
      const message = `${domain.name} is a domain of libvirt, which cannot be stopped by '${mode}', only by ${modes}.`;
      throw new JitsuError('JITSU_STOP_MODE_UNSUPPORTED', message);
    }
    signal.throwIfAborted();
    await untilAborted(this.#stop(domain, mode, signal), signal);
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#power.watch(listener);
  }

  #stop(domain: LibvirtDomain, mode: StopMode, signal: AbortSignal): Promise<void> {
    if (mode === 'shutdown') return shutDown(domain, this.#power, signal);
    if (mode === 'suspend') return domain.perform('suspend', 'suspended', ['paused', 'suspended', 'off']);
    if (mode === 'managedsave') return domain.perform('managedSave', 'saved', ['off']);
    return domain.perform('destroy', 'destroyed', ['off']);
  }

  #hear({ uuid, event, detail }: DomainEvent): void {
    const domain = this.#domains.get(uuid);
    if (!domain) return;
    domain.events += 1;
    const after = stateAfter(event, detail);
    if (after) this.#power.tell(uuid, after.state, after.detail);
    else void this.#look(domain);
  }

  async #lookAtAll(): Promise<void> {
    await Promise.all([...this.#domains.values()].map((domain) => this.#look(domain)));
  }

  /** Never rejects: a domain that cannot be described is in an unknown state. */
  async #look(domain: LibvirtDomain): Promise<void> {
    const { events } = domain;
    const { state, detail } = await domain
      .state()
      .catch((error: unknown) => ({ state: 'unknown' as const, detail: errorMessage(error) }));
    // What an event has told meanwhile is newer.
    if (domain.events === events) this.#power.tell(domain.id, state, detail);
  }

  #domain(id: MachineId): LibvirtDomain {
    const domain = this.#domains.get(id);
    if (domain) return domain;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `No domain with the uuid ${id} was registered.`);
  }
}
