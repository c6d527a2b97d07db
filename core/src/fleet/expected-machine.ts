import type { Machine, MachineDescription, StopMode } from '../contracts/machine.js';

/** Stands for a machine that its backend has not handed out yet: each call waits for the attempt under way to get it. */
export class ExpectedMachine implements Machine {
  /** Not known yet. */
  readonly id = '';
  /** Present where the machine will have it: a unikernel without addresses is summoned to find them out. */
  readonly addresses?: () => Promise<readonly string[]>;

  /**
   * @param arrival the machine, after the attempt under way or another one; rejects with the reason why it is not there
   * @param findsAddresses whether machines of the backend find addresses
   */
  constructor(
    private readonly arrival: () => Promise<Machine>,
    findsAddresses: boolean,
  ) {
    if (findsAddresses) this.addresses = async () => (await (await arrival()).addresses?.()) ?? [];
  }

  async describe(): Promise<MachineDescription> {
    return (await this.arrival()).describe();
  }

  async start(): Promise<void> {
    return (await this.arrival()).start();
  }

  async stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    return (await this.arrival()).stop(mode, signal);
  }
}
