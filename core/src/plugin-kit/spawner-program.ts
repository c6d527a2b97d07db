/**
 * The process that spawns for Jitsu. A fork copies the page tables of the whole process, whose threads then fault on
 * each page that they write, and it waits until the child has executed its program. So a small process does it, one
 * that answers no queries.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Launch, LaunchDetails } from '../contracts/spawner.js';
import { findTool } from './find-tool.js';
import { initialFileLimit } from './initial-file-limit.js';
import { parseVariables } from './parse-variables.js';
import type { SpawnNews, SpawnOrder } from './spawn-order.js';

/** Changes of children within this time, in milliseconds, are reported together. */
const GATHER = 40;

/** The first processes of the groups that end with this process. */
const temporaries = new Set<number>();

// It ends with Jitsu, and ignores the signals that a terminal or a service manager sends to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => {
  for (const pid of temporaries) endGroup(pid);
  process.exit();
});
process.on('message', (order: SpawnOrder) => run(order));

const prlimit = findTool('prlimit');
const initialFiles = initialFileLimit();
if (prlimit !== undefined && initialFiles !== undefined) {
  // Node has raised its own limit as far as it may. What is inherited is the limit that Jitsu was started with.
  spawnSync(prlimit, [`--pid=${process.pid}`, `--nofile=${initialFiles}:`], { stdio: 'ignore' });
}

// Node reports only ends. The signal also comes when a child was stopped or continued (sigaction(2)).
let telling: NodeJS.Timeout | undefined;
process.on('SIGCHLD', () => {
  telling ??= setTimeout(() => {
    telling = undefined;
    tell({ changed: true });
  }, GATHER);
});

function tell(news: SpawnNews): void {
  // Without a callback, a failure would be thrown: Jitsu may have been killed, and the disconnect not be noticed yet.
  process.send?.(news, () => undefined);
}

function run({ number, launch, details }: SpawnOrder): void {
  // All failures here come from the system; the core, with its error classes, is too much to load for this.
  const failed = ({ code, message, path }: NodeJS.ErrnoException): void =>
    tell({ number, failure: { code, message, path } });
  const files: number[] = [];
  let mask: number | undefined;
  try {
    const { output, cwd, umask, temporary } = launch;
    if (output !== undefined) for (const name of ['stdout', 'stderr']) files.push(openOutput(`${output}.${name}`));
    const [out = 'ignore' as const, errors = 'ignore' as const] = files;
    const { program, words, ...identity } = limited(launch);
    const env = environmentOf(launch, details);
    if (umask !== undefined) mask = process.umask(umask);
    const child = spawn(program, words, { ...identity, cwd, env, detached: true, stdio: ['ignore', out, errors] });
    const { pid } = child;
    if (pid === undefined) return void child.once('error', failed);
    if (temporary === true) temporaries.add(pid);
    tell({ number, pid });
    child.once('exit', (status, signal) => {
      if (temporaries.delete(pid)) endGroup(pid);
      tell({ number, exit: { ...(status === null ? {} : { status }), ...(signal === null ? {} : { signal }) } });
    });
  } catch (error) {
    failed(error as NodeJS.ErrnoException);
  } finally {
    if (mask !== undefined) process.umask(mask);
    for (const file of files) closeSync(file);
  }
}

/**
 * Opens a file that Jitsu has made for this. What is not of its user, or has another name elsewhere, might be any file
 * of the system.
 */
function openOutput(path: string): number {
  const { O_WRONLY, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = openSync(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
  const stats = fstatSync(file);
  if (stats.isFile() && stats.nlink === 1 && stats.uid === process.getuid?.()) return file;
  closeSync(file);
  throw Object.assign(new Error(`${path} is no file that Jitsu has made`), { code: 'EPERM', path });
}

function environmentOf(
  { inherited, env, environmentFile, marks }: Launch,
  { nonce, addresses }: LaunchDetails,
): NodeJS.ProcessEnv {
  return {
    ...{ ...inherited, ...env },
    // Read at each start, so that no secret stays in memory.
    ...(environmentFile !== undefined && parseVariables(readFileSync(environmentFile, 'utf8'))),
    ...marks,
    ...(nonce !== undefined && { JITSU_SPAWN: nonce }),
    ...(addresses !== undefined && { JITSU_ADDRESSES: addresses.join(' ') }),
  };
}

/**
 * What to execute. Node gives a child its user, but neither groups nor limits, so programs of the system give it those
 * and then execute the program, whose own failure they report to its stderr.
 */
function limited({ program, argv0, words, account: wanted, groups = [], files }: Launch) {
  const account = wanted === 'jitsu' ? undefined : wanted;
  if (groups.length === 0 && files === undefined) return { program, argv0, words, ...account };
  const limit = files === undefined ? [] : [prlimit ?? 'prlimit', `--nofile=${files}:${files}`];
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { uid, gid } = account ?? own;
  const supplementary = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join()}`;
  const setpriv = findTool('setpriv') ?? 'setpriv';
  const identity =
    account === undefined && groups.length === 0
      ? []
      : [setpriv, `--reuid=${uid}`, `--regid=${gid}`, supplementary, '--'];
  const [first = program, ...rest] = [...limit, ...identity, program, ...words];
  return { program: first, words: rest };
}

/** Kills what is left of a process group. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}
