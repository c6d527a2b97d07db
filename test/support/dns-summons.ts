import type { WakeCause } from '#core/contracts/lifecycle-event.js';
import type { AnswerLease } from '#core/contracts/resolver.js';
import type { UnikernelService } from '#core/dns/resolvers/unikernel-service.js';
import { ReadyLeases } from '#core/lifecycle/ready-leases.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import type { StagedUnikernel } from './dns-unikernel.js';

/** What DNS asks of the lives of unikernels: summons true, or fail, when the test says so; at once while `atOnce` is set. */
export class FakeSummons implements UnikernelService<StagedUnikernel> {
  readonly calls: { unikernel: string; cause: WakeCause }[] = [];
  private readonly waiting = new Map<StagedUnikernel, { resolve: () => void; reject: (error: Error) => void }[]>();

  /** The unikernels whose first packets are held. */
  readonly held = new Set<StagedUnikernel>();
  private readonly leases = new ReadyLeases(
    (unikernel, name, times) => this.count(unikernel, name, times),
    (unikernel) => this.held.has(unikernel as StagedUnikernel),
  );

  constructor(private readonly atOnce = true) {}

  isHeld(unikernel: StagedUnikernel): boolean {
    return this.held.has(unikernel);
  }

  countQuery(unikernel: StagedUnikernel, name: string, at: number): void {
    this.count(unikernel, name, 1, at);
  }

  countAnswer(unikernel: StagedUnikernel, name: string, at: number): void {
    this.count(unikernel, name, 0, at);
  }

  lease(
    key: string,
    name: string,
    wanted: readonly StagedUnikernel[],
    behind: readonly StagedUnikernel[],
  ): AnswerLease | undefined {
    return this.leases.of(key, name, wanted, behind);
  }

  takeBack(unikernel: StagedUnikernel): void {
    const { relying } = unikernel;
    unikernel.relying = undefined;
    for (const listener of relying ?? []) listener();
  }

  summon(unikernel: StagedUnikernel, cause: WakeCause): Promise<void> {
    this.calls.push({ unikernel: unikernel.name, cause });
    if (this.atOnce) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.waiting.set(unikernel, [...(this.waiting.get(unikernel) ?? []), { resolve, reject }]);
    });
  }

  raise(unikernel: StagedUnikernel): void {
    unikernel.ready = true;
    for (const { resolve } of this.take(unikernel)) resolve();
  }

  fail(unikernel: StagedUnikernel, error: Error): void {
    for (const { reject } of this.take(unikernel)) reject(error);
  }

  private count({ counters }: Unikernel, name: string, times: number, at?: number): void {
    const counter = counters.get(name);
    if (counter === undefined) return;
    counter.requests += times;
    counter.lastAsked = at ?? counter.lastAsked;
  }

  private take(unikernel: StagedUnikernel): { resolve: () => void; reject: (error: Error) => void }[] {
    const waiting = this.waiting.get(unikernel) ?? [];
    this.waiting.delete(unikernel);
    return waiting;
  }
}
