/**
 * `npm run mutate -- ROOM`: puts small faults into the files of a room, one at a time and in a copy, and runs the unit
 * suites of the room that reach the place. A fault that survives is one that no test notices. Prints the survivors and
 * the score. `npm run mutate -- holes` does the same with the faults of mutate/holes.json, which are written by hand.
 * CONTRIBUTING.md says how to use it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { findMutants } from './mutate/find-mutants.mjs';
import { holeMutants } from './mutate/holes.mjs';
import { ROOMS } from './mutate/rooms.mjs';
import { Sandbox } from './mutate/sandbox.mjs';
import { builtPlaces } from './mutate/source-map.mjs';
import { SuiteCoverage } from './mutate/suite-coverage.mjs';

/** What suites may take with a fault in them: a multiple of what they take without, and some milliseconds. */
const PATIENCE = 2;
const LEAST_PATIENCE = 10_000;
const BASELINE_PATIENCE = 300_000;

const USAGE = `npm run mutate -- ROOM [--sample N | --all] [--seed N] [--minutes N] [--since REF] [--file TEXT] [--jobs N] [--list]
       npm run mutate -- holes [--file TEXT] [--jobs N] [--list]
rooms: ${Object.keys(ROOMS).join(', ')}`;

const repository = fileURLToPath(new URL('..', import.meta.url));
process.chdir(repository);
const { config } = ts.readConfigFile('tsconfig.base.json', (path) => readFileSync(path, 'utf8'));
const COMPILER_OPTIONS = {
  ...ts.convertCompilerOptionsFromJson(config.compilerOptions, repository).options,
  // The packages are all modules, which a single file does not tell.
  module: ts.ModuleKind.ESNext,
  sourceMap: false,
};

/** For each built file where places of its source have come to. */
const placesIn = new Map();

