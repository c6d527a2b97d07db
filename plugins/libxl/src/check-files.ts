import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import type { LibxlOptions } from './libxl-options.js';

/** Where libxl looks for scripts that are named without a folder. */
const SCRIPTS = '/etc/xen/scripts';

type FileCheck = [key: string, path: string | undefined, mode: number];

/** A problem of a file. */
export interface FileProblem {
  /** As `key: problem`. */
  readonly text: string;
  /** Whether the file is not there. */
  readonly isMissing?: true;
}

/**
 * The problems of the files that a guest is made of. Relative paths are relative to Jitsu's
 * working directory.
 */
export async function checkFiles(options: LibxlOptions): Promise<FileProblem[]> {
  const { kernel, ramdisk, rumprunConfig, script, disk } = options;
  const files: readonly FileCheck[] = [
    ['kernel', kernel, constants.R_OK],
    ['ramdisk', ramdisk, constants.R_OK],
    ['rumprun_config', rumprunConfig, constants.R_OK],
    ...disk.map(({ path }): FileCheck => ['disk', path, constants.R_OK]),
    ...script.map((name): FileCheck => ['script', scriptPath(name), constants.X_OK]),
  ];
  const problems = await Promise.all(
    files.map(async ([key, path, mode]) => (path === undefined ? undefined : problemOf(key, resolve(path), mode))),
  );
  return problems.filter((problem) => problem !== undefined);
}

function scriptPath(name: string): string {
  return isAbsolute(name) ? name : join(SCRIPTS, name);
}

async function problemOf(key: string, path: string, mode: number): Promise<FileProblem | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return { text: `${key}: ${path} is a folder` };
    await access(path, mode);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { text: `${key}: there is no file ${path}`, isMissing: true };
    if (code === 'EACCES')
      return { text: `${key}: ${path} may not be ${mode === constants.X_OK ? 'executed' : 'read'}` };
    return { text: `${key}: ${(error as Error).message}` };
  }
}
