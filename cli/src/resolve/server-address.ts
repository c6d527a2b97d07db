import { isIP } from 'node:net';
import { UsageError } from '../usage-error.js';

/** The address and port of a DNS server. */
export interface ServerAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Parses `127.0.0.1`, `127.0.0.1:10053`, `::1` or `[::1]:10053`.
 * @throws UsageError
 */
export function readServerAddress(text: string, defaultPort: number): ServerAddress {
  if (isIP(text) !== 0) return { address: text, port: defaultPort };
  const [, bracketed, plain, digits] = /^(?:\[(.*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = digits === undefined ? defaultPort : Number(digits);
  if (isIP(address) !== (bracketed === undefined ? 4 : 6) || port < 1 || port > 65_535) {
    throw new UsageError(
      `--server: '${text}'. An address such as 127.0.0.1, 127.0.0.1:10053 or [::1]:53 expected.`,
      'resolve',
    );
  }
  return { address, port };
}

/** The address at which a listener can be reached: loopback for a listener on all addresses. */
export function reachable({ address, port }: ServerAddress): ServerAddress {
  if (address === '0.0.0.0') return { address: '127.0.0.1', port };
  return { address: address === '::' ? '::1' : address, port };
}
