/**
 * The process that spawns for Jitsu. A fork copies the page tables of the whole process, whose threads then fault on
 * each page that they write, and it waits until the child has executed its program. So a small process does it, one
 * that answers no queries.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { Socket, type Server } from 'node:net';
import { getPriority, setPriority } from 'node:os';
import { dirname } from 'node:path';
import type { ControlLimits } from '../contracts/control-limits.js';
import type { LaunchDetails } from '../contracts/spawner.js';
import { asProgramUser, isForUser, readVariablesFile, splitVariables } from './as-program-user.js';
import { confine, handBack, release, wordsToJoin } from './control-group.js';
import { restoreOwnFolder } from '../files/restore-own-folder.js';
import { loadDescriptorPassing } from './descriptor-passing.js';
import { findTool } from './find-tool.js';
import { initialFileLimit } from './initial-file-limit.js';
import { MessageStream } from './message-stream.js';
import type { Neighbours } from './neighbours.js';
import { openOutput } from './open-output.js';
import { parseVariables } from './parse-variables.js';
import { checkCount, checkOrder, checkThread, Refusal, SealedLaunches } from './sealed-launches.js';
import { shellThatKeeps } from './shell-that-keeps.js';
import { SpawnLedger } from './spawn-ledger.js';
import { SpawnedChildren, type ChildOptions } from './spawned-children.js';
import { SpawnedGroups } from './spawned-groups.js';
import type {
  JitsuUser,
  PassedLaunch,
  PassedSocket,
  SealedOrder,
  SpawnNews,
  SpawnOrder,
  TrustedOrder,
} from './spawn-order.js';

/** Changes of children within this time, in milliseconds, are reported together. */
const GATHER = 40;

/** How long after a start it is noted in the ledger, in milliseconds: the program itself needs the processor first. */
const NOTE_DELAY = 10;

/** How long an order may be once Jitsu has given up root, in bytes: the longest has a key, a nonce and 64 addresses. */
const LONGEST_ORDER = 16 * 1_024;

/** The interval between two lines about refused orders, in milliseconds. */
const WARNINGS = 60_000;

/** The file by which Jitsu passes sockets until this is sealed. */
const CHANNEL = 4;

/** Tells a program that the sockets are for it, and becomes it: LISTEN_PID is known to nobody but the process itself. */
const LISTEN = 'export LISTEN_PID=$$; exec "$@"';

/** The first processes of the groups that end with this process. */
const temporaries = new Set<number>();

/** The control group whose folder is handed back at the end. */
let handedBack: ControlLimits | undefined;

/** Used once it is sealed. */
const launches = new SealedLaunches();
const groups = new SpawnedGroups();
/** The addresses of which the kernel may be told where their machines are. */
const neighbourAddresses = new Set<string>();
/** Loaded where there are any. */
let neighbours: Promise<Neighbours> | undefined;
let ledger: SpawnLedger | undefined;
let user: JitsuUser | undefined;
/** The sockets that were passed, by their numbers: for one launch, or until the end for those of the list. */
const sockets = new Map<number, number>();
/** Those of them that were passed by Node's own channel. */
const handles = new Map<number, { close(): void }>();
/** Why one is missing: what it was for cannot be started. */
let lostSocket: Error | undefined;
/** What was spawned and is not in the ledger yet. */
const unnoted = new Set<number>();

// It ends with Jitsu, and ignores the signals that a terminal or a service manager sends to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
const jitsu = process.ppid;
const stream = new MessageStream(new Socket({ fd: 3, readable: true, writable: true }), {
  message: (message) => take(message),
  malformed: (what) => refused(new Refusal(`a message is ${what}`)),
  end,
});

if (process.send !== undefined) {
  process.on('message', takeHandle);
  process.channel?.unref();
}

