import {
  CLOCK,
  CountedTraffic,
  errorCode,
  errorMessage,
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
import { readDefinition, type DomainDefinition } from './domain-definition.js';
import { isOfDefinition, stateAfter } from './domain-event.js';
import { pollDomains } from './domain-poll.js';
import type { DomainEvent } from './event-loop.js';
import { findDomain, lookForDomain } from './find-domain.js';
import { LibvirtConnection } from './libvirt-connection.js';
import { LibvirtDomain } from './libvirt-domain.js';
import { connectionOptions, type ConnectionOptions, type LibvirtOptions } from './libvirt-options.js';
import { whyRoot } from './why-root.js';

export const STOP_MODES = ['destroy', 'shutdown', 'suspend', 'managedsave'];

/** Runs unikernels as domains of one libvirt. */
export class LibvirtBackend implements Backend<LibvirtOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: STOP_MODES,
    bootConfigurators: false,
  };
  readonly needsRoot: string | undefined;
  readonly activity: CountedTraffic | undefined;
  readonly #connection: LibvirtConnection;
  /** The domains that were handed out; events of others are ignored. */
  readonly #domains = new Map<MachineId, LibvirtDomain>();
  readonly #changes = new PowerWatch();
  #poll: Disposable | undefined;

  constructor(
    @inject(optionsOf(connectionOptions)) { connect, trafficThreshold }: ConnectionOptions,
    @inject(LOGGER) logger: Logger,
    @inject(CLOCK) private readonly clock: Clock,
  ) {
    this.needsRoot = whyRoot(connect);
    this.#connection = new LibvirtConnection(connect, clock, logger, {
      onDomain: (event) => this.#hear(event),
      onLost: (reason) => this.#changes.tellUnknown(this.#domains.keys(), reason),
      onBack: () => void this.#lookAtAll(),
    });
    if (trafficThreshold !== undefined) this.activity = this.#counted(trafficThreshold);
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

  async machine({ name, options }: Registration<LibvirtOptions>): Promise<Machine> {
    const definition = await definitionOf(name, options);
    const id = await findDomain(this.#connection, name, options, definition);
    const domain = new LibvirtDomain(id, name, definition, this.#connection);
    this.#domains.set(id, domain);
    return domain;
  }

  async check({ name, options }: Registration<LibvirtOptions>): Promise<void> {
    await this.#connection.open();
    await lookForDomain(this.#connection, name, options, await definitionOf(name, options));
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#changes.watch(listener);
  }

  #counted(threshold: number): CountedTraffic {
    return new CountedTraffic(this.clock, threshold, async ({ machine: id }) => {
      try {
        return await this.#connection.call('packets', id);
      } catch (error) {
        const message = `The packets of the domain ${id} cannot be counted: ${errorMessage(error)}`;
        throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
      }
    });
  }

  #hear({ uuid, event, detail }: DomainEvent): void {
    const domain = this.#domains.get(uuid);
    // The definition of a new domain may be told after the domain was handed out. To look then would report that the
    // domain is off, which is no change.
    if (!domain || isOfDefinition(event)) return;
    domain.events += 1;
    const after = stateAfter(event, detail);
    if (after) this.#changes.tell({ id: uuid, ...after });
    else void this.#look(domain);
  }

  async #lookAtAll(): Promise<void> {
    await Promise.all([...this.#domains.values()].map((domain) => this.#look(domain)));
  }

  /** Never rejects: a domain that cannot be described is in an unknown state. */
  async #look(domain: LibvirtDomain): Promise<void> {
    const { id, events } = domain;
    const now = await domain
      .state()
      .catch((error: unknown) => ({ state: 'unknown' as const, detail: errorMessage(error) }));
    // An event that has come meanwhile is newer.
    if (domain.events === events) this.#changes.tell({ id, ...now });
  }
}

/** @throws JITSU_UNIKERNEL_UNAVAILABLE for a file that is not there, JITSU_UNIKERNEL_INVALID for any other problem of it */
async function definitionOf(name: string, options: LibvirtOptions): Promise<DomainDefinition | undefined> {
  try {
    return await readDefinition(options);
  } catch (error) {
    const isMissing = errorCode((error as Error).cause) === 'ENOENT';
    const code = isMissing ? 'JITSU_UNIKERNEL_UNAVAILABLE' : 'JITSU_UNIKERNEL_INVALID';
    throw new JitsuError(code, `${name} cannot be a domain of libvirt. ${errorMessage(error)}.`, { cause: error });
  }
}
