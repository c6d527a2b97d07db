import { readFileSync } from 'node:fs';
import { childrenOf } from '../process-status.js';

/** The children of a process that have libxl. */
export function libxlProcesses(parent = process.pid): number[] {
  return childrenOf(parent).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('libxl-program.js');
    } catch {
      return false;
    }
  });
}