const prlimit = findTool('prlimit');
const initialFiles = initialFileLimit();
if (prlimit !== undefined && initialFiles !== undefined) {
  // Node has raised its own limit as far as it may. What is inherited is the limit that Jitsu was started with.
  spawnSync(prlimit, [`--pid=${process.pid}`, `--nofile=${initialFiles}:`], { stdio: 'ignore' });
}

let telling: NodeJS.Timeout | undefined;
const children = new SpawnedChildren(() => {
  telling ??= setTimeout(() => {
    telling = undefined;
    tell({ changed: true });
  }, GATHER);
});

function end(): void {
  noteAll();
  for (const pid of temporaries) endGroup(pid);
  if (handedBack !== undefined) handBack(handedBack);
  process.exit();
}

function tell(news: SpawnNews): void {
  stream.send(news);
}

function take(message: unknown): void {
  if (user === undefined) return obey(message as TrustedOrder);
  // Jitsu has ended, and has left its socket to another process.
  if (process.ppid !== jitsu) return end();
  try {
    obeySealed(checkOrder(message, getPriority()), user);
  } catch (error) {
    if (error instanceof Refusal) return refused(error);
    throw error;
  }
}

function obey(order: TrustedOrder): void {
  if ('launch' in order) return run(order);
  if ('launches' in order) return launches.list(order.inherited, order.launches);
  if ('confine' in order) return carryOut(order.number, () => confineFor(order.confine));
  if ('release' in order) return carryOut(order.number, () => release(order.release));
  if ('passed' in order) return takeSockets(order.passed, order.lost);
  if ('ledger' in order) return void (ledger = new SpawnLedger(order.ledger));
  if ('neighbours' in order) return listNeighbours(order.neighbours);
  if ('adopt' in order) {
    if (ledger !== undefined) noteLater(order.adopt);
    return groups.adopt(order.adopt, order.startTime);
  }
  user = order.seal;
  if (sockets.size > 0) loadDescriptorPassing().close(CHANNEL);
  stream.longest = LONGEST_ORDER;
  tell({ number: order.number, done: true });
}

function obeySealed(order: SealedOrder, jitsuUser: JitsuUser): void {
  const { number } = order;
  if ('key' in order) {
    const launch = launches.find(number, order.key, jitsuUser);
    if ('release' in order) return carryOut(number, () => launch.control !== undefined && release(launch.control));
    if ('folder' in order) return carryOut(number, () => restore(launch.output, jitsuUser));
    checkCount(number, groups.count(order.key));
    const wanted = 'silent' in order ? { ...launch, output: undefined } : launch;
    return run({ number, launch: wanted, details: order.details }, order.key);
  }
  if ('neighbour' in order) return void changeNeighbour(order);
  if ('thread' in order) checkThread(number, order.thread, jitsu);
  carryOut(number, () => {
    if ('group' in order) return groups.signal(order.group, order.signal);
    setPriority(order.thread, order.niceness);
    return true;
  });
}

function listNeighbours(listed: readonly string[]): void {
  for (const address of listed) neighbourAddresses.add(address);
  neighbours ??= import('./neighbours.js').then(({ Neighbours }) => Neighbours.open());
  // Whoever gives such an order is told.
  neighbours.catch(() => undefined);
}

async function changeNeighbour(order: Extract<SealedOrder, { neighbour: string }>): Promise<void> {
  const { number, neighbour } = order;
  if (!neighbourAddresses.has(neighbour) || neighbours === undefined)
    return refused(new Refusal('this address was not allowed before Jitsu gave up root', number));
  try {
    const known = await neighbours;
    carryOut(number, () => ('mac' in order ? known.tell(neighbour, order.mac) : known.ask(neighbour)));
  } catch (error) {
    failed(number, error);
  }
}

function takeSockets(count: number, lost: string | undefined): void {
  if (lost !== undefined) lostSocket = new Error(lost);
  for (let taken = 0; taken < count; taken += 1) {
    try {
      const { number, descriptor } = loadDescriptorPassing().receive(CHANNEL);
      sockets.set(number, descriptor);
    } catch (error) {
      lostSocket = error as Error;
    }
  }
  tell({ taken: count });
}

