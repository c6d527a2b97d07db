import { setTimeout as sleep } from 'node:timers/promises';
import type { LightGuest } from '../../support/light-guest.js';
import { askForAddress } from '../ask.js';
import { timeOf } from '../time-of.js';

/** So many that each has been stopped again, for want of queries, when its turn comes anew. */
const UNIKERNELS = 400;
/** How long the programs take until they listen: each its own time in between, in milliseconds. */
const QUICKEST = 300;
const SLOWEST = 1_000;
/** As a stub resolver asks again, in milliseconds. */
const PATIENCE = 2_000;
/** A name that answers sooner than its program listens was not stopped yet. */
const NO_BOOT = QUICKEST / 2;

/** What a storm came to. */
export interface StormTally {
  readonly boots: number;
  /** Names that were still ready. */
  readonly ready: number;
  readonly failures: number;
}

/** Names that are asked for while they are stopped, so that always equally many boots are in flight. */
export class BootStorm {
  #next = 0;
  #blowing = false;
  #tally = { boots: 0, ready: 0, failures: 0 };
  #lanes: Promise<void>[] = [];

  /** For the configuration: programs that are stopped two seconds after their last query. */
  static unikernels(guest: LightGuest, port: number): object[] {
    return Array.from({ length: UNIKERNELS }, (_, n) => {
      const ip = `127.88.${1 + (n >> 8)}.${n & 255}`;
      const delay = QUICKEST + ((n * 7_919) % (SLOWEST - QUICKEST));
      const command = guest.command(ip, port, delay);
      return { name: `storm${n}`, dns: nameOf(n), ip, ttl: 1, backend: 'process', ready: `tcp:${port}`, command };
    });
  }

  constructor(
    private readonly port: number,
    private readonly inFlight: number,
  ) {}

  /** Resolves when the storm has got going. */
  async begin(): Promise<void> {
    this.#blowing = true;
    this.#tally = { boots: 0, ready: 0, failures: 0 };
    this.#lanes = Array.from({ length: this.inFlight }, () => this.#lane());
    await sleep(2 * SLOWEST);
  }

  /** Resolves when nothing of it is in flight any more. */
  async end(): Promise<StormTally> {
    this.#blowing = false;
    await Promise.all(this.#lanes);
    return this.#tally;
  }

  async #lane(): Promise<void> {
    while (this.#blowing) {
      const name = nameOf(this.#next++ % UNIKERNELS);
      try {
        const time = await timeOf(() => askForAddress(this.port, name, PATIENCE));
        if (time < NO_BOOT) this.#tally.ready += 1;
        else this.#tally.boots += 1;
      } catch {
        this.#tally.failures += 1;
      }
    }
  }
}

function nameOf(n: number): string {
  return `boot${n}.storm.test`;
}
