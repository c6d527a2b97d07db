import ipaddr from 'ipaddr.js';
import { networkInterfaces } from 'node:os';

/** Without its interface, shortened, and an IPv4 address as one. */
export function plainAddress(address: string): string {
  return ipaddr.process(address.replace(/%.*/, '')).toString();
}

/** Of a plain address. */
export function isLoopback(address: string): boolean {
  return ipaddr.parse(address).range() === 'loopback';
}

/** Whether this machine has it, as far as its interfaces tell. Of a plain address. */
export function isOwnAddress(address: string): boolean {
  if (isLoopback(address)) return true;
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return interfaces.some((own) => plainAddress(own.address) === address);
}
