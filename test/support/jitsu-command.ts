import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from './node-flags.js';

const bin = fileURLToPath(new URL('../../../cli/bin/jitsu.js', import.meta.url));

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandSetting {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts the real `jitsu` as a person's shell would, without a terminal. */
export function spawnJitsu(
  arguments_: readonly string[],
  { cwd, env }: CommandSetting = {},
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [...nodeFlags, bin, ...arguments_], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs the real `jitsu` to its end. */
export async function runJitsu(arguments_: readonly string[], setting?: CommandSetting): Promise<CommandResult> {
  const child = spawnJitsu(arguments_, setting);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status: child.exitCode, stdout, stderr };
}
