import { existsSync } from 'node:fs';
import { LinuxProcessTable } from './linux-process-table.js';
import { PortableProcessTable } from './portable-process-table.js';
import type { ProcessTable } from './process-table.js';

/** The way to look at processes that this system offers. */
export function systemProcessTable(): ProcessTable {
  return existsSync('/proc/self/stat') ? new LinuxProcessTable() : new PortableProcessTable();
}
