import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Launch } from '../contracts/spawner.js';
import { findUnsafe } from '../files/find-unsafe.js';
import { takeEffectiveUser } from './effective-user.js';

/** The most bytes of a file of variables. The system takes less for all variables of a program. */
const LONGEST = 1_024 * 1_024;

/**
 * What makes the C library, or a shell, load code or read files: LD_PRELOAD and its like (ld.so(8)), what glibc itself
 * ignores in programs with set-user-id, and what shells read.
 */
const LOADS =
  /^(LD_.*|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LANGUAGE|LOCALDOMAIN|LOCPATH|MALLOC_.*|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|TMPDIR|TZDIR|BASH_ENV|BASHOPTS|ENV|PS4|SHELLOPTS)$/;

type Identity = Pick<Launch, 'account' | 'groups'>;

/** Who may lay links where the paths of a launch lead, such as the program's own user, is given no more than he has. */
export function isForUser(path: string, { account }: Identity): boolean {
  return typeof account === 'object' && process.geteuid?.() === 0 && findUnsafe(path) !== undefined;
}

/** Does something as the user of a program. Throws what the action throws. */
export function asProgramUser<T>({ account, groups }: Identity, action: () => T): T {
  if (typeof account !== 'object') return action();
  const goBack = takeEffectiveUser({ ...account, groups });
  try {
    return action();
  } finally {
    goBack();
  }
}

/** The text of a file of variables. Anything else in its place, such as a pipe, would hold up whoever reads it. */
export function readVariablesFile(path: string, identity: Identity): string {
  const open = (): number => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const file = isForUser(path, identity) ? asProgramUser(identity, open) : open();
  try {
    const stats = fstatSync(file);
    if (stats.isFile() && stats.size <= LONGEST) return readFileSync(file, 'utf8');
    throw Object.assign(new Error(`${path} is no file of at most 1 MiB`), { code: 'EINVAL', path });
  } finally {
    closeSync(file);
  }
}

/** The variables of a program apart from those that the programs in front of it, which run as root, must not get. */
export function splitVariables(variables: NodeJS.ProcessEnv): {
  readonly harmless: NodeJS.ProcessEnv;
  readonly loading: readonly string[];
} {
  const all = Object.entries(variables);
  const loading = all.filter(([name, value]) => LOADS.test(name) && value !== undefined);
  return {
    harmless: Object.fromEntries(all.filter(([name]) => !LOADS.test(name))),
    loading: loading.map(([name, value]) => `${name}=${value}`),
  };
}
