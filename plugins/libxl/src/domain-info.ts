import type { PowerState } from '@jitsud/core/plugin';

/** libxl_dominfo in libxl's JSON, as far as we look. */
export interface DomainInfo {
  readonly uuid?: string;
  readonly paused?: boolean;
  readonly dying?: boolean;
  /** It has stopped by itself, and what is left of it waits to be destroyed. */
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

/** What is left of a guest that has stopped by itself. */
export function isCorpse({ shutdown, dying }: DomainInfo): boolean {
  return shutdown === true && dying !== true;
}

/** It stopped so that its memory could be saved, or moved elsewhere. */
export function isSuspended(info: DomainInfo): boolean {
  return isCorpse(info) && info.shutdown_reason === 'suspend';
}

/** Why a corpse stopped. */
export function reasonOf({ shutdown_reason: reason = 'unknown' }: DomainInfo): string {
  return ENDS[reason] ?? `it stopped by itself (${reason})`;
}

/** It was made and has not executed anything yet: somebody is at it, or was interrupted. */
export function isUnborn({ paused, shutdown, dying, cpu_time: time }: DomainInfo): boolean {
  return paused === true && shutdown !== true && dying !== true && (time ?? 0) === 0;
}

/** What the flags of a domain mean to Jitsu. */
export function stateOf(info: DomainInfo): PowerState {
  if (info.dying || isSuspended(info)) return 'stopping';
  if (info.shutdown) return 'off';
  return info.paused ? 'paused' : 'running';
}
