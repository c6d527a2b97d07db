/**
 * Control groups (cgroup v2) of programs, as the process that spawns makes them. All failures come from the system; the
 * core, with its error classes, is too much to load for this.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlLimits } from '../contracts/control-limits.js';
import { shellThatKeeps } from './shell-that-keeps.js';

/**
 * The group of Jitsu's own processes, beside those of the programs: where a group shares out memory to others, no
 * process can be in it. DelegateSubgroup= of systemd.exec(5) can start Jitsu in it.
 */
export const JITSU_GROUP = 'supervisor';

/** The time in which a share of the processors is used up, in microseconds; the kernel's own. */
const PERIOD = 100_000;

/** How often, and at which interval in milliseconds, it is looked whether killed processes have ended. */
const MOST_LOOKS = 100;
const INTERVAL = 20;

/** How often processes are looked for that were forked while others were moved. */
const MOST_MOVES = 20;

/** Joins a group, and becomes the program: what is in front of it on the command line runs in the group already. */
const JOIN = 'echo 0 >"$1" || exit 126; shift; exec "$@"';

/** The groups that are about to be removed. */
const leaving = new Set<string>();

/** Makes the control group of a program where there is none, and sets its limits. Throws the system's error. */
export function confine(limits: ControlLimits): void {
  const group = join(limits.folder, limits.group);
  leaving.delete(group);
  enable(limits);
  makeFolder(group);
  const settings = settingsOf(limits);
  for (const [file, value] of settings) {
    const path = join(group, file);
    if (value !== undefined) writeFileSync(path, value);
    // A program may run on while its limit is taken out of the configuration.
    else if (existsSync(path)) writeFileSync(path, 'max');
  }
  if (limits.memory === undefined) return;
  writeFileSync(join(group, 'memory.oom.group'), '1');
  const swap = join(group, 'memory.swap.max');
  if (existsSync(swap)) writeFileSync(swap, '0');
}

/**
 * The words that execute other words in a group. A shell writes its own number, since nothing can be done between
 * Node's fork and exec.
 */
export function wordsToJoin({ folder, group }: ControlLimits, env: NodeJS.ProcessEnv): readonly string[] {
  return [...shellThatKeeps(env), '-c', JOIN, 'sh', join(folder, group, 'cgroup.procs')];
}

/** Kills all that is left in a group, and removes it. */
export function release(limits: ControlLimits): void {
  const group = join(limits.folder, limits.group);
  if (!existsSync(group)) return;
  leaving.add(group);
  killAll(group);
  removeSoon(group, 1);
}

/** Takes back what was enabled for the groups: no process can be started where they are made otherwise. */
export function handBack({ folder }: ControlLimits): void {
  try {
    const enabled = wordsIn(join(folder, 'cgroup.subtree_control'));
    if (enabled.length > 0)
      writeFileSync(join(folder, 'cgroup.subtree_control'), enabled.map((name) => `-${name}`).join(' '));
  } catch {
    // The folder is gone.
  }
}

function settingsOf({ memory, cpu, processes }: ControlLimits): readonly (readonly [string, string | undefined])[] {
  return [
    ['memory.max', memory === undefined ? undefined : String(memory)],
    ['cpu.max', cpu === undefined ? undefined : `${Math.round(cpu * PERIOD)} ${PERIOD}`],
    ['pids.max', processes === undefined ? undefined : String(processes)],
  ];
}

function enable({ folder, memory, cpu, processes }: ControlLimits): void {
  const file = join(folder, 'cgroup.subtree_control');
  const enabled = wordsIn(file);
  const needed = Object.entries({ memory, cpu, pids: processes }).filter(([, value]) => value !== undefined);
  const lacking = needed.filter(([name]) => !enabled.includes(name));
  if (lacking.length === 0) return;
  // Only the root of all groups may hold processes besides; it has no type.
  if (existsSync(join(folder, 'cgroup.type'))) moveProcesses(folder, join(folder, JITSU_GROUP));
  writeFileSync(file, lacking.map(([name]) => `+${name}`).join(' '));
}

function moveProcesses(from: string, to: string): void {
  let processes = wordsIn(join(from, 'cgroup.procs'));
  if (processes.length > 0) mkdirSync(to, { recursive: true });
  for (let moves = 0; processes.length > 0 && moves < MOST_MOVES; moves += 1) {
    for (const pid of processes) moveProcess(pid, to);
    processes = wordsIn(join(from, 'cgroup.procs'));
  }
}

function moveProcess(pid: string, to: string): void {
  try {
    writeFileSync(join(to, 'cgroup.procs'), pid);
  } catch (error) {
    // It has ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A new one, where it can be: the kernel counts in each from the beginning. */
function makeFolder(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // There is none, or something is in it.
  }
  mkdirSync(group, { recursive: true });
}

function killAll(group: string): void {
  try {
    // Linux 5.14.
    if (existsSync(join(group, 'cgroup.kill'))) return writeFileSync(join(group, 'cgroup.kill'), '1');
    for (const pid of wordsIn(join(group, 'cgroup.procs'))) process.kill(Number(pid), 'SIGKILL');
  } catch {
    // They have ended.
  }
}

function removeSoon(group: string, looks: number): void {
  if (!leaving.has(group)) return;
  try {
    rmdirSync(group);
  } catch {
    if (existsSync(group) && looks < MOST_LOOKS) return void setTimeout(removeSoon, INTERVAL, group, looks + 1);
  }
  leaving.delete(group);
}

function wordsIn(file: string): string[] {
  return readFileSync(file, 'utf8').split(/\s+/).filter(Boolean);
}
