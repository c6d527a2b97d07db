import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether the dynamic loader knows a library whose name begins so. */
export async function findLibrary(name: string): Promise<boolean> {
  const { stdout } = await run('/sbin/ldconfig', ['-p']);
  return stdout.includes(`${name}.`);
}
