import { readdirSync, readFileSync } from 'node:fs';
import { processorTime, residentMemory } from '../bench/process-usage.js';

/** What a process takes up at one moment. */
export interface ProcessSample {
  readonly residentMemory: number; // MiB
  readonly heap: number; // MiB
  readonly files: number;
  readonly threads: number;
  readonly processorTime: number; // ms
}

/** @throws where it has ended */
export function sampleProcess(pid: number, heap: number): ProcessSample {
  const threads = /^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const files = readdirSync(`/proc/${pid}/fd`).length;
  return {
    ...{ residentMemory: residentMemory(pid), heap, files, threads: Number(threads) },
    processorTime: processorTime(pid),
  };
}
