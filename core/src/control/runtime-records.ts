import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { findUnsafe, trustedUsers } from '../files/find-unsafe.js';
import { readOwnFile } from '../files/read-file.js';
import { makeSafeFolder } from '../files/safe-folder.js';
import { replaceFile } from '../files/write-file.js';
import type { Endpoint } from '../net/endpoint.js';
import { identityOf, isAlive, isProcessIdentity, type ProcessIdentity } from '../state/process-identity.js';
import { defaultRuntimeDirectory, ensureRuntimeDirectory } from './control-paths.js';

/** The endpoints and the configuration file of a running Jitsu. */
export interface RuntimeRecord {
  readonly pid: number;
  /** The path of its control socket. */
  readonly socket: string;
  /** The endpoints of its DNS listeners. */
  readonly listening: readonly Endpoint[];
  /** The absolute path of its configuration file; absent if the command line has the whole configuration. */
  readonly configFile?: string;
}

type StoredRecord = RuntimeRecord & { readonly process: ProcessIdentity };

/**
 * Records this process for other commands of the same user, until it is disposed: a file of mode 0600 below the user's
 * runtime directory. Records of ended processes are removed.
 *
 * @throws JITSU_CONTROL_FAILED for a runtime directory that other users can write to, and file system errors
 */
export function recordRunning(
  record: Omit<RuntimeRecord, 'pid'>,
  runtimeDirectory: string = defaultRuntimeDirectory(),
): Disposable {
  ensureRuntimeDirectory(runtimeDirectory);
  const folder = folderOf(runtimeDirectory);
  makeSafeFolder(folder);
  for (const name of readdirSync(folder).filter(isLeftover(folder))) removeIfPossible(join(folder, name));
  const { pid } = process;
  const file = join(folder, `${pid}.json`);
  const stored: StoredRecord = { pid, ...record, process: identityOf(pid) ?? { pid, started: '', boot: '' } };
  replaceFile(file, `${JSON.stringify(stored)}\n`);
  return { [Symbol.dispose]: () => removeIfPossible(file) };
}

/** Every running Jitsu of this user, in the order of process numbers. */
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

/** Whether a file is the record of an ended process or its draft. Other files do not belong to Jitsu and are kept. */
function isLeftover(folder: string): (name: string) => boolean {
  return (name) => {
    const [, pid, draft] = /^(\d+)\.json(\.new)?$/.exec(name) ?? [];
    if (pid === undefined) return false;
    // A living process may still complete its draft.
    return draft === undefined ? read(join(folder, name)) === undefined : identityOf(Number(pid)) === undefined;
  };
}

function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // An entry that cannot be removed does no harm: a folder is no record, and that of a Jitsu that has given up root is
    // removed by the next one.
  }
}

/**
 * Whether only this user could write to the folder; root trusts the folders of all users. A folder that cannot be
 * inspected, as in another user's session, is not trusted.
 */
function isTrusted(folder: string): boolean {
  try {
    const stats = lstatSync(folder);
    const uid = process.getuid?.();
    if (!stats.isDirectory() || (uid !== undefined && uid !== 0 && stats.uid !== uid)) return false;
    return findUnsafe(folder, new Set([...trustedUsers(), stats.uid])) === undefined;
  } catch {
    return false;
  }
}

/** `undefined` for an invalid record, and for the record of an ended process. */
function read(file: string): RuntimeRecord | undefined {
  try {
    const { process: identity, ...record } = (JSON.parse(readOwnFile(file) ?? 'null') ?? {}) as Partial<StoredRecord>;
    if (!isProcessIdentity(identity) || record.pid !== identity.pid || !isAlive(identity)) return undefined;
    return checked(record);
  } catch {
    return undefined;
  }
}

/** The fields of a record that we know; `undefined` where one is missing or another kind of value. */
function checked({ pid, socket, listening, configFile }: Partial<RuntimeRecord>): RuntimeRecord | undefined {
  if (pid === undefined || !isPath(socket) || !Array.isArray(listening) || !listening.every(isEndpoint))
    return undefined;
  if (configFile !== undefined && !isPath(configFile)) return undefined;
  const endpoints = listening.map(({ address, port }) => ({ address, port }));
  return { pid, socket, listening: endpoints, ...(configFile !== undefined && { configFile }) };
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}

function isEndpoint(value: unknown): value is Endpoint {
  const { address, port } = (value ?? {}) as Partial<Endpoint>;
  return (
    typeof address === 'string' &&
    isIP(address) !== 0 &&
    Number.isInteger(port) &&
    Number(port) >= 0 &&
    Number(port) < 65_536
  );
}
