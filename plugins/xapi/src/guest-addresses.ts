import { isIP } from 'node:net';

/** Agents of old add what it is to the key of an IPv6 address: `0/ipv6/0/addr`. */
const KEY = /^(\d+)\/(?:ip|ipv4\/\d+|ipv6\/\d+)(?:\/addr)?$/;
const LINK_LOCAL = /^(?:169\.254\.|fe[89ab][0-9a-f]:)/i;

/**
 * The addresses that a guest's agent reports (VM_guest_metrics.networks: `0/ip`, `0/ipv4/0`, `0/ipv6/1`), in the order
 * of devices. Guests say anything there: one value may hold several addresses, each with the length of its prefix, or
 * none; what is no address, or of use on the link only, is passed over.
 */
export function guestAddresses(networks: Readonly<Record<string, unknown>>): readonly string[] {
  const found = Object.entries(networks)
    .map(([key, value]) => ({ device: Number(KEY.exec(key)?.[1]), addresses: addressesIn(value) }))
    .filter(({ device }) => !Number.isNaN(device))
    .sort((one, other) => one.device - other.device);
  return [...new Set(found.flatMap(({ addresses }) => addresses))];
}

function addressesIn(value: unknown): readonly string[] {
  if (typeof value !== 'string') return [];
  return value
    .split(/[\s,;]+/)
    .map((word) => word.replace(/\/\d+$/, ''))
    .filter((word) => isIP(word) > 0 && !LINK_LOCAL.test(word));
}
