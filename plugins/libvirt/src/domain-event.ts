import { stateInWords, type StateInWords } from './domain-state.js';

/** virDomainEventSuspendedDetailType → virDomainPausedReason, for pauses with a reason worth reporting. */
const PAUSE_REASONS: Readonly<Record<number, number>> = { 1: 2, 2: 5, 3: 6, 7: 12, 8: 13 };

/** Whether a domain was defined or undefined, which changes no state. */
export function isOfDefinition(event: number): boolean {
  return event === 0 || event === 1; // VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_UNDEFINED
}

/**
 * The state of a domain after a virDomainEventType, with its detail; undefined where the event does not tell: it is one
 * of a later libvirt, or {@link isOfDefinition}.
 */
export function stateAfter(event: number, detail: number): StateInWords | undefined {
  switch (event) {
    case 2: // VIR_DOMAIN_EVENT_STARTED
    case 4: // VIR_DOMAIN_EVENT_RESUMED
      return { state: 'running' };
    case 3: // VIR_DOMAIN_EVENT_SUSPENDED
      return stateInWords(3, PAUSE_REASONS[detail] ?? 0);
    case 5: // VIR_DOMAIN_EVENT_STOPPED: its details are the shutoff reasons, counted from 0
      return stateInWords(5, detail + 1);
    case 6: // VIR_DOMAIN_EVENT_SHUTDOWN
      return { state: 'stopping' };
    case 7: // VIR_DOMAIN_EVENT_PMSUSPENDED
      return stateInWords(7, 0);
    case 8: // VIR_DOMAIN_EVENT_CRASHED
      return stateInWords(6, 0);
    default:
      return undefined;
  }
}
