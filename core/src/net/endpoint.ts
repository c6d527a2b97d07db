import { isIPv6 } from 'node:net';
import { parseDnsName } from './dns-name.js';
import { parseAddress } from './ip-address.js';

/** The address and port that a socket listens on or connects to. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** An endpoint as text: `192.0.2.1:53`, `[2001:db8::1]:53`. */
export function endpointText({ address, port }: Endpoint): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A server's address, its port where one is given, and the transport. */
export interface ServerEndpoint {
  readonly address: string;
  readonly port: number | undefined;
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** The name that its certificate must have, where one is given. */
  readonly name?: string;
}

/**
 * Parses `9.9.9.9`, `9.9.9.9:5353`, `2620:fe::fe` or `[2620:fe::fe]:53`, with an optional `tcp://` or `tls://` before
 * it; behind `tls://`, `#NAME` may follow.
 */
export function parseServerEndpoint(text: string): ServerEndpoint | undefined {
  const [, scheme, place = '', nameText] = /^(?:(tcp|tls):\/\/)?([^#]*)(?:#(.*))?$/s.exec(text) ?? [];
  const transport = scheme === 'tcp' || scheme === 'tls' ? scheme : 'udp';
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(place) ?? [];
  const address = parseAddress(bracketed ?? plain ?? place);
  const port = portText === undefined ? undefined : Number(portText);
  if (address === undefined || port === 0 || (port ?? 0) > 65_535) return undefined;
  if (nameText === undefined) return { address, port, transport };
  const name = parseDnsName(nameText);
  if (transport !== 'tls' || name === undefined || name.startsWith('*')) return undefined;
  return { address, port, transport, name };
}
