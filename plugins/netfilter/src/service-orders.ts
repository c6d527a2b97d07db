import type { ArmedService, ServiceEndpoints, ServicePort } from '@jitsud/core/plugin';
import { MOST_LISTED, MOST_SERVICES, type GuardedGroup, type WatchedService } from './gate/messages.js';

/** How long the names, addresses and MACs of one order may be together, in characters: its line has to be taken. */
const MOST_CHARACTERS = 100_000;

/** Services with what one order says of them. */
export interface ArmBatch {
  readonly services: readonly ArmedService[];
  readonly groups: readonly GuardedGroup[];
}

interface OpenGroup extends GuardedGroup {
  readonly unikernels: string[];
  readonly addresses: string[];
  readonly macs?: string[];
}

/** Orders to arm these, each as long as one may be. @param withMacs whether the gate is to know their MACs */
export function* armBatches(services: Iterable<ArmedService>, withMacs: boolean): Generator<ArmBatch, void, undefined> {
  let batch: ArmedService[] = [];
  let groups = new Map<string, OpenGroup>();
  let characters = 0;
  for (const service of services) {
    const { unikernel, macs } = service;
    const connections = service.connections === 'pass' && service.ending === true ? 'drain' : service.connections;
    const key = keyOf(connections, service.ports);
    let group = groups.get(key);
    if (group === undefined) {
      const ports = service.ports.map(portText);
      group = { ports, connections, unikernels: [], addresses: [], ...(withMacs && { macs: [] }) };
      groups.set(key, group);
      characters += key.length;
    }
    const addresses = service.addresses.join(' ');
    const mac = macs[0]?.toLowerCase() ?? '';
    group.unikernels.push(unikernel);
    group.addresses.push(addresses);
    group.macs?.push(mac);
    batch.push(service);
    characters += unikernel.length + addresses.length + mac.length;
    if (batch.length < MOST_SERVICES && characters < MOST_CHARACTERS) continue;
    yield { services: batch, groups: [...groups.values()] };
    batch = [];
    groups = new Map();
    characters = 0;
  }
  if (batch.length > 0) yield { services: batch, groups: [...groups.values()] };
}

/** A part of what is to be watched, with what all of it has in common. */
export interface WatchBatch {
  readonly watch: readonly WatchedService[];
  readonly ignored: readonly string[];
  readonly conntrack: boolean;
}

/** Orders to watch these, each as long as one may be. */
export function* watchBatches(services: Iterable<ServiceEndpoints>): Generator<WatchBatch, void, undefined> {
  let groups = new Map<string, WatchedService & { readonly addresses: string[] }>();
  let count = 0;
  let characters = 0;
  let ignored: readonly string[] = [];
  let conntrack = false;
  for (const { addresses, ports, rules } of services) {
    const key = keyOf(String(rules.outgoing), ports);
    let group = groups.get(key);
    if (group === undefined) {
      group = { addresses: [], ports: ports.map(portText), outgoing: rules.outgoing };
      groups.set(key, group);
      characters += key.length;
    }
    for (const address of addresses) {
      group.addresses.push(address);
      characters += address.length;
    }
    count += 1;
    ignored = rules.ignored;
    conntrack ||= rules.conntrack;
    if (count < MOST_SERVICES && characters < MOST_CHARACTERS) continue;
    yield { watch: [...groups.values()], ignored, conntrack };
    groups = new Map();
    count = 0;
    characters = 0;
    conntrack = false;
  }
  if (count > 0) yield { watch: [...groups.values()], ignored, conntrack };
}

/** Lists of all addresses of these, each as long as one may be. */
export function* addressBatches(services: Iterable<ServiceEndpoints>): Generator<readonly string[], void, undefined> {
  let batch: string[] = [];
  let characters = 0;
  for (const { addresses } of services) {
    for (const address of addresses) {
      batch.push(address);
      characters += address.length;
    }
    if (batch.length < MOST_LISTED / 2 && characters < MOST_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/** The same for all that go into one group. */
function keyOf(rule: string, ports: readonly ServicePort[]): string {
  let key = rule;
  for (const { protocol, port } of ports) key += ` ${protocol}/${port}`;
  return key;
}

export function portText({ protocol, port }: ServicePort): string {
  return `${protocol}/${port}`;
}
