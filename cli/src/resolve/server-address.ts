import { isIP } from 'node:net';
import { UsageError } from '../usage-error.js';

/** Where a question is sent. */
export interface ServerAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Reads `127.0.0.1`, `127.0.0.1:10053`, `::1` or `[::1]:10053`.
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

/** Where to reach a server that listens there: one that listens on every address listens on loopback too. */
export function reachable({ address, port }: ServerAddress): ServerAddress {
  if (address === '0.0.0.0') return { address: '127.0.0.1', port };
  return { address: address === '::' ? '::1' : address, port };
}
