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
import { bootGuest, bootWords, type BootContext } from './boot-guest.js';
import { domainConfig } from './domain-config.js';
import { hasNotRun, hasStopped, isSuspended, reasonOf, stateOf } from './domain-info.js';
import type { FixedPlan, FoundDomain, Guest, GuestPlan } from './guest.js';
import type { LibxlOptions } from './libxl-options.js';

/** What a machine depends on. */
export interface MachineContext extends BootContext {
  guest(plan: GuestPlan): Guest;
  /** Receives the state whenever it may have changed. */
  onState(change: PowerChange): void;
}

/** One guest: carries out operations one after the other, follows what happens to it by itself, and reports both. */
export class LibxlMachine implements Machine {
  #plan: GuestPlan;
  #guest: Guest;
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
    private readonly context: MachineContext,
  ) {
    this.#plan = planOf(id, options);
    this.#guest = context.guest(this.#plan);
  }

  /** Sets the options of its next boot; a boot under way keeps its own. */
  configure(options: LibxlOptions): void {
    const plan = planOf(this.id, options);
    this.#guest = this.context.guest(plan);
    this.#plan = plan;
    this.options = options;
  }

  /** What it is made of at each boot, with the words that boot configurators have for its kernel's command line. */
  async fixed(): Promise<FixedPlan> {
    const words = await bootWords(this.options, this.context.configurators);
    return { ...this.#plan, ...(words !== undefined && { words }) };
  }

  /** Takes its steps by the present host from now on. */
  useHost(): void {
    this.configure(this.options);
  }

  /** The same after the operation and the looks under way. */
  async renew(): Promise<void> {
    const renewed = Promise.all([this.#turn, this.#looks]).then(() => this.useHost());
    this.#turn = renewed.catch(() => undefined);
    await renewed;
  }

  get name(): string {
    return this.options.name;
  }

  /** How many network interfaces it is configured to have. */
  get interfaces(): number {
    return this.options.nic.length;
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_FAILED */
  async describe(): Promise<MachineDescription> {
    const found = await this.#guest.find();
    const { state, detail } = await this.#stateOf(found);
    const macs = found === undefined ? [] : await this.#guest.macs(found.domainId);
    return {
      name: this.name,
      state: this.#passing ?? state,
      macs: macs.length > 0 ? macs : this.#plan.config.nics.map(({ mac }) => mac),
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
      const found = await this.#guest.find();
      if (found !== undefined && stateOf(found.info) === 'paused') await this.#guest.unpause(found.domainId);
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
      const found = await this.#guest.find();
      if (this.#isBusy()) return;
      if (found !== undefined && hasStopped(found.info)) await this.#destroyRemains(found);
      else await this.#tell(found);
    } catch (error) {
      this.context.onState({ id: this.id, state: 'unknown', detail: errorMessage(error) });
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
      if (!this.#isBusy()) await this.#guest.forgetMemory();
    }
    this.context.onState({ id: this.id, state, detail });
  }

  /** Destroys the remains of a guest that has stopped by itself: libxl leaves that to the domain's creator. */
  async #destroyRemains(found: FoundDomain): Promise<void> {
    if (isSuspended(found.info) && (await this.#guest.savedMemory()) !== 'fits') {
      this.context.onState({ id: this.id, state: 'stopping', detail: 'somebody else saves its memory' });
      return;
    }
    const hasRebooted = found.info.shutdown_reason === 'reboot';
    this.#end = reasonOf(found.info);
    this.context.logger.info({ unikernel: this.name, domainId: found.domainId }, `${this.name}: ${this.#end}`);
    this.context.onState({ id: this.id, state: 'off', detail: this.#end });
    await this.#act('stopping', () => this.#guest.destroy(found.domainId));
    if (!hasRebooted) return;
    void this.start().catch((error: unknown) => {
      this.context.logger.error({ unikernel: this.name }, `${this.name} does not come back: ${errorMessage(error)}`);
    });
  }

  async #start(): Promise<void> {
    const found = await this.#guest.find();
    if (found !== undefined) {
      const state = stateOf(found.info);
      if (state === 'running') return;
      if (state === 'paused' && !hasNotRun(found.info)) return this.#guest.unpause(found.domainId);
      await this.#guest.destroy(found.domainId);
    }
    const saved = await this.#guest.savedMemory();
    if (saved === 'fits') return this.#guest.restore();
    if (typeof saved === 'object') {
      const message = `${this.name}: its saved memory is not used, because ${saved.refused}; it is booted anew`;
      this.context.logger.warn({ unikernel: this.name }, message);
      await this.#guest.forgetMemory();
    }
    await bootGuest(this.#guest, this.id, this.options, this.context);
  }

  async #stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    if (mode === 'destroy') {
      await this.#endDomain();
      await this.#guest.forgetMemory();
      return;
    }
    signal.throwIfAborted();
    const found = await this.#guest.find();
    if (found === undefined) return;
    const state = stateOf(found.info);
    if (state === 'off' || hasNotRun(found.info)) return this.#guest.destroy(found.domainId);
    if (mode === 'pause') return state === 'running' ? this.#guest.pause(found.domainId) : undefined;
    // A guest that does not run cannot be asked for anything.
    if (state === 'paused') await this.#guest.unpause(found.domainId);
    if (mode === 'suspend') await this.#guest.save(found.domainId, signal);
    else await this.#shutDown(found.domainId, signal);
  }

  async #shutDown(domainId: number, signal: AbortSignal): Promise<void> {
    await this.#guest.powerOff(domainId);
    for (;;) {
      const changed = this.#change(signal);
      changed.catch(() => undefined);
      const found = await this.#guest.find();
      if (found?.domainId !== domainId) return;
      if (hasStopped(found.info)) {
        this.#end = reasonOf(found.info);
        return this.#guest.destroy(domainId);
      }
      await changed;
    }
  }

  /** Destroys the domain, if there is one, in any state. */
  async #endDomain(): Promise<void> {
    const found = await this.#guest.find();
    if (found !== undefined) await this.#guest.destroy(found.domainId);
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
      const found = await this.#guest.find();
      if (found === undefined || !hasStopped(found.info)) await this.#tell(found);
      else this.look();
    } catch (error) {
      this.context.onState({ id: this.id, state: 'unknown', detail: errorMessage(error) });
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
    const saved = await this.#guest.savedMemory();
    if (saved === 'fits') return { state: 'suspended' };
    if (saved !== 'none') return { state: 'off', detail: `its saved memory is of no use, because ${saved.refused}` };
    return this.#end === undefined ? { state: 'off' } : { state: 'off', detail: this.#end };
  }
}

function planOf(id: MachineId, options: LibxlOptions): GuestPlan {
  return { id, name: options.name, config: domainConfig(id, options) };
}
