import type { PowerState } from '@jitsud/core/plugin';

/** libxl_dominfo in libxl's JSON, with the members that are used here. */
export interface DomainInfo {
  readonly uuid?: string;
  readonly paused?: boolean;
  readonly dying?: boolean;
  /** It has stopped by itself, and its remains wait to be destroyed. */
  readonly shutdown?: boolean;
  /** libxl_shutdown_reason. */
  readonly shutdown_reason?: string;
  /** In nanoseconds. */
  readonly cpu_time?: number;
}

/** Why a domain stopped by itself, for people. */
const ENDS: Readonly<Record<string, string>> = {
  poweroff: 'its guest shut down',
  reboot: 'its guest rebooted',
  crash: 'its guest crashed',
  watchdog: 'its watchdog ended it',
  soft_reset: 'its guest asked for a soft reset, which is not supported',
};

/** Whether the guest has stopped by itself: only the remains of its domain are left. */
export function hasStopped({ shutdown, dying }: DomainInfo): boolean {
  return shutdown === true && dying !== true;
}

/** Whether it has stopped so that its memory can be saved, or migrated. */
export function isSuspended(info: DomainInfo): boolean {
  return hasStopped(info) && info.shutdown_reason === 'suspend';
}

/** Why the guest has stopped. */
export function reasonOf({ shutdown_reason: reason = 'unknown' }: DomainInfo): string {
  return ENDS[reason] ?? `it stopped by itself (${reason})`;
}

/** Whether it was created and has not executed anything yet: its creation is under way, or was interrupted. */
export function hasNotRun({ paused, shutdown, dying, cpu_time: time }: DomainInfo): boolean {
  return paused === true && shutdown !== true && dying !== true && (time ?? 0) === 0;
}

/** The state that the flags of a domain stand for. */
export function stateOf(info: DomainInfo): PowerState {
  if (info.dying || isSuspended(info)) return 'stopping';
  if (info.shutdown) return 'off';
  return info.paused ? 'paused' : 'running';
}
