import type { ZodObject } from 'zod';
import type { Backend } from '../../contracts/backend.js';
import type { MachineId, PowerState, StopMode } from '../../contracts/machine.js';

/** Options that must be refused, by the schema or, where only the system can tell, by `machine`. */
export interface RefusedOptions {
  /** What is wrong with them, to end the sentence "refuses …". */
  readonly because: string;
  readonly options: object;
  /** One for each problem: all must be told in one go, each as `path: message` (schema) or in the one message (machine). */
  readonly problems: readonly RegExp[];
}

/**
 * What {@link describeBackend} must know of a backend to try it. The optional members are capability switches: what a
 * harness leaves out is not tried.
 *
 * @example
 * ```ts
 * const hypervisor = new CounterHypervisor();
 * describeBackend('the counter backend', {
 *   schema: counterOptions,
 *   stopModes: { destroy: 'off' },
 *   watches: false,
 *   refused: [{ because: 'a missing name', options: {}, problems: [/^name: /] }],
 *   connection: () => new CounterBackend(hypervisor),
 *   machine: (name) => ({ name }),
 *   tearDown: () => hypervisor.removeAll(),
 * });
 * ```
 */
export interface BackendHarness {
  /** The schema of a unikernel's options, as contributed to the registry. */
  readonly schema: ZodObject;
  /** Every stop mode that it claims, and the state in which a machine is then found. */
  readonly stopModes: Readonly<Record<string, PowerState>>;
  /** Whether it has `watch`. */
  readonly watches: boolean;
  readonly refused: readonly RefusedOptions[];
  /** How many milliseconds of waiting mean that something does not happen any more; 10,000 where absent. */
  readonly patience?: number;

  /** Called before each test. */
  setUp?(): Promise<void> | void;
  /** Called after each test, also after a failed one: no machine may be left. */
  tearDown?(): Promise<void> | void;

  /** A new instance that speaks to the same system as the last one of this test. The suite connects and closes it. */
  connection(): Backend | Promise<Backend>;
  /**
   * Options, as in the configuration, of a machine of this name that exists (or is made by `Backend.machine`), is off, runs
   * until it is stopped, and follows every stop mode. The suite uses the names `alpha` and `beta`. Where `mode` is there,
   * the test uses that one, and else only `destroy`: a harness may then choose a guest that boots in less time.
   */
  machine(name: string, mode?: StopMode): object;

  /** Resolves when the guest of a running machine has come so far that it follows, or ignores, a `shutdown`. */
  readonly booted?: (name: string, id: MachineId) => Promise<void> | void;
  /** Options of a machine that runs and never reacts to the mode `shutdown`. */
  readonly stubborn?: (name: string) => object;
  /** Options that `Backend.machine` takes and with which `start` must fail with `JITSU_BACKEND_FAILED`. */
  readonly broken?: (name: string) => object;
  /** How many machines of this unikernel the system itself runs. */
  readonly count?: (name: string, id: MachineId) => Promise<number> | number;
  /** Ends a running machine behind the backend's back. `domainId` is what `describe` says. */
  readonly kill?: (name: string, id: MachineId, domainId: number | undefined) => Promise<void> | void;
  /** Pauses a running machine behind the backend's back, so that it is found `paused`. */
  readonly pause?: (name: string, id: MachineId, domainId: number | undefined) => Promise<void> | void;
  /** Cuts every connection to the system, whose machines run on; with `restore`. */
  readonly lose?: () => Promise<void> | void;
  readonly restore?: () => Promise<void> | void;
}
