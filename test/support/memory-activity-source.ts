import type { ActivitySource, Traffic } from '#core/contracts/activity-source.js';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';

/** Knows what tests tell it. */
export class MemoryActivitySource implements ActivitySource {
  readonly traffic = new Map<string, Traffic>();
  /** The names of those that it was asked for, in order, and of those that it was told to watch. */
  readonly asked: string[] = [];
  readonly watched: ServiceEndpoints[] = [];
  /** What an answer waits for, and why it fails. */
  beforeAnswer: (unikernel: string) => Promise<void> = async () => undefined;
  isOpen = false;

  /** @param seen the names of what it sees; all where absent */
  constructor(private readonly seen?: readonly string[]) {}

  sees({ unikernel }: ServiceEndpoints): boolean {
    return this.seen?.includes(unikernel) !== false;
  }

  async watch(endpoints: readonly ServiceEndpoints[]): Promise<void> {
    this.watched.push(...endpoints);
  }

  async observe({ unikernel }: ServiceEndpoints, signal: AbortSignal): Promise<Traffic> {
    signal.throwIfAborted();
    this.asked.push(unikernel);
    await this.beforeAnswer(unikernel);
    return this.traffic.get(unikernel) ?? { connections: 0, lastPacket: -Infinity };
  }

  async open(): Promise<void> {
    this.isOpen = true;
  }

  async close(): Promise<void> {
    this.isOpen = false;
  }
}
