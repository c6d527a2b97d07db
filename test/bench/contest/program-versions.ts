import { spawnSync } from 'node:child_process';
import { findProgram } from '../../support/find-program.js';

const ASKED_BY: Readonly<Record<string, string>> = { dnsperf: '-h', dnsmasq: '--version', unbound: '-V' };

/** The versions of the programs that Jitsu is measured with and against, in one line. */
export function programVersions(): string {
  return Object.entries(ASKED_BY)
    .map(([program, flag]) => `${program} ${versionOf(program, flag)}`)
    .join(', ');
}

function versionOf(program: string, flag: string): string {
  const path = findProgram(program);
  if (path === undefined) return 'not installed';
  const { stdout, stderr } = spawnSync(path, [flag], { encoding: 'utf8' });
  return /version\s+([\d.]+)/i.exec(`${stdout}${stderr}`)?.[1] ?? 'of an unknown version';
}
