import {
  errorMessage,
  JitsuError,
  untilAborted,
  type BootConfigurator,
  type Logger,
  type PowerState,
  type StopMode,
  type UnikernelDescription,
  type UnikernelId,
} from '@jitsud/core';
import { bootConfig } from './boot-config.js';
import { CallFailed } from './call-failed.js';
import { domainConfig, type DomainConfig } from './domain-config.js';
import { isCorpse, isSuspended, isUnborn, reasonOf, stateOf, type DomainInfo } from './domain-info.js';
import type { Domains } from './domains.js';
import type { LibxlOptions } from './libxl-options.js';
import type { LibxlProcess } from './libxl-process.js';
import { hashOf, type Origin, type SavedMemory } from './saved-memory.js';

/** What a machine stands on. */
export interface Host {
  readonly libxl: LibxlProcess;
  readonly domains: Domains;
  readonly saves: SavedMemory;
  readonly configurators: readonly BootConfigurator[];
  readonly logger: Logger;
  /** Told the state whenever it may have changed. */
  onState(id: UnikernelId, state: PowerState, detail?: string): void;
}

interface Found {
  readonly domainId: number;
  readonly info: DomainInfo;
}

/** One registered unikernel: a domain with its uuid, while there is one. */
export class LibxlMachine {
  readonly #config: DomainConfig;
  #looks: Promise<void> = Promise.resolve();
  #looksWaiting = 0;
  #starting: Promise<void> | undefined;
  /** What an action of ours is about. */
  #passing: 'starting' | 'stopping' | undefined;
  /** Why it is off. */
  #end: string | undefined;
  /** Those who wait for a change. */
  readonly #waiting = new Set<() => void>();

  constructor(
    readonly id: UnikernelId,
    private readonly options: LibxlOptions,
    private readonly host: Host,
    private lastTurn: Promise<unknown> = Promise.resolve(),
  ) {
    this.#config = domainConfig(id, options);
  }

  /** Resolves when the last of the actions on it is done, which come one after the other. Never rejects. */
  get turn(): Promise<unknown> {
    return this.lastTurn;
  }

  get name(): string {
    return this.options.name;
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_FAILED */
  async describe(): Promise<UnikernelDescription> {
    const found = await this.#find();
    const { state, detail } = await this.#stateOf(found);
    const macs = found === undefined ? [] : await this.host.domains.macs(found.domainId);
    return {
      name: this.name,
      state: this.#passing ?? state,
      macs: macs.length > 0 ? macs : this.#config.nics.map(({ mac }) => mac),
      ...(found !== undefined && state !== 'off' && { domainId: found.domainId }),
      ...(detail !== undefined && this.#passing === undefined && { detail }),
    };
  }

  /** Boots it, or has it go on where its memory was saved; without effect where it runs. Those who ask share one boot. */
  async start(): Promise<void> {
    this.#starting ??= this.#act('starting', () => this.#start()).finally(() => (this.#starting = undefined));
    await this.#starting;
  }

  async unpause(): Promise<void> {
    await this.#act('starting', async () => {
      const found = await this.#find();
      if (found !== undefined && stateOf(found.info) === 'paused')
        await this.#call('unpaused', 'unpause', found.domainId);
    });
  }

  async stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    // It must not wait for the end of a stop that takes its time.
    if (mode === 'destroy' && this.#passing === 'stopping') await this.#endDomain();
    const stopped = this.#act('stopping', async () => {
      // Whoever is out of patience finds it running again at once; a save cannot be called off.
      if (mode === 'shutdown') signal.addEventListener('abort', () => (this.#passing = undefined), { once: true });
      await this.#stop(mode, signal);
    });
    await untilAborted(stopped, signal);
  }

