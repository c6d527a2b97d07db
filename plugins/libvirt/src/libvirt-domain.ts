import type { Machine, MachineDescription, MachineId, PowerState, StopMode } from '@jitsud/core/plugin';
import { CallFailed } from './call-failed.js';
import type { DomainDefinition } from './domain-definition.js';
import { domainRefusal } from './domain-refusal.js';
import { stateInWords, type StateInWords } from './domain-state.js';
import { macsOf, withUuid } from './domain-xml.js';
import { LibvirtErrorNumber } from './error-name.js';
import type { LibvirtConnection } from './libvirt-connection.js';

/** What changes the power of a domain. */
type PowerOperation = 'create' | 'destroy' | 'shutdown' | 'suspend' | 'resume' | 'wakeUp' | 'managedSave';

/** One domain, which somebody may undefine behind our back. */
export class LibvirtDomain implements Machine {
  /** How many events of it were heard: what was asked before an event is older than that. */
  events = 0;

  /** `name` is what Jitsu calls it. */
  constructor(
    readonly id: MachineId,
    readonly name: string,
    private readonly definition: DomainDefinition | undefined,
    private readonly connection: LibvirtConnection,
  ) {}

  /**
   * Its state alone, for which libvirt need not write its XML, and we need not read that.
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

  /** Asks the guest to power off. One that does not run cannot be asked. */
  async #shutDown(): Promise<void> {
    const { state } = await this.state();
    if (state === 'off') return;
    if (state === 'paused') await this.#perform('resume', 'unpaused', ['running']);
    if (state === 'suspended') await this.#perform('wakeUp', 'woken up', ['running']);
    await this.#perform('shutdown', 'shut down', ['off', 'stopping']);
  }

  /**
   * Has libvirt do something, completing the sentence "NAME cannot be …". It may find it done already: then the domain is
   * in one of the states `done`.
   * @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED
   */
  async #perform(operation: PowerOperation, doing: string, done: readonly PowerState[]): Promise<void> {
    try {
      await this.#call(operation);
    } catch (error) {
      // Which code tells that there was nothing to do differs from driver to driver.
      if (error instanceof CallFailed && done.includes((await this.state()).state)) return;
      throw this.#refusal(doing, error);
    }
  }

  /** Starts it; defined anew first where it is gone and we know how. */
  async #call(operation: PowerOperation): Promise<void> {
    try {
      await this.connection.call(operation, this.id);
    } catch (error) {
      if (operation !== 'create' || !this.definition || !isGone(error)) throw error;
      await this.connection.call('define', withUuid(this.definition.xml, this.id));
      await this.connection.call('create', this.id);
    }
  }

  /** What is not there does not run: its state is known. Throws where that is not what the error says. */
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
