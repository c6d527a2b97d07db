import {
  errorMessage,
  JitsuError,
  untilAborted,
  type Clock,
  type Logger,
  type Machine,
  type MachineDescription,
  type MachineId,
  type PowerState,
  type StopMode,
} from '@jitsud/core/plugin';
import { apiFailure, inWords } from './api-failure.js';
import { adviceFor, codeFor } from './failure-advice.js';
import { guestAddresses } from './guest-addresses.js';
import { hostReference } from './host-reference.js';
import type { PoolConnection } from './pool-connection.js';
import { NULL_REFERENCE } from './vm-record.js';
import type { SeenVm } from './vm-records.js';
import { stateOf } from './vm-state.js';

/** A call that changes the power state of a VM. VM.destroy deletes it, and is not among them. */
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

/** While another operation is in progress: 12 attempts within some 9 s. Pauses in milliseconds. */
const ATTEMPTS = 12;
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1_000;

/** Parameters of VM.start: not paused, and not forced. */
const START = [false, false];

/** Failures of guests that cannot shut down, or do not react. */
const CANNOT_SHUT_DOWN: ReadonlySet<string> = new Set([
  'VM_LACKS_FEATURE',
  'VM_LACKS_FEATURE_SHUTDOWN',
  'VM_MISSING_PV_DRIVERS',
  'VM_OLD_PV_DRIVERS',
  'VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT',
  'VM_SHUTDOWN_TIMEOUT',
]);

const GONE = { state: 'off', detail: 'the pool does not have it any more' } as const;

/** One VM, which others may delete at any time. */
export class XapiVm implements Machine {
  /** Whether its guest has not followed a shutdown request: it counts as running. */
  #ignoredShutdown = false;

  /** @param name its name in Jitsu @param host the host on which to start it */
  constructor(
    readonly id: MachineId,
    readonly name: string,
    private readonly host: string | undefined,
    private readonly pool: PoolConnection,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** The state that the pool last reported. @throws JITSU_BACKEND_UNREACHABLE */
  state(): { readonly state: PowerState; readonly domainId?: number; readonly detail?: string } {
    const record = this.#seen()?.record;
    if (!record) return GONE;
    if (record.power_state !== 'Running') this.#ignoredShutdown = false;
    const domainId = Number(record.domid);
    return { state: stateOf(record, this.#ignoredShutdown), ...(domainId > 0 && { domainId }) };
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED */
  async describe(): Promise<MachineDescription> {
    if (!this.#seen()) return { name: this.name, macs: [], ...GONE };
    const macs = await this.#ask('looked at', () =>
      this.pool.use(({ interfaces, records }) => interfaces.macsOf(records.get(this.id)?.record.VIFs ?? [])),
    );
    const record = this.#seen()?.record;
    if (!record) return { name: this.name, macs, ...GONE };
    return { name: record.name_label, macs, ...this.state() };
  }

  /** The addresses that the guest's agent reports. @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED */
  async addresses(): Promise<readonly string[]> {
    const reference = this.#seen()?.record.guest_metrics ?? NULL_REFERENCE;
    if (reference === NULL_REFERENCE) return [];
    try {
      const metrics = await this.pool.call('VM_guest_metrics.get_record', reference);
      return guestAddresses((metrics as { networks?: Record<string, unknown> }).networks ?? {});
    } catch (error) {
      // The metrics end with the guest.
      if (apiFailure(error)?.code === 'HANDLE_INVALID') return [];
      throw this.#refusal('asked for its addresses', error);
    }
  }

  start(): Promise<void> {
    return this.#bringUp('start', 'started');
  }

  async resume(): Promise<void> {
    if (this.state().state === 'suspended') await this.#bringUp('resume', 'resumed');
  }

  async unpause(): Promise<void> {
    if (this.state().state === 'paused') await this.#perform('unpause', { doing: 'unpaused', done: ['running'] });
  }

  async stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    const { state } = this.state();
    if (state === 'off') return;
    if (mode === 'destroy') return this.#perform('hard_shutdown', { doing: 'shut down', done: ['off'] });
    if (mode === 'suspend' && state === 'suspended') return;
    // A guest that does not run can be neither asked nor saved.
    await this.unpause();
    if (mode === 'suspend') return this.#perform('suspend', { doing: 'suspended', done: ['suspended', 'off'] });
    await this.resume();
    await this.#shutDown(signal);
  }

  /** Asks the guest to power off. A guest that cannot be asked gets the same time to do so. */
  async #shutDown(signal: AbortSignal): Promise<void> {
    const performance = { doing: 'shut down', done: ['off', 'stopping'], signal } as const;
    try {
      await untilAborted(this.#perform('clean_shutdown', performance), signal);
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (signal.aborted || !CANNOT_SHUT_DOWN.has(apiFailure(cause)?.code ?? '')) throw error;
      this.logger.warn({ unikernel: this.name }, `It is waited for: ${errorMessage(error)}`);
    } finally {
      if (signal.aborted) this.#ignoredShutdown = true;
    }
  }

  async #bringUp(call: 'start' | 'resume', doing: string): Promise<void> {
    const performance = { doing, done: ['running'] } as const;
    if (this.host === undefined) return this.#perform(call, { ...performance, parameters: START });
    const parameters = [await hostReference(this.pool, this.name, this.host), ...START];
    return this.#perform(`${call}_on`, { ...performance, parameters });
  }

  /**
   * Calls the pool, and checks the result.
   * @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED
   */
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
