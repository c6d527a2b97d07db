import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { JitsuChild } from './jitsu-child.js';
import { median } from './median.js';
import { processTree } from './process-tree.js';
import { threadsTime } from './process-usage.js';
import { publishedTree } from './published.js';
import { printTable } from './table.js';

const ROUNDS = 11;
const NAME = 'start.bench.test';
const UNIKERNEL = { name: 'start', dns: NAME, ip: '127.0.0.87', backend: 'process', command: ['sleep', '3600'] };

/**
 * The processor time of a start until the first answer, and of commands, as they are published, in ratio to a Node that
 * does nothing; by turns, so that all meet the same machine.
 */
export async function benchStart(): Promise<void> {
  const tree = publishedTree();
  const commands = { status: ['status'], '--help=plain': ['--help=plain'], summon: ['summon', 'nobody'] };
  const times = new Map<string, number[]>();
  const add = (label: string, time: number): void => void times.set(label, [...(times.get(label) ?? []), time]);
  for (let round = 0; round < ROUNDS; round += 1) {
    add('node -e 0', await timeOf(['-e', '0']));
    await using jitsu = await JitsuChild.start([UNIKERNEL], NAME, { tree });
    const processes = processTree(jitsu.pid);
    add(
      'jitsu start',
      processes.reduce((sum, pid) => sum + threadsTime(pid), 0),
    );
    for (const [label, words] of Object.entries(commands))
      add(`jitsu ${label}`, await timeOf([tree.command, ...words]));
  }
  const bare = median(times.get('node -e 0') ?? []);
  printTable(`Processor time of a start and of commands, all processes, median of ${ROUNDS} rounds`, [
    ['', 'ms', 'least', 'ratio'],
    ...Array.from(times, ([label, all]) => [
      label,
      median(all).toFixed(0),
      Math.min(...all).toFixed(0),
      (median(all) / bare).toFixed(2),
    ]),
  ]);
}

/** User and system time, in milliseconds; what the program returns does not matter. */
async function timeOf(words: readonly string[]): Promise<number> {
  const quoted = [process.execPath, ...words].map((word) => `'${word}'`).join(' ');
  const timed = `TIMEFORMAT='%U %S'; time ${quoted} >/dev/null 2>&1`;
  const { stderr } = await promisify(execFile)('bash', ['-c', `${timed}; true`]);
  return stderr
    .trim()
    .split(' ')
    .reduce((sum, seconds) => sum + 1_000 * Number(seconds), 0);
}
