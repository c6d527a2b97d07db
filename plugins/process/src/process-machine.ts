import type { Clock, Execution, HeldListener } from '@jitsud/core/plugin';
import { ProcessHandle } from './process-handle.js';
import type { Confinement, ProcessPlan } from './process-plan.js';
import type { RunningProcesses } from './running-processes.js';
import type { UserAccount } from './user-accounts.js';

/**
 * A unikernel that is a process: how to run it, whether or not it runs. One object holds everything, since a million of
 * them may be registered.
 */
export class ProcessMachine extends ProcessHandle implements ProcessPlan {
  readonly program: string;
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly account: UserAccount | undefined;
  readonly confinement: Confinement | undefined;
  readonly ip: readonly string[] | undefined;

  constructor(plan: ProcessPlan, processes: RunningProcesses, clock: Clock) {
    super(plan.id, plan.name, processes, clock);
    this.program = plan.program;
    this.words = plan.words;
    this.cwd = plan.cwd;
    this.env = plan.env;
    this.account = plan.account;
    this.confinement = plan.confinement;
    this.ip = plan.ip;
  }

  override async start(): Promise<void> {
    for (let group = this.group; group !== undefined; group = this.group) {
      const state = group.look();
      if (state === 'suspended') await this.resume();
      if (state !== 'stopping') return;
      await group.ended;
    }
    await this.processes.spawn(this);
  }

  execution(): Execution {
    return this.processes.executionOf(this);
  }

  listener(address: string, port: number): HeldListener | undefined {
    return this.processes.listeners.listenerOf(this.id, address, port);
  }
}
