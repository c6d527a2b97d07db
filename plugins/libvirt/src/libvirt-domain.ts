import type { Machine, MachineDescription, MachineId, PowerState, StopMode } from '@jitsud/core/plugin';
import { CallFailed } from './call-failed.js';
import type { DomainDefinition } from './domain-definition.js';
import { domainRefusal } from './domain-refusal.js';
import { stateInWords, type StateInWords } from './domain-state.js';
import { macsOf, withUuid } from './domain-xml.js';
import { LibvirtErrorNumber } from './error-name.js';
import type { LibvirtConnection } from './libvirt-connection.js';

/** An operation that changes the power state of a domain. */
type PowerOperation = 'create' | 'destroy' | 'shutdown' | 'suspend' | 'resume' | 'wakeUp' | 'managedSave';

/** One domain, which others may undefine at any time. */
export class LibvirtDomain implements Machine {
  /** The number of its events so far: a result requested before an event is older than the event. */
  events = 0;

  /** @param name its name in Jitsu */
  constructor(
    readonly id: MachineId,
    readonly name: string,
    private readonly definition: DomainDefinition | undefined,
    private readonly connection: LibvirtConnection,
  ) {}

  /**
   * Its state alone, without its XML, which libvirt would have to write and we to parse.
   * @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED
   */
  async state(): Promise<StateInWords> {
    try {
      const { state, reason } = await this.connection.call('state', this.id);
      return stateInWords(state, reason);
    } catch (error) {
      return this.#stateOfGone(error);
    }
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED */
  async describe(): Promise<MachineDescription> {
    try {
      const { name, state, reason, macs, domainId } = await this.connection.call('describe', this.id);
      return { name, macs, ...stateInWords(state, reason), ...(domainId !== undefined && { domainId }) };
    } catch (error) {
      const gone = this.#stateOfGone(error);
      const { definition } = this;
      return { name: definition?.name ?? this.name, macs: definition ? macsOf(definition.xml) : [], ...gone };
    }
  }

  start(): Promise<void> {
    return this.#perform('create', 'started', ['running', 'starting']);
  }

  async resume(): Promise<void> {
    if ((await this.state()).state === 'suspended') await this.#perform('wakeUp', 'woken up', ['running']);
  }

  async unpause(): Promise<void> {
    if ((await this.state()).state === 'paused') await this.#perform('resume', 'unpaused', ['running']);
  }

  async stop(mode: StopMode): Promise<void> {
    if (mode === 'shutdown') await this.#shutDown();
    else if (mode === 'suspend') await this.#perform('suspend', 'suspended', ['paused', 'suspended', 'off']);
    else if (mode === 'managedsave') await this.#perform('managedSave', 'saved', ['off']);
    else await this.#perform('destroy', 'destroyed', ['off']);
  }

  /** Asks the guest to power off. A guest that does not run cannot be asked. */
  async #shutDown(): Promise<void> {
    const { state } = await this.state();
    if (state === 'off') return;
    if (state === 'paused') await this.#perform('resume', 'unpaused', ['running']);
    if (state === 'suspended') await this.#perform('wakeUp', 'woken up', ['running']);
    await this.#perform('shutdown', 'shut down', ['off', 'stopping']);
  }

  /**
   * Calls an operation of libvirt; `doing` completes the sentence "NAME cannot be …". It succeeds, too, where there is
   * nothing to do: the domain is in one of the states `done`.
   * @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED
   */
  async #perform(operation: PowerOperation, doing: string, done: readonly PowerState[]): Promise<void> {
    try {
      await this.#call(operation);
    } catch (error) {
      // The code for "nothing to do" differs between drivers.
      if (error instanceof CallFailed && done.includes((await this.state()).state)) return;
      throw this.#refusal(doing, error);
    }
  }

  /** Calls an operation; a domain that is gone is defined again first, where the options contain its definition. */
  async #call(operation: PowerOperation): Promise<void> {
    try {
      await this.connection.call(operation, this.id);
    } catch (error) {
      if (operation !== 'create' || !this.definition || !isGone(error)) throw error;
      await this.connection.call('define', withUuid(this.definition.xml, this.id));
      await this.connection.call('create', this.id);
    }
  }

  /** A domain that does not exist is off. Throws any other error. */
  #stateOfGone(error: unknown): StateInWords {
    if (!isGone(error)) throw this.#refusal('looked at', error);
    const cure = this.definition ? `; its next start defines it from ${this.definition.file}` : '';
    return { state: 'off', detail: `libvirt does not have it any more${cure}` };
  }

  #refusal(doing: string, error: unknown): unknown {
    return error instanceof CallFailed ? domainRefusal(this.connection.uri, this.name, doing, error) : error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof CallFailed && error.number === LibvirtErrorNumber.VIR_ERR_NO_DOMAIN;
}
