import type { MissReader } from './miss-reader.js';
import type { Miss } from './miss-ring.js';

/** How many datagrams are taken in before everything else has its turn. */
const MOST_IN_A_TURN = 64;

/**
 * Takes datagrams off a ring for as long as there are any, a number in each turn of the event loop, and one turn longer:
 * to be told of the next one by a message costs several times as much as to look.
 */
export class MissPump {
  private awake = false;
  private hadSome = false;

  constructor(
    private readonly ring: MissReader,
    private readonly take: (miss: Miss) => void,
  ) {}

  /** There is something, or may be. */
  wake(): void {
    if (this.awake) return;
    this.awake = true;
    this.turn();
  }

  private readonly turn = (): void => {
    let count = 0;
    for (; count < MOST_IN_A_TURN; count++) {
      const miss = this.ring.take();
      if (miss === undefined) break;
      this.take(miss);
    }
    const looksAgain = count > 0 || this.hadSome;
    this.hadSome = count > 0;
    if (looksAgain || !this.ring.sleep()) setImmediate(this.turn);
    else this.awake = false;
  };
}