/** Takes a socket by Node's own channel, and gives back a copy: Node cannot make one in its own process. */
function takeHandle(message: unknown, handle: unknown): void {
  const { socket } = message as { readonly socket: number };
  const taken = handle as { readonly fd: number; close(): void } | undefined;
  if (taken !== undefined) {
    handles.set(socket, taken);
    sockets.set(socket, taken.fd);
  }
  process.send?.({ socket }, handle as Server);
}

/** The descriptors of sockets, which are known here. */
function descriptorsOf(wanted: readonly PassedSocket[]): readonly number[] {
  return wanted.map(({ number }) => {
    const descriptor = sockets.get(number);
    if (descriptor === undefined) throw lostSocket ?? new Error('a socket of it was not passed');
    if (!handles.has(number)) loadDescriptorPassing().haveWait(descriptor);
    return descriptor;
  });
}

/** @param work returns false where there was nothing to do */
function carryOut(number: number, work: () => unknown): void {
  try {
    tell({ number, done: work() !== false });
  } catch (error) {
    failed(number, error);
  }
}

/** Returns whether a file of the output has a folder that is known to be of Jitsu. */
function restore(output: string | undefined, { uid, gid }: JitsuUser): boolean {
  if (output === undefined || ledger === undefined) return false;
  restoreOwnFolder(ledger.runtimeDirectory, dirname(output), { uid, gid });
  return true;
}

/** Makes a control group; at the end of this process, its folder is to be as it was. */
function confineFor(limits: ControlLimits, temporary = false): void {
  if (limits.handBack && !temporary) handedBack = limits;
  confine(limits);
}

let refusals = 0;
let warnedAt = -Infinity;

/** What a Jitsu orders that has not been taken over is never refused. */
function refused(refusal: Refusal): void {
  const { number, message } = refusal;
  if (number !== undefined) failed(number, refusal);
  refusals += 1;
  const now = performance.now();
  if (now - warnedAt < WARNINGS) return;
  warnedAt = now;
  try {
    writeSync(2, `jitsu: an order to the process that starts programs is refused (${refusals}): ${message}.\n`);
  } catch {
    // Nobody reads it.
  }
}

/** All failures here come from the system; the core, with its error classes, is too much to load for this. */
function failed(number: number, error: unknown): void {
  const { code, message, path } = error as NodeJS.ErrnoException;
  tell({ number, failure: { code, message, path } });
}

/** @param key of a launch from the list */
function run({ number, launch, details }: SpawnOrder, key?: string): void {
  const files: number[] = [];
  let mask: number | undefined;
  let isElsewhere = false;
  try {
    const { output, cwd, umask, sockets: given = [], temporary = false } = launch;
    const more = descriptorsOf(given);
    if (output !== undefined)
      for (const name of ['stdout', 'stderr']) files.push(openOutput(`${output}.${name}`, launch, user));
    const [out, errors] = files;
    const program = limited(launch, environmentOf(launch, details));
    if (launch.control !== undefined) confineFor(launch.control, temporary);
    if (umask !== undefined) mask = process.umask(umask);
    // A child starts in the folder of this process.
    const enter = (): void => process.chdir(cwd);
    if (isForUser(cwd, launch)) asProgramUser(launch, enter);
    else enter();
    isElsewhere = true;
    let pid = 0;
    children.start(
      { ...program, out, errors, more, temporary },
      {
        started: (started) => {
          pid = started;
          if (temporary) temporaries.add(pid);
          if (user !== undefined) groups.add(pid, key);
          tell({ number, pid });
          if (!temporary && ledger !== undefined) noteLater(pid);
        },
        failed: (error) => failed(number, error),
        ended: (exit) => {
          if (temporaries.delete(pid)) endGroup(pid);
          groups.ended(pid);
          if (!unnoted.delete(pid)) ledger?.forget(pid);
          tell({ number, exit });
        },
      },
    );
  } catch (error) {
    failed(number, error);
  } finally {
    if (mask !== undefined) process.umask(mask);
    if (isElsewhere) process.chdir('/');
    for (const file of files) closeSync(file);
    if (key === undefined) for (const { number } of launch.sockets ?? []) closeSocket(number);
  }
}

