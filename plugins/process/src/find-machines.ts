import { sendSignal, type MachineId } from '@jitsud/core/plugin';
import type { MachineRecord, MachineRecords } from './machine-records.js';
import { marksOf } from './spawn-process.js';
import type { ProcessEntry, ProcessTable } from './process-table.js';

/**
 * Finds the processes that an earlier Jitsu left running, by their records: exactly these, and no other process that
 * got one of their pids since. A process whose pid was not saved is known by its nonce, since anybody can start one with
 * the other marks. The remains of a machine whose first process has ended are ended, too.
 *
 * The process table is read as a whole, once, and only where a record does not match what runs.
 */
export function findMachines(
  records: MachineRecords,
  table: ProcessTable,
  runtimeDirectory: string,
): Map<MachineId, MachineRecord> {
  const found = new Map<MachineId, MachineRecord>();
  let entries: readonly ProcessEntry[] | undefined;
  for (const [id, record] of records.load()) {
    if (record?.pid !== undefined && isAlive(record, table)) {
      found.set(id, record);
      continue;
    }
    if (record?.nonce !== undefined) {
      entries ??= table.all().filter(({ state }) => state !== 'dead');
      const hasMarks = markFinder({ ...marksOf(id, runtimeDirectory), JITSU_SPAWN: record.nonce }, table);
      const orphan = record.pid === undefined ? firstLeader(entries, hasMarks) : undefined;
      if (orphan !== undefined) {
        const adopted = {
          ...{ pid: orphan.pid, startTime: orphan.startTime },
          bootId: table.bootId,
          nonce: record.nonce,
        };
        found.set(id, adopted);
        records.save(id, adopted);
        continue;
      }
      if (record.pid !== undefined && record.bootId === table.bootId) endRest(record.pid, entries, hasMarks);
    }
    records.remove(id);
  }
  return found;
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
  return leaders.sort((one, other) => Number(one.startTime) - Number(other.startTime))[0];
}
