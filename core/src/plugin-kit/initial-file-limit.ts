import { readFileSync, readlinkSync } from 'node:fs';

/** What programs are started with by systemd and most shells; those that use select(2) cannot take more. */
const USUAL = 1_024;

/**
 * How many files programs may have open unless they ask for more, as it was before Node raised its own limit as far as
 * it may: that of the nearest ancestor that is no Node, where that has the same upper limit. `undefined` where Node has
 * raised nothing, or the system does not tell (no /proc).
 */
export function initialFileLimit(): number | undefined {
  const own = fileLimits('self');
  if (own === undefined) return undefined;
  const initial = limitBefore(own.hard);
  return initial < own.soft ? initial : undefined;
}

function limitBefore(hard: number): number {
  const node = executableOf('self');
  for (let pid = parentOf('self'); pid > 0; pid = parentOf(pid)) {
    const limits = fileLimits(pid);
    if (limits?.hard !== hard) break;
    if (executableOf(pid) !== node || limits.soft < limits.hard) return limits.soft;
  }
  return Math.min(USUAL, hard);
}

/** How many files a process may have open; `undefined` where the system does not tell. */
export function fileLimits(pid: number | 'self'): { readonly soft: number; readonly hard: number } | undefined {
  const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(contentOf(pid, 'limits')) ?? [];
  return soft === undefined ? undefined : { soft: Number(soft), hard: Number(hard) };
}

function parentOf(pid: number | 'self'): number {
  return Number(/^PPid:\s+(\d+)/m.exec(contentOf(pid, 'status'))?.[1] ?? 0);
}

function contentOf(pid: number | 'self', file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function executableOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}
