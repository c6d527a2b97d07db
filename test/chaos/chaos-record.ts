import type { Ended } from './idle-process.js';
import { now, type ToldAddress } from './patient-query.js';

/** What happened to a unikernel or to Jitsu, for which a client may find nothing behind an address that it was told. */
export interface Disturbance {
  readonly from: number;
  /** Infinity while it goes on. */
  until: number;
}

/** A program that was killed, and the time at which an idle process has seen it end, where one looked. */
export interface Kill {
  readonly at: number;
  readonly ended?: Ended;
}

/** How long what was done may be unseen, in milliseconds. */
const UNSEEN = 1_000;

/** What was done and heard in a run, and what was wrong. Times are milliseconds of the machine's clock. */
export class ChaosRecord {
  readonly faults: string[] = [];
  readonly counts = { queries: 0, told: 0, kills: 0, freezes: 0, fills: 0, starts: 0, changes: 0, removals: 0 };
  /** From each SIGTERM to the end of Jitsu, in milliseconds. */
  readonly ends: number[] = [];
  readonly #told = new Map<string, ToldAddress[]>();
  readonly #kills = new Map<string, Kill[]>();
  readonly #disturbances = new Map<string, Disturbance[]>();
  /** While Jitsu was ended, frozen or without a helper. */
  readonly #outages: Disturbance[] = [];

  told(name: string): readonly ToldAddress[] {
    return this.#told.get(name) ?? [];
  }

  kills(name: string): readonly Kill[] {
    return this.#kills.get(name) ?? [];
  }

  addTold(name: string, told: ToldAddress): void {
    this.counts.told += 1;
    push(this.#told, name, told);
  }

  addKill(name: string, kill: Kill): void {
    this.counts.kills += 1;
    push(this.#kills, name, kill);
  }

  fault(text: string): void {
    this.faults.push(`${new Date(now()).toISOString()} ${text}`);
  }

  disturb(name: string): Disturbance {
    const disturbance = { from: now(), until: Infinity };
    push(this.#disturbances, name, disturbance);
    return disturbance;
  }

  outage(): Disturbance {
    const outage = { from: now(), until: Infinity };
    this.#outages.push(outage);
    return outage;
  }

  /** Whether something was done to Jitsu between these times, or so shortly before that it may still have been unseen. */
  wasAway(from: number, until: number): boolean {
    return overlaps(this.#outages, from, until);
  }

  /** The same for a unikernel and Jitsu. */
  wasDisturbed(name: string, from: number, until: number): boolean {
    return this.wasAway(from, until) || overlaps(this.#disturbances.get(name) ?? [], from, until);
  }
}

function overlaps(all: readonly Disturbance[], from: number, until: number): boolean {
  return all.some((one) => one.from <= until && one.until >= from - UNSEEN);
}

function push<T>(map: Map<string, T[]>, name: string, value: T): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [value]);
  else list.push(value);
}