  /** Something has happened on this host, maybe to this machine: finds out, tells, and buries what is dead. */
  look(): void {
    for (const wake of [...this.#waiting]) wake();
    // One that has not begun yet sees what has happened until now.
    if (this.#looksWaiting > 0) return;
    this.#looksWaiting += 1;
    this.#looks = this.#looks.then(() => {
      this.#looksWaiting -= 1;
      return this.#lookNow();
    });
  }

  /** Resolves when the looks that are due are done. Never rejects. */
  async looked(): Promise<void> {
    this.look();
    await this.#looks;
  }

  async #lookNow(): Promise<void> {
    // An action of ours looks for itself when it is done.
    if (this.#isBusy()) return;
    try {
      const found = await this.#find();
      if (this.#isBusy()) return;
      if (found !== undefined && isCorpse(found.info)) await this.#bury(found);
      else await this.#tell(found);
    } catch (error) {
      this.host.onState(this.id, 'unknown', errorMessage(error));
    }
  }

  #isBusy(): boolean {
    return this.#passing !== undefined;
  }

  async #tell(found: Found | undefined): Promise<void> {
    const { state, detail } = await this.#stateOf(found);
    if (state === 'running') {
      this.#end = undefined;
      // A guest that runs is newer than any memory of it that was saved.
      if (!this.#isBusy()) await this.host.saves.remove(this.id);
    }
    this.host.onState(this.id, state, detail);
  }

  /** libxl leaves what is left of a guest that has stopped by itself to whoever made it. */
  async #bury(found: Found): Promise<void> {
    if (isSuspended(found.info) && (await this.#savedMemory()) !== 'fits') {
      this.host.onState(this.id, 'stopping', 'somebody else saves its memory');
      return;
    }
    const hasRebooted = found.info.shutdown_reason === 'reboot';
    this.#end = reasonOf(found.info);
    this.host.logger.info({ unikernel: this.name, domainId: found.domainId }, `${this.name}: ${this.#end}`);
    this.host.onState(this.id, 'off', this.#end);
    await this.#act('stopping', () => this.#destroy(found.domainId));
    if (!hasRebooted) return;
    void this.start().catch((error: unknown) => {
      this.host.logger.error({ unikernel: this.name }, `${this.name} does not come back: ${errorMessage(error)}`);
    });
  }

  async #start(): Promise<void> {
    const found = await this.#find();
    if (found !== undefined) {
      const state = stateOf(found.info);
      if (state === 'running') return;
      if (state === 'paused' && !isUnborn(found.info)) return this.#call('unpaused', 'unpause', found.domainId);
      await this.#destroy(found.domainId);
    }
    const saved = await this.#savedMemory();
    if (saved === 'fits') return this.#restore();
    if (typeof saved === 'object') {
      const message = `${this.name}: its saved memory is not used, because ${saved.refused}; it is booted anew`;
      this.host.logger.warn({ unikernel: this.name }, message);
      await this.host.saves.remove(this.id);
    }
    await this.#boot();
  }

  async #boot(): Promise<void> {
    const { id, name, options } = this;
    const { libxl, configurators } = this.host;
    const config = await bootConfig(this.#config, configurators, { name, options }).catch((error: unknown) => {
      throw this.#refusal('prepared for its boot', error);
    });
    const domainId = await this.#make(() => libxl.call('create', JSON.stringify(config)), 'created');
    await this.#orDestroy(domainId, async () => {
      for (const configurator of configurators) {
        await configurator.configure({ ...{ id, name, options }, domainId });
      }
      await this.#call('unpaused', 'unpause', domainId);
    });
  }

  async #restore(): Promise<void> {
    const file = this.host.saves.fileOf(this.id);
    const json = JSON.stringify(this.#config);
    let domainId: number;
    try {
      domainId = await this.#make(() => this.host.libxl.call('restore', json, file), 'restored from its saved memory');
    } catch (error) {
      if (error instanceof JitsuError && error.code !== 'JITSU_BACKEND_FAILED') throw error;
      await this.host.saves.remove(this.id);
      const message = `${errorMessage(error)} Its saved memory was removed: the next start boots it anew.`;
      throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
    }
    await this.#orDestroy(domainId, async () => {
      // Before it executes: memory that is older than the guest's disks must never be restored.
      await this.host.saves.remove(this.id);
      await this.#call('unpaused', 'unpause', domainId);
    });
  }

  /** Makes a domain. Where the process of libxl dies over it, what it may have left is removed. */
  async #make(make: () => Promise<number>, doing: string): Promise<number> {
    try {
      return await make();
    } catch (error) {
      if (error instanceof CallFailed && error.hasDied) {
        await this.#removeUnborn().catch((reason: unknown) => {
          this.host.logger.warn({ unikernel: this.name }, `${this.name}: ${errorMessage(reason)}`);
        });
      }
      throw this.#refusal(doing, error);
    }
  }

  async #removeUnborn(): Promise<void> {
    const found = await this.#find();
    if (found !== undefined && isUnborn(found.info)) await this.#destroy(found.domainId);
  }

  async #orDestroy(domainId: number, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      await this.#destroy(domainId).catch((reason: unknown) => {
        this.host.logger.error({ unikernel: this.name, domainId }, errorMessage(reason));
      });
      throw this.#refusal('prepared for its boot', error);
    }
  }

  async #stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    if (mode === 'destroy') {
      await this.#endDomain();
      await this.host.saves.remove(this.id);
      return;
    }
    signal.throwIfAborted();
    const found = await this.#find();
    if (found === undefined) return;
    const state = stateOf(found.info);
    if (state === 'off' || isUnborn(found.info)) return this.#destroy(found.domainId);
    if (mode === 'pause') return state === 'running' ? this.#call('paused', 'pause', found.domainId) : undefined;
    // A guest that does not run cannot be asked for anything.
    if (state === 'paused') await this.#call('unpaused', 'unpause', found.domainId);
    if (mode === 'suspend') await this.#save(found.domainId, signal);
    else await this.#shutDown(found.domainId, signal);
  }

  async #save(domainId: number, signal: AbortSignal): Promise<void> {
    await this.host.domains.untilSuspendable(domainId, signal);
    const file = await this.host.saves.prepare(this.id);
    const origin = await this.#origin();
    try {
      await this.#call('suspended', 'save', domainId, file);
      await this.host.saves.label(origin);
    } catch (error) {
      await this.host.saves.remove(this.id);
      throw error;
    }
    await this.#destroy(domainId);
  }

  async #shutDown(domainId: number, signal: AbortSignal): Promise<void> {
    await this.host.domains.askToPowerOff(domainId);
    for (;;) {
      const changed = this.#change(signal);
      changed.catch(() => undefined);
      const found = await this.#find();
      if (found?.domainId !== domainId) return;
      if (isCorpse(found.info)) {
        this.#end = reasonOf(found.info);
        return this.#destroy(domainId);
      }
      await changed;
    }
  }

  /** Ends the domain, if there is one, in whatever state it is. */
  async #endDomain(): Promise<void> {
    const found = await this.#find();
    if (found !== undefined) await this.#destroy(found.domainId);
  }

  /** It may be gone already. */
  async #destroy(domainId: number): Promise<void> {
    try {
      await this.host.libxl.call('destroy', domainId);
    } catch (error) {
      const found = await this.#find();
      if (found?.domainId === domainId && !found.info.dying) throw this.#refusal('destroyed', error);
    }
  }

  /** One at a time. Others are told nothing of the states in between, and the state that it leads to afterwards. */
  #act(passing: 'starting' | 'stopping', action: () => Promise<void>): Promise<void> {
    const acted = this.lastTurn.then(async () => {
      this.#passing = passing;
      try {
        await action();
      } finally {
        this.#passing = undefined;
        await this.#tellAfter();
      }
    });
    this.lastTurn = acted.catch(() => undefined);
    return acted;
  }

  async #tellAfter(): Promise<void> {
    try {
      const found = await this.#find();
      if (found === undefined || !isCorpse(found.info)) await this.#tell(found);
      else this.look();
    } catch (error) {
      this.host.onState(this.id, 'unknown', errorMessage(error));
    }
  }

  /** Resolves when something happens on this host; rejects with the signal's reason when it aborts first. */
  async #change(signal: AbortSignal): Promise<void> {
    let wake!: () => void;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    this.#waiting.add(wake);
    try {
      await untilAborted(woken, signal);
    } finally {
      this.#waiting.delete(wake);
    }
  }

  async #stateOf(found: Found | undefined): Promise<{ state: PowerState; detail?: string }> {
    if (found !== undefined) {
      if (isUnborn(found.info))
        return { state: 'off', detail: 'a boot that was cut off left it; the next one removes it' };
      const state = stateOf(found.info);
      return state === 'off' ? { state, detail: reasonOf(found.info) } : { state };
    }
    const saved = await this.#savedMemory();
    if (saved === 'fits') return { state: 'suspended' };
    if (saved !== 'none') return { state: 'off', detail: `its saved memory is of no use, because ${saved.refused}` };
    return this.#end === undefined ? { state: 'off' } : { state: 'off', detail: this.#end };
  }

  async #savedMemory() {
    return this.host.saves.find(await this.#origin());
  }

  async #origin(): Promise<Origin> {
    return { uuid: this.id, hash: await hashOf(this.#config), version: this.host.libxl.version };
  }

  async #find(): Promise<Found | undefined> {
    const domainId = await this.host.domains.find(this.id);
    if (domainId === undefined) return undefined;
    try {
      const json = await this.host.libxl.call('info', domainId);
      return json === null ? undefined : { domainId, info: JSON.parse(json) as DomainInfo };
    } catch (error) {
      throw this.#refusal('looked at', error);
    }
  }

  async #call(doing: string, operation: 'unpause' | 'pause', domainId: number): Promise<void>;
  async #call(doing: string, operation: 'save', domainId: number, file: string): Promise<void>;
  async #call(doing: string, operation: 'unpause' | 'pause' | 'save', domainId: number, file = ''): Promise<void> {
    try {
      if (operation === 'save') await this.host.libxl.call(operation, domainId, file);
      else await this.host.libxl.call(operation, domainId);
    } catch (error) {
      throw this.#refusal(doing, error);
    }
  }

  /** Completes the sentence "NAME cannot be …". */
  #refusal(doing: string, error: unknown): unknown {
    if (error instanceof JitsuError) return error;
    const message = `${this.name} cannot be ${doing}. ${errorMessage(error)}. The logs in /var/log/xen and \`xl dmesg\` may say more.`;
    return new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
  }
}
