import type { PowerState, UnikernelDescription, UnikernelId } from '@jitsud/core';
import { CallFailed } from './call-failed.js';
import type { DomainDefinition } from './domain-definition.js';
import { domainRefusal } from './domain-refusal.js';
import { stateInWords } from './domain-state.js';
import { macsOf, withUuid } from './domain-xml.js';
import { LibvirtErrorNumber } from './error-name.js';
import type { LibvirtConnection } from './libvirt-connection.js';

/** What changes the power of a domain. */
export type PowerOperation = 'create' | 'destroy' | 'shutdown' | 'suspend' | 'resume' | 'wakeUp' | 'managedSave';

/** One registered domain, which somebody may undefine behind our back. */
export class LibvirtDomain {
  /** How many events of it were heard: what was asked before an event is older than that. */
  events = 0;

  /** `name` is what Jitsu calls it. */
  constructor(
    readonly id: UnikernelId,
    readonly name: string,
    private readonly definition: DomainDefinition | undefined,
    private readonly connection: LibvirtConnection,
  ) {}

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED */
  async describe(): Promise<UnikernelDescription> {
    try {
      const { name, state, reason, macs, domainId } = await this.connection.call('describe', this.id);
      return { name, macs, ...stateInWords(state, reason), ...(domainId !== undefined && { domainId }) };
    } catch (error) {
      if (!isGone(error)) throw this.#refusal('looked at', error);
      const { definition } = this;
      const detail = 'libvirt does not have it any more';
      // What is not there does not run: its state is known.
      if (!definition) return { name: this.name, state: 'off', macs: [], detail };
      const cure = `${detail}; its next start defines it from ${definition.file}`;
      return { name: definition.name, state: 'off', macs: macsOf(definition.xml), detail: cure };
    }
  }

  /**
   * Has libvirt do something, completing the sentence "NAME cannot be …". It may find it done already: then the domain is
   * in one of the states `done`.
   * @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED
   */
  async perform(operation: PowerOperation, doing: string, done: readonly PowerState[]): Promise<void> {
    try {
      await this.#call(operation);
    } catch (error) {
      // Which code tells that there was nothing to do differs from driver to driver.
      if (error instanceof CallFailed && done.includes((await this.describe()).state)) return;
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

  #refusal(doing: string, error: unknown): unknown {
    return error instanceof CallFailed ? domainRefusal(this.connection.uri, this.name, doing, error) : error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof CallFailed && error.number === LibvirtErrorNumber.VIR_ERR_NO_DOMAIN;
}
