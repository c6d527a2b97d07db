import type { Milliseconds } from '../../contracts/milliseconds.js';

/** How many askers are remembered. Each is there for a boot that it caused: to push one out costs a boot apiece. */
const MOST_REMEMBERED = 10_000;

/** How many boots each asker may still cause: `limit` at once, and as many again over the interval. */
export class BootBudget {
  /** When each asker will have its whole budget again; in the order in which they last used it. */
  private readonly fullAt = new Map<string, Milliseconds>();

  /** @param limit 0 for none */
  constructor(
    private readonly limit: number,
    private readonly interval: Milliseconds,
  ) {}

  /** Whether at least one boot is left. */
  has(asker: string, now: Milliseconds): boolean {
    if (this.limit === 0) return true;
    const used = (this.fullAt.get(asker) ?? now) - now;
    return used <= this.interval - this.interval / this.limit + 0.5;
  }

  spend(asker: string, boots: number, now: Milliseconds): void {
    if (this.limit === 0 || boots === 0) return;
    const fullAt = Math.max(this.fullAt.get(asker) ?? now, now) + (boots * this.interval) / this.limit;
    this.fullAt.delete(asker);
    if (this.fullAt.size >= MOST_REMEMBERED) this.fullAt.delete(this.fullAt.keys().next().value as string);
    this.fullAt.set(asker, fullAt);
  }
}
