import { addressBytes } from './address-bytes.js';

/** How many addresses are remembered before all are forgotten again. */
const MOST_REMEMBERED = 1_024;

/** Turns addresses as sockets give them into bytes, and remembers those that it has seen: most clients come again. */
export class ClientAddresses {
  private readonly known = new Map<string, Uint8Array>();

  /** 4 bytes, or 16; the scope of `fe80::1%eth0` does not count. `undefined` for what is no address. */
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
