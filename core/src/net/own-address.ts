import ipaddr from 'ipaddr.js';
import { networkInterfaces } from 'node:os';

/** An address without its interface, shortened, an IPv4-mapped one as IPv4. */
export function plainAddress(address: string): string {
  return ipaddr.process(address.replace(/%.*/, '')).toString();
}

/** The plain addresses that stand for all of their family. */
export const UNSPECIFIED: readonly string[] = ['0.0.0.0', '::'];

/** Whether a plain address is a loopback address. */
export function isLoopback(address: string): boolean {
  return ipaddr.parse(address).range() === 'loopback';
}

/** Whether a plain address is one of this machine, or of a network around it that the internet does not reach. */
export function isNearAddress(address: string): boolean {
  return NEAR.includes(ipaddr.parse(address).range()) || isOwnAddress(address);
}

const NEAR: readonly string[] = ['loopback', 'private', 'linkLocal', 'uniqueLocal', 'carrierGradeNat', 'unspecified'];

/** Whether a plain address belongs to one of this machine's interfaces. */
export function isOwnAddress(address: string): boolean {
  if (isLoopback(address)) return true;
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return interfaces.some((own) => plainAddress(own.address) === address);
}
