import { sendSignal, type MachineId } from '@jitsud/core/plugin';
import { NONCE, type MachineRecord, type MachineRecords } from './machine-records.js';
import type { ProcessPlan } from './process-plan.js';
import { commandForm, marksOf } from './spawn-process.js';
import type { ProcessEntry, ProcessTable } from './process-table.js';

/**
 * Finds the processes that an earlier Jitsu left running, by their records: exactly these, and no other process that
 * got one of their pids since. A process whose pid was not saved is known by its nonce, since anybody can start one with
 * the other marks. The remains of a machine whose first process has ended are ended, too.
 *
 * The process table is read as a whole, once, and only where a record does not match what runs.
 *
 * @param onLost told of each record that names no process, or cannot be read, with the error
 */
export function findMachines(
  records: MachineRecords,
  table: ProcessTable,
  runtimeDirectory: string,
  onLost?: (id: MachineId, error?: unknown) => void,
): Map<MachineId, MachineRecord> {
  const found = new Map<MachineId, MachineRecord>();
  let entries: readonly ProcessEntry[] | undefined;
  for (const [id, record] of records.load(onLost)) {
    if (record?.pid !== undefined && isAlive(record, table)) {
      found.set(id, record);
      continue;
    }
    if (record?.nonce !== undefined) {
      entries ??= table.all().filter(isLiving);
      const hasMarks = markFinder({ ...marksOf(id, runtimeDirectory), JITSU_SPAWN: record.nonce }, table);
      const orphan = record.pid === undefined ? firstLeader(entries, hasMarks) : undefined;
      if (orphan !== undefined) {
        const { nonce, definition } = record;
        const adopted = { ...recordOf(orphan, table, nonce), ...(definition && { definition }) };
        found.set(id, adopted);
        try {
          records.save(id, adopted);
        } catch {
          // The disk may be full. The next Jitsu finds it by the nonce again, which the record keeps.
        }
        continue;
      }
      if (record.pid !== undefined && record.bootId === table.bootId) endRest(record.pid, entries, hasMarks);
    }
    records.remove(id);
  }
  return found;
}

/** Finds a process that was spawned with this nonce by a process that has ended before it could tell the pid. */
export function findSpawned(
  id: MachineId,
  nonce: string,
  table: ProcessTable,
  runtimeDirectory: string,
): MachineRecord | undefined {
  const hasMarks = markFinder({ ...marksOf(id, runtimeDirectory), JITSU_SPAWN: nonce }, table);
  const entry = firstLeader(table.all().filter(isLiving), hasMarks);
  return entry && recordOf(entry, table, nonce);
}

/** What may be a machine, of which there is no record. */
export interface StrayProcess {
  readonly record: MachineRecord;
  /** The form of the command by which it was started, as it says; absent where an earlier version has started it. */
  readonly command: string | undefined;
}

/**
 * Finds the processes of an earlier Jitsu whose records are gone: the session leaders with the marks of this runtime
 * folder. Anybody can start such a process, so {@link isOf} or {@link wasOf} is to be asked of each.
 *
 * @param known the machines that have, or had, a record
 */
export function findStrays(
  table: ProcessTable,
  runtimeDirectory: string,
  known: (id: MachineId) => boolean,
): Map<MachineId, StrayProcess> {
  const strays = new Map<MachineId, StrayProcess>();
  if (table.environment(process.pid) === undefined) return strays;
  const leaders = table.all().filter((entry) => entry.pid === entry.session && isLiving(entry));
  const marked = `JITSU_RUNTIME_DIRECTORY=${runtimeDirectory}`;
  for (const entry of leaders.sort(byAge)) {
    const environment = table.environment(entry.pid);
    if (environment?.includes(marked) !== true) continue;
    const names = ['JITSU_UNIKERNEL', 'JITSU_SPAWN', 'JITSU_COMMAND'];
    const [id, nonce, command] = names.map((name) => valueOf(name, environment));
    if (id === undefined || known(id) || strays.has(id)) continue;
    strays.set(id, { record: recordOf(entry, table, nonce), command });
  }
  return strays;
}

/**
 * Whether a process runs as the user of a plan, in every respect, and with its command line. Whoever is that user could
 * end and replace its unikernel anyway.
 *
 * @param starter the user of a program without one of its own
 */
export function isOf(
  { pid, startTime }: MachineRecord,
  { words, program, account }: Pick<ProcessPlan, 'words' | 'program' | 'account'>,
  table: ProcessTable,
  starter = process.geteuid?.(),
): boolean {
  const line = table.commandLine(pid);
  if (line === undefined || !hasUser(pid, account?.uid ?? starter, table)) return false;
  const [name, ...rest] = words;
  // A script comes behind its interpreter.
  const begin = line.length - rest.length;
  const isSame = rest.every((word, index) => line[begin + index] === word);
  const isNamed = line.slice(0, begin).some((word) => word === name || word === program);
  return isSame && isNamed && table.look(pid)?.startTime === startTime;
}

/**
 * Whether a process runs as the user of a plan and with the command line that it was started with, whichever that was:
 * what it starts has its marks, too, and another command line.
 *
 * @param starter the user of a program without one of its own
 */
export function wasOf(
  { record: { pid, startTime }, command }: StrayProcess,
  { account }: Pick<ProcessPlan, 'account'>,
  table: ProcessTable,
  starter = process.geteuid?.(),
): boolean {
  const line = table.commandLine(pid);
  if (line === undefined || command === undefined || !hasUser(pid, account?.uid ?? starter, table)) return false;
  const isSame = line.some((_, index) => commandForm(line.slice(index)) === command);
  return isSame && table.look(pid)?.startTime === startTime;
}

function hasUser(pid: number, user: number | undefined, table: ProcessTable): boolean {
  return table.users(pid)?.every((one) => one === user) === true;
}

function recordOf({ pid, startTime }: ProcessEntry, { bootId }: ProcessTable, nonce?: string): MachineRecord {
  return { pid, startTime, bootId, ...(nonce !== undefined && NONCE.test(nonce) && { nonce }) };
}

function valueOf(name: string, environment: readonly string[]): string | undefined {
  return environment.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
}

function isLiving({ state }: ProcessEntry): boolean {
  return state !== 'dead';
}

function byAge(one: ProcessEntry, other: ProcessEntry): number {
  return Number(one.startTime) - Number(other.startTime);
}

function isAlive({ pid, startTime, bootId }: MachineRecord, table: ProcessTable): boolean {
  const entry = bootId === table.bootId ? table.look(pid) : undefined;
  return entry?.startTime === startTime && entry.state !== 'dead';
}

function endRest(leader: number, entries: readonly ProcessEntry[], hasMarks: (pid: number) => boolean): void {
  const rest = entries.filter(({ group, pid }) => group === leader && pid !== leader && hasMarks(pid));
  for (const { pid } of rest) sendSignal(pid, 'SIGKILL');
}

/** Finds out whether a process carries these marks. */
function markFinder(wanted: Readonly<Record<string, string>>, table: ProcessTable): (pid: number) => boolean {
  const marks = Object.entries(wanted).map(([key, value]) => `${key}=${value}`);
  return (pid) => {
    const environment = table.environment(pid);
    return environment !== undefined && marks.every((mark) => environment.includes(mark));
  };
}

/**
 * The oldest session leader with the marks: a program may open sessions of its own, whose younger leaders carry them,
 * too.
 */
function firstLeader(entries: readonly ProcessEntry[], hasMarks: (pid: number) => boolean): ProcessEntry | undefined {
  const leaders = entries.filter(({ pid, session }) => pid === session && hasMarks(pid));
  return leaders.sort(byAge)[0];
}
