/** `npm run fuzz`: see HELP. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../bench/machine.js';
import { numbersFrom } from '../support/numbers-from.js';
import { ActiveTime } from './active-time.js';
import type { FuzzTarget } from './fuzz-target.js';
import { savedCorpus, saveCorpus } from './corpus.js';
import { FUZZ_TARGETS } from './fuzz-targets.js';
import { Finding, Fuzzer } from './fuzzer.js';
import { HangWatch, watchedInput } from './hang-watch.js';

const MINUTE = 60_000;
/** How the file begins that has the last input. */
const LAST = 'jitsu-fuzz-';
/** How long it looks for new code, and then for what costs much, in turns. */
const [EXPLORE, MEASURE] = [10_000, 20_000];

const HELP = `usage: npm run fuzz -- [TARGET ...] [--minutes N] [--seed S] [--save]
       npm run fuzz -- TARGET --input FILE

Gives what others may send to the code that reads it, spoilt in ever new ways. Inputs
that reach code that none has reached before, or that cost more than others, are kept
and spoilt further. It ends with status 1 at the first input that makes a target throw,
hang, say something wrong or cost too much, and writes that to a file.

targets:
${FUZZ_TARGETS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')}

options:
  --minutes N    how long, shared by all targets (default: 5)
  --seed S       the number from which all others come (default: another one each time)
  --input FILE   runs this one input of the target, as often as a finding takes
  --save         adds short inputs that reached new code to test/fuzz/corpus/TARGET.txt
  --help         this text

Nothing but these processes and files in the temporary folder is touched. The first
target of two that run at once must not be measured: give each a processor of its own.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    input: { type: 'string' },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else process.exitCode = (await main()) ? 0 : 1;

async function main(): Promise<boolean> {
  const targets = positionals.length === 0 ? FUZZ_TARGETS : positionals.map(targetOf);
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('--minutes and --seed take numbers');
  if (values.input !== undefined) return repeat(targets[0] as FuzzTarget, values.input);
  console.log(`${describeMachine()}; ${minutes} minutes, --seed ${seed}`);
  let isFine = true;
  for (const target of targets) isFine = (await fuzz(target, (minutes * MINUTE) / targets.length, seed)) && isFine;
  return isFine;
}

function targetOf(name: string): FuzzTarget {
  const target = FUZZ_TARGETS.find((each) => each.name === name);
  if (target === undefined)
    throw new Error(`there is no target ${name}; there are: ${FUZZ_TARGETS.map((each) => each.name).join(', ')}`);
  return target;
}

/** Fuzzes a target for so long, in milliseconds; whether nothing was found. */
async function fuzz(target: FuzzTarget, time: number, seed: number): Promise<boolean> {
  const last = join(tmpdir(), `${LAST}${target.name}-${process.pid}`);
  using watch = new HangWatch(last, commandFor(target, last));
  await using fuzzer = await Fuzzer.open(target, numbersFrom(seed), savedCorpus(target), (input) => watch.begin(input));
  let rejection: unknown;
  const onRejection = (reason: unknown): void => void (rejection ??= reason);
  process.on('unhandledRejection', onRejection);
  const clock = new ActiveTime();
  const until = (end: number) => (): boolean => {
    if (rejection !== undefined) throw new Error('a rejection was not handled', { cause: rejection });
    return clock.now() < Math.min(end, time);
  };
  try {
    await fuzzer.runSeeds();
    let endGrowth: (() => Promise<void>) | undefined;
    while (clock.now() < time) {
      const now = clock.now();
      const short = Math.min(1, time / 3 / (EXPLORE + MEASURE));
      await fuzzer.explore(until(now + EXPLORE * short));
      await fuzzer.measure(until(now + (EXPLORE + MEASURE) * short));
      if (clock.now() > time / 3) endGrowth ??= await fuzzer.watchGrowth();
      tell(target, fuzzer, clock.now());
    }
    await endGrowth?.();
    tell(target, fuzzer, clock.now(), 'Done: ');
    if (values.save) save(target, fuzzer);
    rmSync(last);
    return true;
  } catch (error) {
    tell(target, fuzzer, clock.now(), 'Found: ');
    report(
      target,
      error instanceof Finding ? error : new Finding(watchedInput(readFileSync(last)), String(error), error),
    );
    return false;
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}

/** Runs an input of a finding, or of the corpus. */
async function repeat(target: FuzzTarget, file: string): Promise<boolean> {
  const bytes = readFileSync(file);
  const input = basename(file).startsWith(LAST) ? watchedInput(bytes) : bytes;
  await using fuzzer = await Fuzzer.open(target, numbersFrom(1));
  try {
    await fuzzer.runSeeds();
    await fuzzer.judge(input);
    console.log(`${target.name}: nothing was wrong with ${file} (${input.length} bytes).`);
    return true;
  } catch (error) {
    console.log(error instanceof Finding ? (error.cause ?? error.message) : error);
    return false;
  }
}

function tell({ name }: FuzzTarget, { figures }: Fuzzer, time: number, head = ''): void {
  const { runs, inputs, reached, dearest, median, growth, residentGrowth } = figures;
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const parts = [
    `${(time / 1_000).toFixed(0)} s, ${runs} runs, ${inputs} inputs kept, ${reached} bytes of code reached`,
    `a packet costs ${median} µs, the dearest ${dearest} µs`,
    ...(head === 'Done: ' ? [`left behind ${mib(growth)} of heap, ${mib(residentGrowth)} resident`] : []),
  ];
  console.log(`${head}${name}: ${parts.join('; ')}`);
}

function report(target: FuzzTarget, finding: Finding): void {
  const folder = 'fuzz-findings';
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${target.name}-${createHash('sha256').update(finding.input).digest('hex').slice(0, 12)}`);
  writeFileSync(file, finding.input);
  console.log(`\n${target.name}: ${finding.message}`);
  if (finding.cause instanceof Error) console.log(finding.cause.stack, finding.cause.cause ?? '');
  console.log(`\nRepeat it: ${commandFor(target, relative('.', file))}`);
}

function commandFor({ name }: FuzzTarget, file: string): string {
  return `npm run fuzz -- ${name} --input ${file}`;
}

function save(target: FuzzTarget, { found }: Fuzzer): void {
  saveCorpus(target, [...savedCorpus(target), ...found]);
}
