import type { ZodObject } from 'zod';
import type { Backend } from '../../contracts/backend.js';
import type { MachineId, PowerState, StopMode } from '../../contracts/machine.js';
import type { Harness } from '../harness.js';

/** Options that must be refused by the schema or, if only the system can tell, by `machine`. */
export interface RefusedOptions {
  /** The mistake, completing the test title "refuses …". */
  readonly because: string;
  readonly options: object;
  /** One pattern per problem. All must be reported together: each as `path: message` (schema), or in one message. */
  readonly problems: readonly RegExp[];
}

/**
 * The harness of {@link describeBackend}: how the tests create, control and observe a backend. Optional members are
 * capability switches: the tests for an omitted one are skipped.
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
export interface BackendHarness extends Harness {
  /** The schema of a unikernel's options, as contributed to the registry. */
  readonly schema: ZodObject;
  /** Every stop mode that it supports, with the resulting state of the machine. */
  readonly stopModes: Readonly<Record<string, PowerState>>;
  /** Whether the backend has `watch`. */
  readonly watches: boolean;
  /** Whether the backend has `strays`. */
  readonly tellsStrays?: boolean;
  readonly refused: readonly RefusedOptions[];
  /** Called after each test, passed or failed; it must leave no machine behind. */
  tearDown?(): Promise<void> | void;

  /** Creates an instance for the same system as the previous one of this test. The suite connects and closes it. */
  connection(): Backend | Promise<Backend>;
  /**
   * The options, as in the configuration, of a machine of this name that exists (or is created by `Backend.machine`),
   * is off, runs until it is stopped, and obeys every stop mode. The suite uses the names `alpha` and `beta`. The test
   * uses the given `mode`, without one only `destroy`: a harness may then choose a guest that boots faster.
   */
  machine(name: string, mode?: StopMode): object;

  /** Resolves when the guest of a running machine has booted far enough to obey, or ignore, a `shutdown`. */
  readonly booted?: (name: string, id: MachineId) => Promise<void> | void;
  /** The options of a machine that runs and ignores the mode `shutdown`. */
  readonly stubborn?: (name: string) => object;
  /** Options that `Backend.machine` accepts, but with which `start` must fail with `JITSU_BACKEND_FAILED`. */
  readonly broken?: (name: string) => object;
  /**
   * The options of the same machine as `machine` with another definition, of which the backend tells that it differs from
   * that of a machine which runs. Omitted where the backend never says that a machine is outdated.
   */
  readonly redefined?: (name: string) => object;
  /** The options of a machine that writes these lines, in this order, and then ends: where machines tell their output. */
  readonly writes?: (name: string) => { readonly options: object; readonly lines: readonly string[] };
  /** The number of running machines of this unikernel, as the system itself reports it. */
  readonly count?: (name: string, id: MachineId) => Promise<number> | number;
  /** Ends a running machine without the backend. `domainId` is the one that `describe` returned. */
  readonly kill?: (name: string, id: MachineId, domainId: number | undefined) => Promise<void> | void;
  /** Pauses a running machine without the backend, so that its state is `paused`. */
  readonly pause?: (name: string, id: MachineId, domainId: number | undefined) => Promise<void> | void;
  /** Cuts every connection to the system, whose machines continue to run; requires `restore`. */
  readonly lose?: () => Promise<void> | void;
  readonly restore?: () => Promise<void> | void;
}
