import { spawnSync } from 'node:child_process';

/** The path of a program without which a suite cannot run; call it in a `before` hook. */
export function requireTool(context: Mocha.Context, tool: string): string {
  const path = spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', tool], { encoding: 'utf8' }).stdout.trim();
  return path === '' ? context.skip() : path;
}
