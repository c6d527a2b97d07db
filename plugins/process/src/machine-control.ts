import { errorMessage, JitsuError, type Clock, type Milliseconds } from '@jitsud/core/plugin';
import type { ProcessMachine } from './process-machine.js';

/** How long, at most, until the effect of a signal is looked for again. */
const SLOWEST_LOOK: Milliseconds = 25;

/** How long a group may take to stop before it is let go on and stopped anew. */
const STOP_PATIENCE: Milliseconds = 200;

/**
 * Brings a running machine into another state and sees that it gets there. A machine that ends on the way has got there
 * as well.
 *
 * @throws JITSU_BACKEND_FAILED for a process that may not be signalled, JITSU_BACKEND_UNREACHABLE when the backend is
 *   closed meanwhile
 */
export class MachineControl {
  constructor(
    private readonly name: string,
    private readonly machine: ProcessMachine,
    private readonly clock: Clock,
  ) {}

  async suspend(signal: AbortSignal): Promise<void> {
    while (this.machine.look() === 'running') {
      this.#send('SIGSTOP');
      const patience = this.clock.now() + STOP_PATIENCE;
      await this.#until(() => this.machine.look() === 'suspended' || this.clock.now() >= patience, signal);
      if (this.machine.hasEnded || this.machine.look() !== 'running') break;
      // Caught within vfork(2): the parent cannot stop before its child goes on, so let both go on, and try again.
      this.#send('SIGCONT');
    }
    await this.#until(() => this.machine.look() === 'suspended', signal);
  }

  async resume(): Promise<void> {
    this.#send('SIGCONT');
    await this.#until(() => this.machine.look() !== 'suspended');
  }

  /** Rejects with the signal's reason; what is left of a group whose first process has ended is then killed. */
  async shutDown(signal: AbortSignal): Promise<void> {
    this.machine.gentle = true;
    try {
      this.#send('SIGTERM');
      if (this.machine.look() === 'suspended') this.#send('SIGCONT');
      await this.#until(() => false, signal);
    } finally {
      this.machine.gentle = false;
    }
  }

  async destroy(signal: AbortSignal): Promise<void> {
    this.machine.gentle = false;
    this.#send('SIGKILL');
    await this.#until(() => false, signal);
  }

  #send(signal: NodeJS.Signals): void {
    try {
      this.machine.signal(signal);
    } catch (error) {
      const process = `${this.name} (process ${this.machine.pid})`;
      const message = `${process} cannot be sent ${signal}: ${errorMessage(error)}. Does it run as another user than Jitsu?`;
      throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
    }
  }

  /** Resolves when that is so, or when the machine has ended. */
  async #until(isSo: () => boolean, signal?: AbortSignal): Promise<void> {
    const { machine } = this;
    for (let delay = 1; ; delay = Math.min(2 * delay, SLOWEST_LOOK)) {
      if (machine.released) {
        throw new JitsuError(
          'JITSU_BACKEND_UNREACHABLE',
          `The process backend was closed while ${this.name} was handled.`,
        );
      }
      machine.check();
      if (machine.hasEnded || isSo()) return;
      await Promise.race([machine.ended, this.clock.sleep(delay, signal)]);
    }
  }
}
