import {
  errorMessage,
  untilAborted,
  type Machine,
  type MachineDescription,
  type MachineId,
  type PowerChange,
  type PowerState,
  type StopMode,
} from '@jitsud/core/plugin';
import { hasNotRun, hasStopped, isSuspended, reasonOf, stateOf } from './domain-info.js';
import { GuestDomain, type DomainMakers, type FoundDomain } from './guest-domain.js';
import type { LibxlOptions } from './libxl-options.js';

/** What a machine depends on. */
export interface Host extends DomainMakers {
  /** Receives the state whenever it may have changed. */
  onState(change: PowerChange): void;
}

/** One guest: carries out operations one after the other, follows what happens to it by itself, and reports both. */
export class LibxlMachine implements Machine {
  #domain: GuestDomain;
  #looks: Promise<void> = Promise.resolve();
  #looksWaiting = 0;
  /** Resolves when the last operation has ended; operations run one after the other. Never rejects. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The direction of the current operation. */
  #passing: 'starting' | 'stopping' | undefined;
  /** Why it is off, for people. */
  #end: string | undefined;
  /** Callbacks of those who wait for a change. */
  readonly #waiting = new Set<() => void>();

  constructor(
    readonly id: MachineId,
    private options: LibxlOptions,
    private readonly host: Host,
  ) {
    this.#domain = new GuestDomain(id, options, host);
  }

  /** Sets the options of its next boot; a boot under way keeps its own. */
  configure(options: LibxlOptions): void {
    this.options = options;
    this.#domain = new GuestDomain(this.id, options, this.host);
  }

  get name(): string {
    return this.options.name;
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_FAILED */
  async describe(): Promise<MachineDescription> {
    const found = await this.#domain.find();
    const { state, detail } = await this.#stateOf(found);
    const macs = found === undefined ? [] : await this.host.domains.macs(found.domainId);
    return {
      name: this.name,
      state: this.#passing ?? state,
      macs: macs.length > 0 ? macs : this.#domain.configuredMacs,
      ...(found !== undefined && state !== 'off' && { domainId: found.domainId }),
      ...(detail !== undefined && this.#passing === undefined && { detail }),
    };
  }

  /** Boots it, or restores its saved memory. */
  start(): Promise<void> {
    return this.#act('starting', () => this.#start());
  }

  async resume(): Promise<void> {
    if ((await this.describe()).state === 'suspended') await this.start();
  }

  async unpause(): Promise<void> {
    await this.#act('starting', async () => {
      const found = await this.#domain.find();
      if (found !== undefined && stateOf(found.info) === 'paused') await this.#domain.unpause(found.domainId);
    });
  }

  async stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    // It must not wait for the end of a slow stop.
    if (mode === 'destroy' && this.#passing === 'stopping') await this.#endDomain();
    await this.#act('stopping', async () => {
      // When the caller stops waiting, the guest counts as running at once; a save cannot be cancelled.
      if (mode === 'shutdown') signal.addEventListener('abort', () => (this.#passing = undefined), { once: true });
      await this.#stop(mode, signal);
    });
  }

