import { addressBytes } from './address-bytes.js';

/** The number of cached addresses at which the cache is cleared. */
const MOST_REMEMBERED = 1_024;

/** Converts addresses of sockets into bytes, and caches the results: most clients send many queries. */
export class ClientAddresses {
  private readonly known = new Map<string, Uint8Array>();

  /** 4 or 16 bytes, without the scope of an address like `fe80::1%eth0`. `undefined` for an invalid address. */
  bytesOf(text: string): Uint8Array | undefined {
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const bytes = addressBytes(text);
    if (bytes === undefined) return undefined;
    if (this.known.size >= MOST_REMEMBERED) this.known.clear();
    this.known.set(text, bytes);
    return bytes;
  }
}
