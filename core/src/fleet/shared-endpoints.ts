import type { UnikernelSettings } from '../config/settings.js';
import { endpointText } from '../net/endpoint.js';
import { probedAddresses } from '../lifecycle/probed-addresses.js';
import { plainAddress } from '../net/own-address.js';

/** An address and port at which two unikernels are asked whether they are ready, which only one can have at a time. */
export interface SharedEndpoint {
  /** Such as `192.0.2.7:8080`. */
  readonly endpoint: string;
  /** The names of the first one that has it, and of another one. */
  readonly unikernels: readonly [string, string];
}

/** @param portOf the port that a probe asks at each address, as it says itself; `undefined` where it asks otherwise */
export function sharedEndpoints(
  unikernels: Iterable<
    Pick<UnikernelSettings, 'name' | 'addresses' | 'ready'> & Partial<Pick<UnikernelSettings, 'relays'>>
  >,
  portOf: (probe: UnikernelSettings['ready'][number]) => number | undefined,
): readonly SharedEndpoint[] {
  const owners = new Map<string, string>();
  const shared: SharedEndpoint[] = [];
  for (const { name, addresses, relays, ready } of unikernels) {
    const ports = new Set(ready.map(portOf));
    for (const port of ports) {
      if (port === undefined) continue;
      for (const address of probedAddresses(addresses, relays, port)) {
        const endpoint = endpointText({ address: plainAddress(address), port });
        const owner = owners.get(endpoint);
        if (owner === undefined) owners.set(endpoint, name);
        else if (owner !== name) shared.push({ endpoint, unikernels: [owner, name] });
      }
    }
  }
  return shared;
}