/** Jitsu passes it again for the next start, from this process or another one. */
function closeSocket(number: number): void {
  const descriptor = sockets.get(number);
  if (descriptor === undefined) return;
  sockets.delete(number);
  const handle = handles.get(number);
  handles.delete(number);
  if (handle === undefined) loadDescriptorPassing().close(descriptor);
  else handle.close();
}

function environmentOf(launch: PassedLaunch, { nonce, id, addresses }: LaunchDetails): NodeJS.ProcessEnv {
  const { inherited, env, environmentFile, marks, sockets: given = [] } = launch;
  return {
    ...{ ...inherited, ...env },
    // Read at each start, so that no secret stays in memory.
    ...(environmentFile !== undefined && parseVariables(readVariablesFile(environmentFile, launch))),
    ...marks,
    ...(given.length > 0 && {
      LISTEN_FDS: String(given.length),
      LISTEN_FDNAMES: given.map(({ name }) => name).join(':'),
    }),
    ...(nonce !== undefined && { JITSU_SPAWN: nonce }),
    ...(id !== undefined && { JITSU_ID: id }),
    ...(addresses !== undefined && { JITSU_ADDRESSES: addresses.join(' ') }),
  };
}

/**
 * What to execute. Node gives a child its user, but neither groups nor limits, so programs of the system give it those
 * and then execute the program, whose own failure they report to its stderr.
 */
function limited(
  { program, argv0, words, account: wanted, groups = [], files, control, sockets: given = [] }: PassedLaunch,
  env: NodeJS.ProcessEnv,
): Pick<ChildOptions, 'program' | 'words' | 'variables' | 'account'> {
  const account = wanted === 'jitsu' ? undefined : wanted;
  const listen = given.length === 0 ? [] : [...shellThatKeeps(env), '-c', LISTEN, 'sh'];
  if (groups.length === 0 && files === undefined && control === undefined) {
    const [shell = program, ...more] = listen;
    const named = listen.length === 0 ? [argv0, ...words] : [shell, ...more, program, ...words];
    return { program: shell, words: named, variables: env, account };
  }
  const limit = files === undefined ? [] : [prlimit ?? 'prlimit', `--nofile=${files}:${files}`];
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { uid, gid } = account ?? own;
  const supplementary = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join()}`;
  const setpriv = findTool('setpriv') ?? 'setpriv';
  const identity =
    account === undefined && groups.length === 0
      ? []
      : [setpriv, `--reuid=${uid}`, `--regid=${gid}`, supplementary, '--'];
  // What is in front of the program runs as root, and the variables may be those of the program's user.
  const { harmless, loading } = account === undefined ? { harmless: env, loading: [] } : splitVariables(env);
  const withLoading = loading.length === 0 ? [] : [findTool('env') ?? 'env', ...loading];
  const join = control === undefined ? [] : wordsToJoin(control, harmless);
  const all = [...join, ...limit, ...identity, ...withLoading, ...listen, program, ...words];
  return { program: all[0] ?? program, words: all, variables: harmless, account: undefined };
}

function noteLater(pid: number): void {
  if (unnoted.size === 0) setTimeout(noteAll, NOTE_DELAY);
  unnoted.add(pid);
}

function noteAll(): void {
  for (const pid of unnoted) {
    try {
      ledger?.add(pid);
    } catch {
      // The disk may be full. The next Jitsu knows it by the nonce in its record.
    }
  }
  unnoted.clear();
}

/** Kills what is left of a process group. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}
