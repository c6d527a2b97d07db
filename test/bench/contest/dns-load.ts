import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '../../support/find-program.js';

export interface LoadResult {
  readonly answers: number;
  readonly lost: number;
  readonly seconds: number;
}

/** How many queries are under way at once. */
const WINDOW = 64;
/** After so many seconds a query counts as lost, and another may take its place in the window. */
const PATIENCE = 2;
/** A server that answers otherwise is measured at something else than the others. */
const LEAST_SUCCESS = 0.99;

/** Whether the load generator is there; says so where it is not. */
export function canLoad(bench: string): boolean {
  if (findProgram('dnsperf') !== undefined) return true;
  console.log(`\n${bench}: left out, as dnsperf is not installed (Debian: apt-get install dnsperf)`);
  return false;
}

/** Asks a server on 127.0.0.1 what stands in a file, over and over from one socket, as fast as it answers. */
export async function loadServer(port: number, file: string, seconds: number): Promise<LoadResult> {
  const words = `-s 127.0.0.1 -p ${port} -l ${seconds} -T 1 -c 1 -q ${WINDOW} -t ${PATIENCE} -d`.split(' ');
  const { stdout } = await promisify(execFile)('dnsperf', [...words, file], { maxBuffer: 64 * 2 ** 20 });
  const figure = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  const answers = figure(/Queries completed:\s+(\d+)/);
  const successes = figure(/NOERROR (\d+)/);
  if (successes < LEAST_SUCCESS * answers) {
    throw new Error(`Of ${answers} answers only ${successes} are NOERROR:\n${stdout.slice(-1_000)}`);
  }
  return { answers, lost: figure(/Queries lost:\s+(\d+)/), seconds: figure(/Run time \(s\):\s+([\d.]+)/) };
}
