import type { WakeCause } from '#core/contracts/lifecycle-event.js';
import type { AnswerLease } from '#core/contracts/resolver.js';
import type { UnikernelService } from '#core/dns/resolvers/unikernel-service.js';
import { Lifecycle } from '#core/lifecycle/lifecycle.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';

/** What DNS asks of the lives of unikernels: summons true, or fail, when the test says so; at once while `atOnce` is set. */
export class FakeSummons implements UnikernelService<Unikernel> {
  readonly calls: { unikernel: string; cause: WakeCause }[] = [];
  private readonly waiting = new Map<Unikernel, { resolve: () => void; reject: (error: Error) => void }[]>();

  private readonly lifecycle = new Lifecycle(this, new ManualClock());

  constructor(private readonly atOnce = true) {}

  countQuery(unikernel: Unikernel, name: string, at: number): void {
    this.lifecycle.countQuery(unikernel, name, at);
  }

  countAnswer(unikernel: Unikernel, name: string, at: number): void {
    this.lifecycle.countAnswer(unikernel, name, at);
  }

  lease(
    key: string,
    name: string,
    wanted: readonly Unikernel[],
    behind: readonly Unikernel[],
  ): AnswerLease | undefined {
    return this.lifecycle.lease(key, name, wanted, behind);
  }

  summon(unikernel: Unikernel, cause: WakeCause): Promise<void> {
    this.calls.push({ unikernel: unikernel.name, cause });
    if (this.atOnce) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.waiting.set(unikernel, [...(this.waiting.get(unikernel) ?? []), { resolve, reject }]);
    });
  }

  raise(unikernel: Unikernel): void {
    unikernel.ready = true;
    for (const { resolve } of this.take(unikernel)) resolve();
  }

  fail(unikernel: Unikernel, error: Error): void {
    for (const { reject } of this.take(unikernel)) reject(error);
  }

  private take(unikernel: Unikernel): { resolve: () => void; reject: (error: Error) => void }[] {
    const waiting = this.waiting.get(unikernel) ?? [];
    this.waiting.delete(unikernel);
    return waiting;
  }
}
