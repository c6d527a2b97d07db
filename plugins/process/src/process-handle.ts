import {
  errorMessage,
  JitsuError,
  type Clock,
  type Machine,
  type MachineDescription,
  type MachineId,
  type Milliseconds,
  type ProgramSignal,
  type StopMode,
} from '@jitsud/core/plugin';
import type { ProcessGroup } from './process-group.js';
import type { RunningProcesses } from './running-processes.js';

/** The longest interval at which the effect of a signal is looked for. */
const SLOWEST_LOOK: Milliseconds = 25;

/** The time after which a group that has not stopped is continued and stopped again. */
const STOP_RETRY: Milliseconds = 200;

/** The processes of a unikernel as they can be seen and stopped, whether or not it is known how to run them. */
export class ProcessHandle implements Machine {
  constructor(
    readonly id: MachineId,
    readonly name: string,
    protected readonly processes: RunningProcesses,
    private readonly clock: Clock,
  ) {}

  async describe(): Promise<MachineDescription> {
    const group = this.processes.get(this.id);
    return {
      name: this.name,
      state: group?.look() ?? 'off',
      domainId: group?.pid,
      detail: group === undefined ? this.processes.endOf(this.id) : undefined,
      ...(group?.outdated && { outdated: group.outdated }),
    };
  }

  /** @throws JITSU_BACKEND_FAILED */
  async start(): Promise<void> {
    if (this.group !== undefined) return;
    const message = `${this.name} cannot be started: the configuration does not say how any more.`;
    throw new JitsuError('JITSU_BACKEND_FAILED', message);
  }

  async resume(): Promise<void> {
    const group = this.group;
    if (group?.look() !== 'suspended') return;
    await this.#send(group, 'SIGCONT');
    await this.#until(group, () => group.look() !== 'suspended');
    if (!group.hasEnded) this.processes.tellStateOf(this.id);
  }

  /** A machine that ends on the way to another state counts as stopped. */
  async stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    const group = this.group;
    if (group === undefined) return;
    if (mode === 'suspend') await this.#suspend(group, signal);
    else if (mode === 'shutdown') await this.#shutDown(group, signal);
    else await this.#destroy(group, signal);
  }

  async recentOutput(): Promise<readonly string[]> {
    return this.processes.recentOutput(this.id);
  }

  protected get group(): ProcessGroup | undefined {
    return this.processes.get(this.id);
  }

  async #suspend(group: ProcessGroup, signal: AbortSignal): Promise<void> {
    const after = (delay: Milliseconds): (() => boolean) => {
      const end = this.clock.now() + delay;
      return () => this.clock.now() >= end;
    };
    for (let pause = 1; group.look() === 'running'; pause = Math.min(2 * pause, STOP_RETRY)) {
      await this.#send(group, 'SIGSTOP');
      const isLate = after(STOP_RETRY);
      await this.#until(group, () => group.look() === 'suspended' || isLate(), signal);
      if (group.hasEnded || group.look() !== 'running') break;
      // Caught within vfork(2): the parent cannot stop before its child has called exec, for which that needs a
      // processor. Both are continued, for longer each time, and stopped again.
      await this.#send(group, 'SIGCONT');
      await this.#until(group, after(pause), signal);
    }
    await this.#until(group, () => group.look() === 'suspended', signal);
    if (!group.hasEnded) this.processes.tellStateOf(this.id);
  }

  /** Rejects with the signal's reason; the rest of a group whose first process has ended is then killed. */
  async #shutDown(group: ProcessGroup, signal: AbortSignal): Promise<void> {
    group.gentle = true;
    try {
      await this.#send(group, 'SIGTERM');
      if (group.look() === 'suspended') await this.#send(group, 'SIGCONT');
      await this.#until(group, () => false, signal);
    } finally {
      group.gentle = false;
    }
  }

  async #destroy(group: ProcessGroup, signal: AbortSignal): Promise<void> {
    group.gentle = false;
    await this.#send(group, 'SIGKILL');
    await this.#until(group, () => false, signal);
  }

  /** @throws JITSU_BACKEND_FAILED for a process that Jitsu may not signal */
  async #send(group: ProcessGroup, signal: ProgramSignal): Promise<void> {
    try {
      await group.signal(signal);
    } catch (error) {
      if (error instanceof JitsuError) throw error;
      const process = `${this.name} (process ${group.pid})`;
      const message = `${process} cannot be sent ${signal}: ${errorMessage(error)}. Does it run as another user than Jitsu?`;
      throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
    }
  }

  /**
   * Resolves when `isSo` holds, or when the machine has ended. @throws JITSU_BACKEND_UNREACHABLE when the backend is
   * closed
   */
  async #until(group: ProcessGroup, isSo: () => boolean, signal?: AbortSignal): Promise<void> {
    for (let delay = 1; ; delay = Math.min(2 * delay, SLOWEST_LOOK)) {
      if (group.released) {
        throw new JitsuError(
          'JITSU_BACKEND_UNREACHABLE',
          `The process backend was closed while ${this.name} was handled.`,
        );
      }
      group.check();
      if (group.hasEnded || isSo()) return;
      await Promise.race([group.ended, this.clock.sleep(delay, signal)]);
    }
  }
}
