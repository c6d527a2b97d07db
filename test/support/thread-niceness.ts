import { readdirSync, readFileSync } from 'node:fs';

/** The `nice` values of all threads of a process, in no order. */
export function niceOfThreads(pid: number | 'self'): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      const line = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
      // The 19th field, of which the second may hold anything, in parentheses: proc(5).
      return [Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[16])];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}
