import type { RelayedPort } from '../config/relay.js';

/**
 * Where a probe of this port asks: at the addresses of the unikernel, or where its relays go to. What the relays listen at
 * is no sign of its service.
 * @param port undefined for a probe that says none
 */
export function probedAddresses(
  addresses: readonly string[],
  relays: readonly RelayedPort[] | undefined,
  port: number | undefined,
): readonly string[] {
  if (relays === undefined || relays.length === 0) return addresses;
  const targets = relays.map(({ to }) => to);
  const ofPort = targets.filter((to) => to.port === port);
  return [...new Set((ofPort.length > 0 ? ofPort : targets).map(({ address }) => address))];
}
