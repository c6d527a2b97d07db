import type { WakeCause } from '#core/contracts/lifecycle-event.js';
import type { Summons } from '#core/lifecycle/summoner.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';

/** Summons that come true, or fail, when the test says so; at once while `atOnce` is set. */
export class FakeSummons implements Summons {
  readonly calls: { unikernel: string; cause: WakeCause }[] = [];
  private readonly waiting = new Map<Unikernel, { resolve: () => void; reject: (error: Error) => void }[]>();

  constructor(private readonly atOnce = true) {}

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