const { values, positionals } = readArguments();
const room = ROOMS[positionals[0]];
if (values.help) console.log(USAGE);
else if (positionals.length === 1 && positionals[0] === 'holes') await tryHoles();
else if (room === undefined || positionals.length !== 1) {
  console.error(USAGE);
  process.exitCode = 2;
} else await mutateRoom();

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        sample: { type: 'string', default: '200' },
        all: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
        minutes: { type: 'string', default: 'Infinity' },
        since: { type: 'string' },
        file: { type: 'string' },
        jobs: { type: 'string', default: '2' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

async function mutateRoom() {
  const all = room.sources
    .flatMap((path) => filesOf(path, '.ts'))
    .filter((file) => values.file === undefined || file.includes(values.file))
    .flatMap((file) => findMutants(file, readFileSync(file, 'utf8')))
    .filter(values.since === undefined ? () => true : isSince(values.since));
  const known = JSON.parse(readFileSync(new URL('mutate/equivalent.json', import.meta.url), 'utf8'));
  const isKnown = (mutant) => {
    const { from, to } = changeOf(mutant);
    return known.some((one) => one.file === mutant.file && one.from === from && one.to === to);
  };
  const wanted = all.filter((mutant) => !isKnown(mutant));
  const mutants = values.all ? wanted : sample(wanted, Number(values.sample), Number(values.seed));
  console.log(
    `${positionals[0]}: ${all.length} mutants, ${all.length - wanted.length} of them known to change nothing, ${mutants.length} tried`,
  );
  if (values.list) for (const mutant of mutants) tell('', mutant);
  else await tryAll(mutants);
}

async function tryAll(mutants) {
  const started = performance.now();
  const suites = room.suites.flatMap((path) => filesOf(join('test', path), '.test.ts')).map(builtFile);
  const sandboxes = Array.from({ length: Number(values.jobs) }, () => new Sandbox(repository));
  const counts = { failed: 0, timeout: 0, passed: 0 };
  try {
    const baseline = await measureSuites(suites, sandboxes);
    if (baseline === undefined) return;
    console.log(`${suites.length} suites pass without a fault (${seconds(started)} s)`);
    const queue = mutants.values();
    const end = performance.now() + Number(values.minutes) * 60_000;
    await Promise.all(
      sandboxes.map(async (sandbox) => {
        for (const mutant of queue) {
          if (performance.now() > end) return;
          const { outcome, isReached } = await tryOne(mutant, sandbox, baseline);
          counts[outcome] += 1;
          if (outcome === 'passed') tell(isReached ? 'survived: ' : 'survived, no suite runs it: ', mutant);
        }
      }),
    );
  } finally {
    for (const sandbox of sandboxes) sandbox[Symbol.dispose]();
  }
  const caught = counts.failed + counts.timeout;
  const total = caught + counts.passed;
  console.log(
    `\n${positionals[0]}: ${caught} of ${total} caught (${counts.timeout} by the time limit), ${counts.passed} survived: ${((caught / total) * 100).toFixed(1)} % in ${seconds(started)} s`,
  );
}

/** Tries the faults that are written by hand. Fails where one survives, or its place is no longer found. */
async function tryHoles() {
  const all = holeMutants(JSON.parse(readFileSync(new URL('mutate/holes.json', import.meta.url), 'utf8')));
  const text = values.file;
  const holes = all.filter(({ file, fault }) => text === undefined || file.includes(text) || fault.includes(text));
  const lost = holes.filter(({ start }) => start === undefined);
  for (const { file, fault, count } of lost)
    console.error(`${count === 0 ? 'no longer found' : `found ${count} times`}, so write it anew: ${fault} (${file})`);
  const found = holes.filter(({ start }) => start !== undefined);
  if (values.list) {
    for (const hole of found) tell('', { ...hole, kind: hole.fault });
    return;
  }
  const sandboxes = Array.from({ length: Number(values.jobs) }, () => new Sandbox(repository));
  let survivors = 0;
  try {
    const suites = [...new Set(found.flatMap((hole) => hole.suites))].map((path) => builtFile(join('test', path)));
    const baseline = await measureSuites(suites, sandboxes, false);
    if (baseline === undefined) return;
    const queue = found.values();
    await Promise.all(
      sandboxes.map(async (sandbox) => {
        for (const hole of queue) {
          const own = hole.suites.map((path) => builtFile(join('test', path)));
          const chosen = own.map((suite) => baseline.find((one) => one.suite === suite));
          const outcome = await tryFault(hole, chosen, sandbox);
          if (outcome === 'passed') survivors += 1;
          const by = { failed: failedTest(sandbox.output), timeout: 'the time limit', passed: 'nothing' }[outcome];
          console.log(`${hole.fault} (${hole.file}:${hole.line}): caught by ${by}`);
        }
      }),
    );
  } finally {
    for (const sandbox of sandboxes) sandbox[Symbol.dispose]();
  }
  console.log(`\nholes: ${found.length - survivors} of ${found.length} caught; ${lost.length} not found`);
  if (survivors + lost.length > 0) process.exitCode = 1;
}

/** The title of the test that has failed, by what mocha prints at its end. */
function failedTest(output) {
  const [, title] = /^ {2}1\) ([^]*?):\n\s+\S/m.exec(output) ?? [];
  return title === undefined ? 'the end of the process' : `"${title.replace(/\s*\n\s*/g, ' › ')}"`;
}

function seconds(started) {
  return ((performance.now() - started) / 1_000).toFixed(0);
}

/**
 * Each suite by itself, without a fault: how long it takes, and what it runs where that is wanted. Nothing where one
 * fails, as those do that look at their variables while it is measured what they run.
 */
async function measureSuites(suites, sandboxes, withCoverage = true) {
  const measured = [];
  let hasFailed = false;
  const queue = suites.values();
  await Promise.all(
    sandboxes.map(async (sandbox) => {
      for (const suite of queue) {
        const folder = sandbox.at('coverage');
        const began = performance.now();
        const outcome = await sandbox.run([suite], BASELINE_PATIENCE, withCoverage ? { NODE_V8_COVERAGE: folder } : {});
        if (outcome !== 'passed') {
          console.error(`${suite} does not pass without a fault:\n${sandbox.output}`);
          hasFailed = true;
          return;
        }
        const coverage = withCoverage ? new SuiteCoverage(folder) : undefined;
        rmSync(folder, { recursive: true, force: true });
        measured.push({ suite, root: sandbox.root, coverage, time: performance.now() - began });
      }
    }),
  );
  if (hasFailed) process.exitCode = 1;
  return hasFailed ? undefined : measured.toSorted((a, b) => a.time - b.time);
}

