import type { PowerState } from '@jitsud/core/plugin';

/** A state and its reason, for people, where there is one worth reporting. */
export interface StateInWords {
  readonly state: PowerState;
  readonly detail?: string;
}

/** virDomainPausedReason, for pauses that are not plain ones. */
const PAUSES: Readonly<Record<number, StateInWords>> = {
  // Pauses that end by themselves, when libvirt's operation has ended.
  2: { state: 'stopping', detail: 'it is being migrated to another host' },
  3: { state: 'stopping', detail: 'its memory is being saved' },
  4: { state: 'starting', detail: 'its memory is being dumped' },
  5: { state: 'paused', detail: 'a disk error paused it' },
  6: { state: 'paused', detail: 'its watchdog paused it' },
  8: { state: 'stopping' },
  9: { state: 'starting', detail: 'a snapshot of it is being made' },
  10: { state: 'paused', detail: 'its guest crashed' },
  11: { state: 'starting' },
  12: { state: 'stopping', detail: 'it is being migrated to another host' },
  13: { state: 'paused', detail: 'its migration failed' },
};

/** virDomainShutoffReason. */
const ENDS: Readonly<Record<number, string>> = {
  1: 'its guest shut down',
  2: 'it was destroyed',
  3: 'it crashed',
  4: 'it was migrated to another host',
  5: 'its memory is saved, and its next start restores it',
  6: 'its hypervisor failed to run it',
  7: 'it was reverted to a snapshot that does not run',
  8: 'libvirt ended it',
};

/** The state that a virDomainState and its reason stand for. */
export function stateInWords(state: number, reason: number): StateInWords {
  switch (state) {
    case 1: // VIR_DOMAIN_RUNNING
    case 2: // VIR_DOMAIN_BLOCKED: it runs, and waits for a device
      return { state: 'running' };
    case 3: // VIR_DOMAIN_PAUSED
      return PAUSES[reason] ?? { state: 'paused' };
    case 4: // VIR_DOMAIN_SHUTDOWN
      return { state: 'stopping' };
    case 5: // VIR_DOMAIN_SHUTOFF
      return ended(ENDS[reason]);
    case 6: // VIR_DOMAIN_CRASHED: kept for inspection, where its definition says so
      return { state: 'off', detail: 'it crashed, and libvirt keeps what is left of it' };
    case 7: // VIR_DOMAIN_PMSUSPENDED: the guest put itself to sleep
      return { state: 'suspended', detail: 'its guest sleeps' };
    default: // VIR_DOMAIN_NOSTATE, and what a later libvirt may add
      return { state: 'unknown', detail: `libvirt says nothing of its state (${state})` };
  }
}

function ended(detail: string | undefined): StateInWords {
  return detail === undefined ? { state: 'off' } : { state: 'off', detail };
}
