import { readdirSync, readFileSync } from 'node:fs';

/** A process and all that it has started, directly or not, but for the programs that it was told to run. */
export function processTree(root: number, isProgram: (command: string) => boolean = () => false): readonly number[] {
  const parents = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? parentOf(Number(name)) : []));
  const tree = [root];
  for (const pid of tree) tree.push(...parents.filter(({ parent }) => parent === pid).map((child) => child.pid));
  return tree.filter((pid) => !isProgram(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')));
}

function parentOf(pid: number): { pid: number; parent: number }[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return [{ pid, parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }];
  } catch {
    return [];
  }
}

/** How often the threads of a process have gone to sleep, and so have woken, since they began. */
export function wakesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
  }, 0);
}

/** The memory of a process that lies in no file, in MiB: what it takes away from others. */
export function anonymousMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
}