  /**
   * Something has changed on this host, maybe this machine: looks at it, reports its state, and destroys its remains.
   */
  look(): void {
    for (const wake of [...this.#waiting]) wake();
    // A look that has not begun yet sees this change, too.
    if (this.#looksWaiting > 0) return;
    this.#looksWaiting += 1;
    this.#looks = this.#looks.then(() => {
      this.#looksWaiting -= 1;
      return this.#lookNow();
    });
  }

  /** Resolves when the pending looks have ended. Never rejects. */
  async looked(): Promise<void> {
    this.look();
    await this.#looks;
  }

  async #lookNow(): Promise<void> {
    // An operation of ours looks by itself when it has ended.
    if (this.#isBusy()) return;
    try {
      const found = await this.#domain.find();
      if (this.#isBusy()) return;
      if (found !== undefined && hasStopped(found.info)) await this.#destroyRemains(found);
      else await this.#tell(found);
    } catch (error) {
      this.host.onState({ id: this.id, state: 'unknown', detail: errorMessage(error) });
    }
  }

  #isBusy(): boolean {
    return this.#passing !== undefined;
  }

  async #tell(found: FoundDomain | undefined): Promise<void> {
    const { state, detail } = await this.#stateOf(found);
    if (state === 'running') {
      this.#end = undefined;
      // A running guest is newer than any saved memory of it.
      if (!this.#isBusy()) await this.host.saves.remove(this.id);
    }
    this.host.onState({ id: this.id, state, detail });
  }

  /** Destroys the remains of a guest that has stopped by itself: libxl leaves that to the domain's creator. */
  async #destroyRemains(found: FoundDomain): Promise<void> {
    if (isSuspended(found.info) && (await this.#domain.savedMemory()) !== 'fits') {
      this.host.onState({ id: this.id, state: 'stopping', detail: 'somebody else saves its memory' });
      return;
    }
    const hasRebooted = found.info.shutdown_reason === 'reboot';
    this.#end = reasonOf(found.info);
    this.host.logger.info({ unikernel: this.name, domainId: found.domainId }, `${this.name}: ${this.#end}`);
    this.host.onState({ id: this.id, state: 'off', detail: this.#end });
    await this.#act('stopping', () => this.#domain.destroy(found.domainId));
    if (!hasRebooted) return;
    void this.start().catch((error: unknown) => {
      this.host.logger.error({ unikernel: this.name }, `${this.name} does not come back: ${errorMessage(error)}`);
    });
  }

  async #start(): Promise<void> {
    const found = await this.#domain.find();
    if (found !== undefined) {
      const state = stateOf(found.info);
      if (state === 'running') return;
      if (state === 'paused' && !hasNotRun(found.info)) return this.#domain.unpause(found.domainId);
      await this.#domain.destroy(found.domainId);
    }
    const saved = await this.#domain.savedMemory();
    if (saved === 'fits') return this.#domain.restore();
    if (typeof saved === 'object') {
      const message = `${this.name}: its saved memory is not used, because ${saved.refused}; it is booted anew`;
      this.host.logger.warn({ unikernel: this.name }, message);
      await this.host.saves.remove(this.id);
    }
    await this.#domain.boot();
  }

  async #stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    if (mode === 'destroy') {
      await this.#endDomain();
      await this.host.saves.remove(this.id);
      return;
    }
    signal.throwIfAborted();
    const found = await this.#domain.find();
    if (found === undefined) return;
    const state = stateOf(found.info);
    if (state === 'off' || hasNotRun(found.info)) return this.#domain.destroy(found.domainId);
    if (mode === 'pause') return state === 'running' ? this.#domain.pause(found.domainId) : undefined;
    // A guest that does not run cannot be asked for anything.
    if (state === 'paused') await this.#domain.unpause(found.domainId);
    if (mode === 'suspend') await this.#domain.save(found.domainId, signal);
    else await this.#shutDown(found.domainId, signal);
  }

  async #shutDown(domainId: number, signal: AbortSignal): Promise<void> {
    await this.host.domains.askToPowerOff(domainId);
    for (;;) {
      const changed = this.#change(signal);
      changed.catch(() => undefined);
      const found = await this.#domain.find();
      if (found?.domainId !== domainId) return;
      if (hasStopped(found.info)) {
        this.#end = reasonOf(found.info);
        return this.#domain.destroy(domainId);
      }
      await changed;
    }
  }

  /** Destroys the domain, if there is one, in any state. */
  async #endDomain(): Promise<void> {
    const found = await this.#domain.find();
    if (found !== undefined) await this.#domain.destroy(found.domainId);
  }

  /** Runs one operation at a time. Intermediate states are not reported, only the final one. */
  #act(passing: 'starting' | 'stopping', action: () => Promise<void>): Promise<void> {
    const acted = this.#turn.then(async () => {
      this.#passing = passing;
      try {
        await action();
      } finally {
        this.#passing = undefined;
        await this.#tellAfter();
      }
    });
    this.#turn = acted.catch(() => undefined);
    return acted;
  }

  async #tellAfter(): Promise<void> {
    try {
      const found = await this.#domain.find();
      if (found === undefined || !hasStopped(found.info)) await this.#tell(found);
      else this.look();
    } catch (error) {
      this.host.onState({ id: this.id, state: 'unknown', detail: errorMessage(error) });
    }
  }

  /** Resolves when something changes on this host; rejects with the signal's reason when it aborts first. */
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

  async #stateOf(found: FoundDomain | undefined): Promise<{ state: PowerState; detail?: string }> {
    if (found !== undefined) {
      if (hasNotRun(found.info))
        return { state: 'off', detail: 'a boot that was cut off left it; the next one removes it' };
      const state = stateOf(found.info);
      return state === 'off' ? { state, detail: reasonOf(found.info) } : { state };
    }
    const saved = await this.#domain.savedMemory();
    if (saved === 'fits') return { state: 'suspended' };
    if (saved !== 'none') return { state: 'off', detail: `its saved memory is of no use, because ${saved.refused}` };
    return this.#end === undefined ? { state: 'off' } : { state: 'off', detail: this.#end };
  }
}
