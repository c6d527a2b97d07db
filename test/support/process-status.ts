import { readdirSync, readFileSync } from 'node:fs';

/** What a thread may do, as the kernel tells it (proc_pid_status(5)). */
export interface ThreadStatus {
  readonly name: string;
  /** Real, effective, saved and that of the file system. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  /** The bits of the capabilities that it has or could take. */
  readonly permitted: string;
  readonly noNewPrivileges: boolean;
}

/** Every thread of a process. */
export function threadsOf(pid: number): readonly ThreadStatus[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1');
    const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(text)?.[1] ?? '';
    const numbers = (name: string): number[] => field(name).split(/\s+/).filter(Boolean).map(Number);
    return {
      name: field('Name'),
      uids: numbers('Uid'),
      gids: numbers('Gid'),
      groups: numbers('Groups'),
      permitted: field('CapPrm'),
      noNewPrivileges: field('NoNewPrivs') === '1',
    };
  });
}

/** The processes that a process has started, and that are its children still. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
}
