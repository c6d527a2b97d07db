import {
  errorMessage,
  JitsuError,
  type BootConfigurator,
  type Logger,
  type Registration,
  type MachineId,
} from '@jitsud/core/plugin';
import { bootConfig } from './boot-config.js';
import { CallFailed } from './call-failed.js';
import { domainConfig, type DomainConfig } from './domain-config.js';
import { hasNotRun, type DomainInfo } from './domain-info.js';
import type { Domains } from './domains.js';
import type { LibxlOptions } from './libxl-options.js';
import type { LibxlConnection } from './libxl-connection.js';
import { hashOf, type Origin, type SavedMemory } from './saved-memory.js';

/** What is needed to create domains. */
export interface DomainMakers {
  readonly libxl: LibxlConnection;
  readonly domains: Domains;
  readonly saves: SavedMemory;
  readonly configurators: readonly BootConfigurator[];
  readonly logger: Logger;
}

/** An existing domain, in any state. */
export interface FoundDomain {
  readonly domainId: number;
  readonly info: DomainInfo;
}

/**
 * The domain of one unikernel: single steps, of which the caller takes one at a time. All of them throw
 * `JITSU_BACKEND_FAILED` and `JITSU_BACKEND_UNREACHABLE`.
 */
export class GuestDomain {
  readonly #config: DomainConfig;

  constructor(
    private readonly id: MachineId,
    private readonly options: LibxlOptions,
    private readonly makers: DomainMakers,
  ) {
    this.#config = domainConfig(id, options);
  }

  /** The configured MAC addresses of its network cards, in their order. */
  get configuredMacs(): readonly string[] {
    return this.#config.nics.map(({ mac }) => mac);
  }

  async find(): Promise<FoundDomain | undefined> {
    const domainId = await this.makers.domains.find(this.id);
    if (domainId === undefined) return undefined;
    try {
      const json = await this.makers.libxl.call('info', domainId);
      return json === null ? undefined : { domainId, info: JSON.parse(json) as DomainInfo };
    } catch (error) {
      throw this.#refusal('looked at', error);
    }
  }

  /** What is known about its saved memory. */
  async savedMemory() {
    return this.makers.saves.find(await this.#origin());
  }

  /** Creates it, runs the boot configurators, and unpauses it. A domain that fails on the way is removed. */
  async boot(): Promise<void> {
    const { libxl, configurators } = this.makers;
    const registration: Registration = { name: this.options.name, options: this.options };
    const config = await bootConfig(this.#config, configurators, registration).catch((error: unknown) => {
      throw this.#refusal('prepared for its boot', error);
    });
    const domainId = await this.#make(() => libxl.call('create', JSON.stringify(config)), 'created');
    await this.#orDestroy(domainId, async () => {
      for (const configurator of configurators) {
        await configurator.configure({ ...registration, id: this.id, domainId });
      }
      await this.unpause(domainId);
    });
  }

  /** Restores it from its saved memory, which is removed. */
  async restore(): Promise<void> {
    const { libxl, saves } = this.makers;
    const file = saves.fileOf(this.id);
    const json = JSON.stringify(this.#config);
    let domainId: number;
    try {
      domainId = await this.#make(() => libxl.call('restore', json, file), 'restored from its saved memory');
    } catch (error) {
      if (error instanceof JitsuError && error.code !== 'JITSU_BACKEND_FAILED') throw error;
      await saves.remove(this.id);
      const message = `${errorMessage(error)} Its saved memory was removed: the next start boots it anew.`;
      throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
    }
    await this.#orDestroy(domainId, async () => {
      // Before it executes: memory that is older than the guest's disks must never be restored.
      await saves.remove(this.id);
      await this.unpause(domainId);
    });
  }

  async pause(domainId: number): Promise<void> {
    await this.#orRefuse('paused', () => this.makers.libxl.call('pause', domainId));
  }

  async unpause(domainId: number): Promise<void> {
    await this.#orRefuse('unpaused', () => this.makers.libxl.call('unpause', domainId));
  }

  /** Saves its memory, and ends it. @throws the signal's reason when that aborts before the save has begun */
  async save(domainId: number, signal: AbortSignal): Promise<void> {
    const { libxl, domains, saves } = this.makers;
    await domains.untilSuspendable(domainId, signal);
    const file = await saves.prepare(this.id);
    const origin = await this.#origin();
    try {
      await this.#orRefuse('suspended', () => libxl.call('save', domainId, file));
      await saves.label(origin);
    } catch (error) {
      await saves.remove(this.id);
      throw error;
    }
    await this.destroy(domainId);
  }

  /** Destroys the domain; it may be gone already. */
  async destroy(domainId: number): Promise<void> {
    try {
      await this.makers.libxl.call('destroy', domainId);
    } catch (error) {
      const found = await this.find();
      if (found?.domainId === domainId && !found.info.dying) throw this.#refusal('destroyed', error);
    }
  }

  /** Creates a domain. If the process of libxl dies meanwhile, what it may have left is removed. */
  async #make(make: () => Promise<number>, doing: string): Promise<number> {
    try {
      return await make();
    } catch (error) {
      if (error instanceof CallFailed && error.hasDied) {
        await this.#removeUnborn().catch((reason: unknown) => {
          const { name } = this.options;
          this.makers.logger.warn({ unikernel: name }, `${name}: ${errorMessage(reason)}`);
        });
      }
      throw this.#refusal(doing, error);
    }
  }

  async #removeUnborn(): Promise<void> {
    const found = await this.find();
    if (found !== undefined && hasNotRun(found.info)) await this.destroy(found.domainId);
  }

  async #orDestroy(domainId: number, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      await this.destroy(domainId).catch((reason: unknown) => {
        this.makers.logger.error({ unikernel: this.options.name, domainId }, errorMessage(reason));
      });
      throw this.#refusal('prepared for its boot', error);
    }
  }

  async #origin(): Promise<Origin> {
    return { uuid: this.id, hash: await hashOf(this.#config), version: this.makers.libxl.version };
  }

  async #orRefuse(doing: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      throw this.#refusal(doing, error);
    }
  }

  /** Completes the sentence "NAME cannot be …". */
  #refusal(doing: string, error: unknown): unknown {
    if (error instanceof JitsuError) return error;
    const message = `${this.options.name} cannot be ${doing}. ${errorMessage(error)}. The logs in /var/log/xen and \`xl dmesg\` may say more.`;
    return new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
  }
}
