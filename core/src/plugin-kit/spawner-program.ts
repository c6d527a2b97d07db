/**
 * The process that spawns for Jitsu. A fork copies the page tables of the whole process, whose threads then fault on
 * each page that they write, and it waits until the child has executed its program. So a small process does it, one
 * that answers no queries.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { confine, handBack, release, wordsToJoin } from './control-group.js';
import { findTool } from './find-tool.js';
import { initialFileLimit } from './initial-file-limit.js';
import type { ControlLimits } from '../contracts/control-limits.js';
import type { GroupOrder, SpawnNews, SpawnOrder } from './spawn-order.js';

/** Changes of children within this time, in milliseconds, are reported together. */
const GATHER = 40;

/** The first processes of the groups that end with this process. */
const temporary = new Set<number>();

/** The folder of control groups that is handed back at the end. */
let handedBack: ControlLimits | undefined;

// It ends with Jitsu, and ignores the signals that a terminal or a service manager sends to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => {
  for (const pid of temporary) endGroup(pid);
  if (handedBack !== undefined) handBack(handedBack);
  process.exit();
});
process.on('message', (order: SpawnOrder | GroupOrder) => {
  if ('release' in order) release(order.release);
  else if ('confine' in order) confineAgain(order.confine);
  else run(order);
});

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

/** For a program that an earlier Jitsu has started. */
function confineAgain(limits: ControlLimits): void {
  if (limits.handBack) handedBack = limits;
  try {
    confine(limits);
  } catch {
    // The folder cannot be used any more; the next start says so.
  }
}

function run(order: SpawnOrder): void {
  const { number, cwd, env, stdout, stderr } = order;
  // All failures here come from the system; the core, with its error classes, is too much to load for this.
  const failed = ({ code, message }: NodeJS.ErrnoException): void => tell({ number, failure: { code, message } });
  const files: number[] = [];
  let mask: number | undefined;
  try {
    for (const path of [stdout, stderr]) if (path !== undefined) files.push(openSync(path, 'ax', 0o600));
    const [output = 'ignore' as const, errors = 'ignore' as const] = files;
    const { program, words, ...identity } = limited(order);
    if (order.control !== undefined) {
      if (order.control.handBack && !order.temporary) handedBack = order.control;
      confine(order.control);
    }
    if (order.umask !== undefined) mask = process.umask(order.umask);
    const child = spawn(program, words, { ...identity, cwd, env, detached: true, stdio: ['ignore', output, errors] });
    const { pid } = child;
    if (pid === undefined) return void child.once('error', failed);
    if (order.temporary) temporary.add(pid);
    tell({ number, pid });
    child.once('exit', (status, signal) => {
      if (temporary.delete(pid)) endGroup(pid);
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
 * What to execute. Node gives a child its user, but neither groups nor limits, so programs of the system give it those
 * and then execute the program, whose own failure they report to its stderr.
 */
function limited({ program, argv0, words, account, groups = [], files, control, env }: SpawnOrder) {
  if (groups.length === 0 && files === undefined && control === undefined) return { program, argv0, words, ...account };
  const limit = files === undefined ? [] : [prlimit ?? 'prlimit', `--nofile=${files}:${files}`];
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { uid, gid } = account ?? own;
  const supplementary = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join()}`;
  const setpriv = findTool('setpriv') ?? 'setpriv';
  const identity =
    account === undefined && groups.length === 0
      ? []
      : [setpriv, `--reuid=${uid}`, `--regid=${gid}`, supplementary, '--'];
  const join = control === undefined ? [] : wordsToJoin(control, env);
  const [first = program, ...rest] = [...join, ...limit, ...identity, program, ...words];
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
