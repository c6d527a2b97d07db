import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint } from '../config/settings.js';
import { identityOf, isAlive, isProcessIdentity, type ProcessIdentity } from '../state/process-identity.js';
import { defaultRuntimeDirectory, ensureRuntimeDirectory } from './control-paths.js';

/** How a Jitsu that runs is reached, and what it was started with. */
export interface RuntimeRecord {
  readonly pid: number;
  /** Its control socket. */
  readonly socket: string;
  /** Where it answers DNS. */
  readonly listening: readonly Endpoint[];
  /** The absolute path of its configuration; absent where all stood on the command line. */
  readonly configFile?: string;
}

type StoredRecord = RuntimeRecord & { readonly process: ProcessIdentity };

/**
 * Tells other commands of this user that this process runs, until it is disposed: a file of mode 0600 below the user's
 * runtime folder. Records of processes that have ended are removed.
 *
 * @throws JITSU_CONTROL_FAILED for a runtime folder that others have a hand in, and what the disk says
 */
export function recordRunning(
  record: Omit<RuntimeRecord, 'pid'>,
  runtimeDirectory: string = defaultRuntimeDirectory(),
): Disposable {
  ensureRuntimeDirectory(runtimeDirectory);
  const folder = folderOf(runtimeDirectory);
  mkdirSync(folder, { mode: 0o700, recursive: true });
  for (const name of readdirSync(folder).filter(isLeftover(folder))) removeIfPossible(join(folder, name));
  const { pid } = process;
  const file = join(folder, `${pid}.json`);
  const stored: StoredRecord = { pid, ...record, process: identityOf(pid) ?? { pid, started: '', boot: '' } };
  // Nobody ever reads half of it.
  writeFileSync(`${file}.new`, `${JSON.stringify(stored)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
}

/** Every Jitsu of this user that runs now, by its process number. */
export function runningJitsus(runtimeDirectory: string = defaultRuntimeDirectory()): readonly RuntimeRecord[] {
  const folder = folderOf(runtimeDirectory);
  if (![runtimeDirectory, folder].every(isTrusted)) return [];
  const records = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => read(join(folder, name)) ?? []);
  return records.sort((one, other) => one.pid - other.pid);
}

function folderOf(runtimeDirectory: string): string {
  return join(runtimeDirectory, 'running');
}

/** Records of processes that have ended, and drafts that nobody completes. Other files are not the business of Jitsu. */
function isLeftover(folder: string): (name: string) => boolean {
  return (name) => {
    const [, pid, draft] = /^(\d+)\.json(\.new)?$/.exec(name) ?? [];
    if (pid === undefined) return false;
    // A living process may be about to complete its draft.
    return draft === undefined ? read(join(folder, name)) === undefined : identityOf(Number(pid)) === undefined;
  };
}

function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // What cannot be removed, such as a folder, is no record and does no harm.
  }
}

/**
 * Whether nobody but this user, or one whom root asks about, can have put anything there. A folder that cannot be
 * looked at, as in another user's session, is not trusted.
 */
function isTrusted(folder: string): boolean {
  try {
    const stats = lstatSync(folder);
    if (!stats.isDirectory() || (stats.mode & 0o022) !== 0) return false;
    const uid = process.getuid?.();
    return uid === undefined || uid === 0 || stats.uid === uid;
  } catch {
    return false;
  }
}

/** `undefined` for a file that holds no record, and for the record of a process that has ended. */
function read(file: string): RuntimeRecord | undefined {
  try {
    const { process: identity, ...record } = JSON.parse(readFileSync(file, 'utf8')) as StoredRecord;
    const isRecord = typeof record.socket === 'string' && isProcessIdentity(identity);
    return isRecord && isAlive(identity) ? record : undefined;
  } catch {
    return undefined;
  }
}
