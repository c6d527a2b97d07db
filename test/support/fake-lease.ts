import type { AnswerLease } from '#core/contracts/resolver.js';

/** A lease that ends when the test says so. */
export class FakeLease implements AnswerLease {
  holds = true;
  /** How often the answer was given, as far as was told. */
  uses = 0;
  private readonly waiting: (() => void)[] = [];

  get listeners(): number {
    return this.waiting.length;
  }

  onEnd(listener: () => void): void {
    this.waiting.push(listener);
  }

  used(times: number): void {
    this.uses += times;
  }

  end(): void {
    this.holds = false;
    for (const listener of this.waiting) listener();
  }
}

/** A lease that never ends, and counts no uses. */
export const LASTING_LEASE: AnswerLease = { holds: true, onEnd: () => undefined };
