import { setTimeout as sleep } from 'node:timers/promises';
import type { StopMode } from '#core/contracts/machine.js';
import { eventually } from '#core/testing/eventually.js';
import type { ClientReport } from '../netfilter/client-program.js';
import type { RunningJitsu } from '../running-jitsu.js';

/** A client connects so often, in milliseconds. */
const PACE = 5;
/** How long the service is let alone between two stops, in milliseconds. */
const BETWEEN = 60;
/** The most that one stop and boot may take. */
const LONGEST_CYCLE = 60_000;

/** Beyond the boot, in milliseconds: a first packet that was lost comes again after a second. */
export const SLOW = 900;

/** From the order to stop it until it was ready again, by the machine's clock. */
export interface Absence {
  readonly from: number;
  readonly until: number;
}

interface Cycle extends Absence {
  /** Where its part of Jitsu's log begins. */
  readonly logBegins: number;
}

/** What clients have seen while a unikernel was stopped again and again. Times are in milliseconds. */
export interface CycleFigures {
  readonly connections: number;
  /** What was said of those that have failed. */
  readonly failures: readonly string[];
  /** What Jitsu has logged in the cycle of the first that has failed, and in the next one; empty where none has. */
  readonly log: string;
  /** The slowest connection, or answer to a datagram, without the part of it in which nothing was there. */
  readonly slowest: number;
  /** From the order to stop it until it was ready again. */
  readonly absences: { readonly median: number; readonly longest: number };
}

/**
 * Stops a unikernel again and again while a client connects every 5 ms, which is all that wakes it.
 * @param connect opens one connection, or sends one datagram
 * @param mode how it is stopped; its usual mode where absent
 */
export async function stopCycles(
  jitsu: RunningJitsu,
  name: string,
  cycles: number,
  connect: () => Promise<ClientReport>,
  mode?: StopMode,
): Promise<CycleFigures> {
  const all: Promise<ClientReport>[] = [];
  const absences: Cycle[] = [];
  const untilReady = async (from: number, logBegins: number): Promise<void> => {
    const until = await eventually(() => wasReadySince(jitsu, name, from), LONGEST_CYCLE);
    absences.push({ from, until, logBegins });
  };
  const began = Date.now();
  const isReady = (await jitsu.status(name)).phase === 'ready';
  const timer = setInterval(() => all.push(connect()), PACE);
  try {
    if (!isReady) await untilReady(began, 0);
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      await sleep(BETWEEN);
      const from = Date.now();
      const logBegins = jitsu.log.length;
      await jitsu.control.stop(name, mode);
      await untilReady(from, logBegins);
    }
    await sleep(BETWEEN);
  } finally {
    clearInterval(timer);
  }
  const reports = await Promise.all(all);
  return { ...figuresOf(reports, absences), log: logOfFailure(jitsu.log, reports, absences) };
}

/** When the unikernel has become ready since this time; rejects where it has not. */
async function wasReadySince(jitsu: RunningJitsu, name: string, since: number): Promise<number> {
  const events = await jitsu.control.history({ unikernel: name, limit: 20 });
  const ready = events.find(({ kind, at }) => kind === 'ready' && at >= since);
  if (ready === undefined) throw new Error(`${name} is not ready again:\n${jitsu.log.slice(-5_000)}`);
  return ready.at;
}

function figuresOf(reports: readonly ClientReport[], absences: readonly Absence[]): Omit<CycleFigures, 'log'> {
  const sorted = absences.map(({ from, until }) => until - from).toSorted((one, other) => one - other);
  return {
    connections: reports.length,
    failures: reports.flatMap(({ error, at, took }) =>
      error === undefined ? [] : [`${error} ${sinceStop(at, absences)}, after ${took.toFixed(0)} ms`],
    ),
    slowest: Math.max(0, ...reports.map((report) => beyondBoot(report, absences))),
    absences: { median: sorted[sorted.length >> 1] ?? 0, longest: sorted.at(-1) ?? 0 },
  };
}

/** One that comes as the unikernel is stopped again spans two absences. */
export function beyondBoot({ at, took }: Pick<ClientReport, 'at' | 'took'>, absences: readonly Absence[]): number {
  let beyond = took;
  for (const { from, until } of absences) beyond -= Math.max(0, Math.min(at + took, until) - Math.max(at, from));
  return beyond;
}

function logOfFailure(log: string, reports: readonly ClientReport[], cycles: readonly Cycle[]): string {
  const failed = reports.find(({ error }) => error !== undefined);
  if (failed === undefined) return '';
  const index = cycles.findLastIndex(({ from }) => from <= failed.at);
  return log.slice(cycles[index]?.logBegins ?? 0, cycles[index + 2]?.logBegins);
}

/** Where in a cycle this time is. */
function sinceStop(at: number, absences: readonly Absence[]): string {
  const last = absences.findLast(({ from }) => from <= at);
  if (last === undefined) return 'before the first stop';
  return `${(at - last.from).toFixed(0)} ms after a stop, of ${(last.until - last.from).toFixed(0)} until it was ready`;
}
