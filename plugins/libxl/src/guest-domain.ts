import { errorMessage, JitsuError, type Logger } from '@jitsud/core/plugin';
import { CallFailed } from './call-failed.js';
import type { DomainConfig } from './domain-config.js';
import { hasNotRun, type DomainInfo } from './domain-info.js';
import type { Domains } from './domains.js';
import type { FoundDomain, Guest, GuestPlan } from './guest.js';
import type { LibxlConnection } from './libxl-connection.js';
import { hashOf, type Finding, type Origin, type SavedMemory } from './saved-memory.js';

/** What is needed to create domains. */
export interface DomainMakers {
  readonly libxl: LibxlConnection;
  readonly domains: Domains;
  readonly saves: SavedMemory;
  readonly logger: Logger;
}

/** A guest whose steps are taken by libxl and xenstore. */
export class GuestDomain implements Guest {
  constructor(
    private readonly plan: GuestPlan,
    private readonly makers: DomainMakers,
  ) {}

  async find(): Promise<FoundDomain | undefined> {
    const domainId = await this.makers.domains.find(this.plan.id);
    const info = domainId === undefined ? undefined : await this.infoOf(domainId);
    return domainId === undefined || info === undefined ? undefined : { domainId, info };
  }

  /** What Xen knows about any domain; undefined where there is none. */
  async infoOf(domainId: number): Promise<DomainInfo | undefined> {
    try {
      const json = await this.makers.libxl.call('info', domainId);
      return json === null ? undefined : (JSON.parse(json) as DomainInfo);
    } catch (error) {
      throw this.#refusal('looked at', error);
    }
  }

  macs(domainId: number): Promise<readonly string[]> {
    return this.makers.domains.macs(domainId);
  }

  async savedMemory(): Promise<Finding> {
    return this.makers.saves.find(await this.#origin());
  }

  async forgetMemory(): Promise<void> {
    await this.makers.saves.remove(this.plan.id);
  }

  async create(words: string | undefined): Promise<number> {
    const json = JSON.stringify(withWords(this.plan.config, words));
    return this.#make(() => this.makers.libxl.call('create', json), 'created');
  }

  async restore(): Promise<void> {
    const { libxl, saves, logger } = this.makers;
    const { id, name, config } = this.plan;
    const file = saves.fileOf(id);
    const json = JSON.stringify(config);
    let domainId: number;
    try {
      domainId = await this.#make(() => libxl.call('restore', json, file), 'restored from its saved memory');
    } catch (error) {
      if (error instanceof JitsuError && error.code !== 'JITSU_BACKEND_FAILED') throw error;
      await saves.remove(id);
      const message = `${errorMessage(error)} Its saved memory was removed: the next start boots it anew.`;
      throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
    }
    try {
      // Before it executes: memory that is older than the guest's disks must never be restored.
      await saves.remove(id);
      await this.unpause(domainId);
    } catch (error) {
      await this.destroy(domainId).catch((reason: unknown) => {
        logger.error({ unikernel: name, domainId }, errorMessage(reason));
      });
      throw this.#refusal('prepared for its boot', error);
    }
  }

  async pause(domainId: number): Promise<void> {
    await this.#orRefuse('paused', () => this.makers.libxl.call('pause', domainId));
  }

  async unpause(domainId: number): Promise<void> {
    await this.#orRefuse('unpaused', () => this.makers.libxl.call('unpause', domainId));
  }

  powerOff(domainId: number): Promise<void> {
    return this.makers.domains.askToPowerOff(domainId);
  }

  async save(domainId: number, signal: AbortSignal): Promise<void> {
    const { libxl, domains, saves } = this.makers;
    const { id } = this.plan;
    await domains.untilSuspendable(domainId, signal);
    const file = await saves.prepare(id);
    const origin = await this.#origin();
    try {
      await this.#orRefuse('suspended', () => libxl.call('save', domainId, file));
      await saves.label(origin);
    } catch (error) {
      await saves.remove(id);
      throw error;
    }
    await this.destroy(domainId);
  }

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
          const { name } = this.plan;
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

  async #origin(): Promise<Origin> {
    return { uuid: this.plan.id, hash: await hashOf(this.plan.config), version: this.makers.libxl.version };
  }

  async #orRefuse(doing: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      throw this.#refusal(doing, error);
    }
  }

  #refusal(doing: string, error: unknown): unknown {
    return refusal(this.plan.name, doing, error);
  }
}

/** The error for a step that was refused; `doing` completes the sentence "NAME cannot be …". */
export function refusal(name: string, doing: string, error: unknown): unknown {
  if (error instanceof JitsuError) return error;
  const message = `${name} cannot be ${doing}. ${errorMessage(error)}. The logs in /var/log/xen and \`xl dmesg\` may say more.`;
  return new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
}

function withWords(config: DomainConfig, words: string | undefined): DomainConfig {
  if (words === undefined) return config;
  const cmdline = [config.b_info.cmdline, words].filter((text) => text !== undefined).join(' ');
  return { ...config, b_info: { ...config.b_info, cmdline } };
}
