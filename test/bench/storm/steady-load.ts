import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { QueryFile } from '../contest/query-file.js';

/** How long answers took, in milliseconds and ascending. */
export interface SteadyLoadResult {
  readonly latencies: Float64Array;
  /** Those without an answer within the patience, or with another than NOERROR. */
  readonly missing: number;
}

/** Far more than can be under way before somebody is late: a slow answer is not to hold back the queries after it. */
const WINDOW = 20_000;
/** In seconds; as long as a stub resolver waits. */
const PATIENCE = 5;

/**
 * Asks a server on 127.0.0.1 at a steady rate, and tells how long each answer took. dnsperf measures, which prints one
 * line an answer; what that costs by itself is seen where a bare echo is asked. It goes before all others, as far as the
 * system lets it (`nice` says so where not): a client of its own machine would not wait for a processor of the server's.
 */
export async function loadSteadily(
  port: number,
  queries: readonly string[],
  perSecond: number,
  seconds: number,
): Promise<SteadyLoadResult> {
  await using file = await QueryFile.write(queries);
  const output = file.in('answers');
  const descriptor = openSync(output, 'w');
  try {
    const words = `-v -s 127.0.0.1 -p ${port} -l ${seconds} -T 1 -c 1 -Q ${perSecond} -q ${WINDOW} -t ${PATIENCE} -d`;
    const child = spawn('nice', ['-n', '-20', 'dnsperf', ...words.split(' '), file.path], {
      stdio: ['ignore', descriptor, 'inherit'],
    });
    await once(child, 'exit');
  } finally {
    closeSync(descriptor);
  }
  return read(readFileSync(output, 'latin1'));
}

function read(output: string): SteadyLoadResult {
  const latencies: number[] = [];
  let asked = 0;
  for (const [, outcome, seconds] of output.matchAll(/^> (\S+) \S+ \S+(?: (\d+\.\d+))?$/gm)) {
    asked += 1;
    if (outcome === 'NOERROR') latencies.push(Number(seconds) * 1_000);
  }
  return { latencies: Float64Array.from(latencies).sort(), missing: asked - latencies.length };
}
