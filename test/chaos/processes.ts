import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The processes whose command line has one of these words, by the word. Zombies have no command line. */
export function processesWith(words: ReadonlySet<string>): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const pid of allPids()) {
    const word = commandLineOf(pid)
      .split('\0')
      .find((each) => words.has(each));
    if (word === undefined) continue;
    const list = found.get(word);
    if (list === undefined) found.set(word, [pid]);
    else list.push(pid);
  }
  return found;
}

export function childrenOf(parent: number): number[] {
  return allPids().filter((pid) => statOf(pid)[1] === String(parent));
}

export function commandLineOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`);
}

/** Whether this version of Node runs in it, and not a shell that starts one. */
export function isNode(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === process.execPath;
  } catch {
    return false;
  }
}

/** Whether it leads a process group. */
export function isLeader(pid: number): boolean {
  return statOf(pid)[2] === String(pid);
}

/** Whether it is stopped by a signal. */
export function isStopped(pid: number): boolean {
  return statOf(pid)[0] === 'T';
}

/** When it began, in ticks since the machine did: with the pid it names a process for good; undefined where it is gone. */
export function startTimeOf(pid: number): string | undefined {
  const [state, , ...more] = statOf(pid);
  return state === 'Z' ? undefined : more[17];
}

/** Whether there was such a process to get it. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

function allPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** The fields of /proc/PID/stat from the state on. */
function statOf(pid: number): string[] {
  return read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
}

/** Empty where the process is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
