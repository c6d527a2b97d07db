import type { ChaosUnikernel } from './chaos-unikernels.js';
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

/** A connection that was in use from one time to the other, when it was cut. */
export interface Cut {
  readonly name: string;
  readonly from: number;
  readonly at: number;
}

/** How long what was done may be unseen, in milliseconds. */
const UNSEEN = 1_000;

/** What was done and heard in a run, and what was wrong. Times are milliseconds of the machine's clock. */
export class ChaosRecord {
  readonly faults: string[] = [];
  readonly counts = {
    queries: 0,
    told: 0,
    kills: 0,
    freezes: 0,
    fills: 0,
    starts: 0,
    changes: 0,
    removals: 0,
    knocks: 0,
    uses: 0,
    gates: 0,
  };
  /** From each SIGTERM to the end of Jitsu, in milliseconds. */
  readonly ends: number[] = [];
  /** Connections that were in use when they ended. */
  readonly cuts: Cut[] = [];
  readonly #gateKills: number[] = [];
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

  addGateKill(): void {
    this.counts.gates += 1;
    this.#gateKills.push(now());
  }

  /** Whether what holds first packets was killed within so many milliseconds before this time. */
  hadNoGate(at: number, within: number): boolean {
    return this.#gateKills.some((kill) => kill <= at && kill >= at - within);
  }

  /** When Jitsu was last away before this time. */
  lastAway(before: number): number {
    return Math.max(0, ...this.#outages.flatMap(({ until }) => (until <= before ? [until] : [])));
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

  /** The same for a unikernel with those that it needs or goes together with, and Jitsu. */
  wasDisturbed({ name, needs, group }: ChaosUnikernel, from: number, until: number): boolean {
    return (
      this.wasAway(from, until) ||
      [name, ...needs, ...group].some((one) => overlaps(this.#disturbances.get(one) ?? [], from, until))
    );
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
