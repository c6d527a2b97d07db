import type { ControlLimits } from '@jitsud/core/plugin';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether the kernel has ended the programs of a control group since they wanted more memory than its limit. */
export function hasRunOutOfMemory({ folder, group }: ControlLimits): boolean {
  return /^oom_kill [1-9]/m.test(contentOf(join(folder, group, 'memory.events')));
}

/** Whether a process is in a control group. */
export function isConfined(pid: number, { folder, group }: ControlLimits): boolean {
  return contentOf(join(folder, group, 'cgroup.procs'))
    .split('\n')
    .includes(String(pid));
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
