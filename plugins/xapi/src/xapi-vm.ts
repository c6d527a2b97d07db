import {
  JitsuError,
  untilAborted,
  type Clock,
  type PowerState,
  type MachineDescription,
  type MachineId,
} from '@jitsud/core/plugin';
import { apiFailure, inWords } from './api-failure.js';
import { adviceFor, codeFor } from './failure-advice.js';
import { guestAddresses } from './guest-addresses.js';
import type { PoolConnection } from './pool-connection.js';
import { NULL_REFERENCE } from './vm-record.js';
import type { SeenVm } from './vm-records.js';
import { stateOf } from './vm-state.js';

/** What changes the power of a VM. VM.destroy deletes it, and is not among them. */
type PowerCall =
  'start' | 'start_on' | 'resume' | 'resume_on' | 'unpause' | 'clean_shutdown' | 'hard_shutdown' | 'suspend';

interface Performance {
  /** Completes the sentence "NAME cannot be …". */
  readonly doing: string;
  /** The states in which there is nothing left to do. */
  readonly done: readonly PowerState[];
  readonly parameters?: readonly unknown[];
  /** Ends the attempts. */
  readonly signal?: AbortSignal;
}

/** While another operation is in progress: 12 attempts within some 9 s. In milliseconds. */
const ATTEMPTS = 12;
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1_000;

const GONE = { state: 'off', detail: 'the pool does not have it any more' } as const;

/** One registered VM, which somebody may delete behind our back. */
export class XapiVm {
  /** Its guest was asked to shut down and did not: it runs, for all that anybody knows. */
  #heedless = false;
  readonly #performing = new Map<PowerCall, Promise<void>>();

  /** `name` is what Jitsu calls it. */
  constructor(
    readonly id: MachineId,
    readonly name: string,
    private readonly pool: PoolConnection,
    private readonly clock: Clock,
  ) {}

  /** What the pool last told. @throws JITSU_BACKEND_UNREACHABLE */
  state(): { readonly state: PowerState; readonly detail?: string } {
    const record = this.#seen()?.record;
    if (!record) return GONE;
    if (record.power_state !== 'Running') this.#heedless = false;
    return { state: stateOf(record, this.#heedless) };
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED */
  async describe(): Promise<MachineDescription> {
    if (!this.#seen()) return { name: this.name, macs: [], ...GONE };
    const macs = await this.#ask('looked at', () =>
      this.pool.use(({ interfaces, records }) => interfaces.macsOf(records.get(this.id)?.record.VIFs ?? [])),
    );
    const record = this.#seen()?.record;
    if (!record) return { name: this.name, macs, ...GONE };
    const domainId = Number(record.domid);
    return { name: record.name_label, macs, ...this.state(), ...(domainId > 0 && { domainId }) };
  }

  /** What the agent within the guest reports. @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED */
  async addresses(): Promise<readonly string[]> {
    const reference = this.#seen()?.record.guest_metrics ?? NULL_REFERENCE;
    if (reference === NULL_REFERENCE) return [];
    try {
      const metrics = await this.pool.call('VM_guest_metrics.get_record', reference);
      return guestAddresses((metrics as { networks: Record<string, string> }).networks);
    } catch (error) {
      // It goes with the guest.
      if (apiFailure(error)?.code === 'HANDLE_INVALID') return [];
      throw this.#refusal('asked for its addresses', error);
    }
  }

  /**
   * Has the pool do something, once for all who want the same at the same time, and sees what came of it.
   * @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED
   */
  perform(call: PowerCall, performance: Performance): Promise<void> {
    const shared = this.#performing.get(call);
    if (shared) return shared;
    const performing = this.#perform(call, performance).finally(() => this.#performing.delete(call));
    this.#performing.set(call, performing);
    return performing;
  }

  /** As {@link perform}, for each who asks by itself, and no longer than the signal lasts: rejects with its reason. */
  async ask(call: PowerCall, performance: Performance & { readonly signal: AbortSignal }): Promise<void> {
    const { signal } = performance;
    try {
      await untilAborted(this.#perform(call, performance), signal);
    } finally {
      if (signal.aborted) this.#heedless = true;
    }
  }

  async #perform(call: PowerCall, { doing, done, parameters = [], signal }: Performance): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      const { reference } = this.#seen() ?? {};
      if (reference === undefined) throw this.#gone(doing);
      try {
        await this.pool.call(`VM.${call}`, reference, ...parameters);
        return await this.#ask('looked at', () => this.#look(reference));
      } catch (error) {
        const code = apiFailure(error)?.code;
        if (code === undefined) throw error;
        // Others do the same, and may have been faster.
        await this.#ask('looked at', () => this.#look(reference));
        if (done.includes(this.state().state)) return;
        if (code !== 'OTHER_OPERATION_IN_PROGRESS' || attempt === ATTEMPTS) throw this.#refusal(doing, error);
      }
      await this.clock.sleep(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)), signal);
    }
  }

  #look(reference: string): Promise<void> {
    return this.pool.use(({ records }) => records.look(reference));
  }

  #seen(): SeenVm | undefined {
    return this.pool.session.records.get(this.id);
  }

  async #ask<T>(doing: string, question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw this.#refusal(doing, error);
    }
  }

  #gone(doing: string): JitsuError {
    const message = `${this.name} cannot be ${doing}: the pool at ${this.pool.url} does not have it any more (uuid ${this.id}). ${adviceFor('HANDLE_INVALID')}`;
    return new JitsuError('JITSU_UNIKERNEL_UNKNOWN', message);
  }

  #refusal(doing: string, error: unknown): unknown {
    const failure = apiFailure(error);
    if (!failure) return error;
    const message = `${this.name} cannot be ${doing}: the pool at ${this.pool.url} said ${inWords(failure)}. ${adviceFor(failure.code)}`;
    return new JitsuError(codeFor(failure.code), message, { cause: error });
  }
}
