import type { Settings, UnikernelSettings } from '../config/settings.js';
import type { ListeningPlace } from '../contracts/plugin.js';
import { endpointText } from '../net/endpoint.js';
import { plainAddress } from '../net/own-address.js';
import type { SharedEndpoint } from './shared-endpoints.js';

/** Policies by which more than queries keeps a unikernel, or nothing stops it. */
const BEYOND_QUERIES: ReadonlySet<string> = new Set(['connections', 'traffic', 'keep-alive']);

type Configured = Pick<Settings, 'connections' | 'doormen'>;

/**
 * Who holds first packets for a unikernel, and at which ports, for people; nobody where it is empty.
 * @param portOf the port that a probe asks, as it says itself
 */
export function heldBy(
  settings: Configured,
  unikernel: UnikernelSettings,
  portOf: (probe: UnikernelSettings['ready'][number]) => number | undefined,
): readonly string[] {
  const { relays, ports, ready } = unikernel;
  const asked = new Set(ready.flatMap((probe) => portOf(probe) ?? []));
  const guarded =
    ports.length > 0
      ? ports.map(({ protocol, port }) => `${protocol}/${port}`).join(', ')
      : [...asked].map((port) => `tcp/${port}`).join(', ');
  return [
    ...relays.map(({ protocol, listen, to }) => `relay ${protocol} ${endpointText(listen)} -> ${endpointText(to)}`),
    ...listenersOf(settings, unikernel).map((listener) => `listen ${listener.protocol} ${endpointText(listener)}`),
    ...settings.doormen.map(({ contribution }) => `${contribution.name} ${guarded || 'nothing: it has no ports'}`),
  ];
}

/** Where first packets would have to be held for two unikernels, which can be done for one alone. */
export function sharedPorts(settings: Configured & Pick<Settings, 'unikernels'>): readonly SharedEndpoint[] {
  const owners = new Map<string, string>();
  const shared: SharedEndpoint[] = [];
  for (const unikernel of settings.unikernels) {
    for (const { protocol, address, port } of placesOf(settings, unikernel)) {
      const endpoint = `${protocol} ${endpointText({ address: plainAddress(address), port })}`;
      const owner = owners.get(endpoint);
      if (owner === undefined) owners.set(endpoint, unikernel.name);
      else if (owner !== unikernel.name) shared.push({ endpoint, unikernels: [owner, unikernel.name] });
    }
  }
  return shared;
}

/** Those of its listeners, and its configured ports; those of its probes are known without this. */
function placesOf(settings: Configured, unikernel: UnikernelSettings): readonly ListeningPlace[] {
  const { addresses, ports } = unikernel;
  const guarded = settings.doormen.length === 0 ? [] : ports;
  return [
    ...listenersOf(settings, unikernel),
    ...addresses.flatMap((address) => guarded.map((port) => ({ ...port, address }))),
  ];
}

function listenersOf({ connections }: Configured, unikernel: UnikernelSettings): readonly ListeningPlace[] {
  const { backend, options, addresses } = unikernel;
  return connections.find(({ name }) => name === backend)?.contribution.listens?.(options, addresses) ?? [];
}

/**
 * The unikernels that are stopped although they may be in use, by policies that were chosen for them: nothing but queries
 * keeps them, where more is known.
 * @param isSeen whether something knows the traffic to what this backend runs
 */
export function keptByQueriesAlone(
  unikernels: readonly Pick<UnikernelSettings, 'name' | 'backend' | 'stopPolicies' | 'relays'>[],
  isSeen: (backend: string) => boolean,
): readonly string[] {
  return unikernels
    .filter(
      ({ backend, stopPolicies, relays }) =>
        stopPolicies.length > 0 &&
        !stopPolicies.some(({ contribution }) => BEYOND_QUERIES.has(contribution.name)) &&
        (relays.length > 0 || isSeen(backend)),
    )
    .map(({ name }) => name);
}
