import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts a program in a Jitsu of its own that is then killed without warning; resolves when that Jitsu is gone. */
export async function crashingJitsu(
  runtimeDirectory: string,
  options: { name: string; command: string },
): Promise<void> {
  const script = fileURLToPath(new URL('./start-and-crash.js', import.meta.url));
  const words = [script, runtimeDirectory, JSON.stringify(options)];
  const signal = await new Promise<unknown>((resolve) => {
    execFile(process.execPath, words, (error) => resolve(error?.signal ?? error));
  });
  assert.equal(signal, 'SIGKILL');
}
