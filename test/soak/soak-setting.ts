import type { LightGuest } from '../support/light-guest.js';

const READY = 20;
const BOOTING = 60;
/** How long the programs take until they listen, in milliseconds. */
const QUICKEST = 100;
const SPREAD = 400;

/** A name and the address that it is to get. */
export interface ServedName {
  readonly name: string;
  readonly address: string;
}

const served = (count: number, kind: string, network: string): ServedName[] =>
  Array.from({ length: count }, (_, n) => ({ name: `${kind}${n}.soak.test`, address: `${network}.${n + 1}` }));

/** Names that stay ready, and names that are stopped again two seconds after they were asked for. */
export const readyNames = served(READY, 'ready', '127.0.90');
export const bootingNames = served(BOOTING, 'boot', '127.0.91');

/** The unikernels behind them, which all listen on this port. */
export function soakUnikernels(guest: LightGuest, port: number): object[] {
  return [...readyNames, ...bootingNames].map(({ name, address }, n) => ({
    ...{ name: name.split('.')[0], dns: name, ip: address, backend: 'process', ready: `tcp:${port}` },
    ...(name.startsWith('boot') && { ttl: 1 }),
    command: guest.command(address, port, QUICKEST + ((n * 37) % SPREAD)),
  }));
}