/** Those suites that run the place, the one named after the file first, then the quickest. All, where none does. */
async function tryOne(mutant, sandbox, baseline) {
  const built = builtFile(mutant.file);
  const offset = builtOffset(mutant, built);
  const reaching = baseline.filter(({ root, coverage }) => coverage.reaches(join(root, built), offset));
  const chosen = reaching.length === 0 ? baseline : reaching;
  const [name] = built.split('/').at(-1).split('.');
  const isItsOwn = ({ suite }) => suite.endsWith(`/${name}.test.js`);
  const inOrder = [...chosen.filter(isItsOwn), ...chosen.filter((one) => !isItsOwn(one))];
  return { outcome: await tryFault(mutant, inOrder, sandbox), isReached: reaching.length > 0 };
}

/** Runs these suites, in this order, with the fault in its place. */
async function tryFault(mutant, chosen, sandbox) {
  const built = builtFile(mutant.file);
  const limit = LEAST_PATIENCE + PATIENCE * chosen.reduce((sum, { time }) => sum + time, 0);
  const target = sandbox.at(built);
  writeFileSync(target, transpile(mutant));
  try {
    return await sandbox.run(
      chosen.map(({ suite }) => suite),
      limit,
    );
  } finally {
    writeFileSync(target, readFileSync(built));
  }
}

function transpile({ file, start, end, replacement }) {
  const text = readFileSync(file, 'utf8');
  return ts.transpileModule(text.slice(0, start) + replacement + text.slice(end), {
    fileName: file,
    compilerOptions: COMPILER_OPTIONS,
  }).outputText;
}

/** Where in the built file the changed place lies. */
function builtOffset({ line, column }, built) {
  if (!placesIn.has(built)) {
    const text = readFileSync(built, 'utf8');
    const starts = [0];
    for (const { index } of text.matchAll(/\n/g)) starts.push(index + 1);
    placesIn.set(built, { starts, place: builtPlaces(JSON.parse(readFileSync(`${built}.map`, 'utf8'))) });
  }
  const { starts, place } = placesIn.get(built);
  const found = place(line - 1, column - 1);
  return found === undefined ? 0 : starts[found.line] + found.column;
}

function builtFile(source) {
  return source
    .replace(/^(core|cli|plugins\/[^/]+)\/src\//, '$1/dist/')
    .replace(/^test\//, 'test/dist/')
    .replace(/\.ts$/, '.js');
}

function filesOf(path, ending) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return path.endsWith(ending) ? [path] : [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((file) => file.endsWith(ending))
    .sort();
}

/** Whether a mutant lies in lines that have changed since a commit. */
function isSince(reference) {
  const lines = new Map();
  let file;
  for (const line of execFileSync('git', ['diff', '-U0', '--relative', reference, '--', ...room.sources], {
    encoding: 'utf8',
  }).split('\n')) {
    if (line.startsWith('+++ b/')) lines.set((file = relative('.', line.slice(6))), []);
    const [, first, count = '1'] = /^@@ \S+ \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (first !== undefined) lines.get(file)?.push([Number(first), Number(first) + Number(count)]);
  }
  return (mutant) => (lines.get(mutant.file) ?? []).some(([from, to]) => mutant.line >= from && mutant.line < to);
}

/** So many of them in random order, the same ones for the same seed: so a run that --minutes ends is a sample, too. */
function sample(mutants, count, seed) {
  let state = seed;
  const random = () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
  const drawn = mutants.map((mutant) => ({ mutant, lot: random() })).toSorted((a, b) => a.lot - b.lot);
  return drawn.slice(0, count).map(({ mutant }) => mutant);
}

/** The lines that a mutant changes, before and after, as equivalent.json has them: spaces are not told apart. */
function changeOf({ file, start, end, replacement }) {
  const text = readFileSync(file, 'utf8');
  const first = text.lastIndexOf('\n', start - 1) + 1;
  const next = text.indexOf('\n', end);
  const last = next < 0 ? text.length : next;
  const inOneLine = (lines) => lines.replace(/\s+/g, ' ').trim();
  return {
    from: inOneLine(text.slice(first, last)),
    to: inOneLine(text.slice(first, start) + replacement + text.slice(end, last)),
  };
}

function tell(heading, mutant) {
  const { from, to } = changeOf(mutant);
  console.log(`${heading}${mutant.file}:${mutant.line}:${mutant.column} ${mutant.kind}\n  - ${from}\n  + ${to}`);
}
