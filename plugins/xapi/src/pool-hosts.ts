import { isIPv6 } from 'node:net';

/** The URLs of a pool: the configured one, and those of its hosts, each of which knows the coordinator. */
export class PoolHosts {
  #urls: readonly [string, ...string[]];

  /** @param given - without user and password */
  constructor(private readonly given: string) {
    this.#urls = [given];
  }

  /** Takes over the current addresses of the pool's hosts. */
  learn(addresses: readonly string[]): void {
    const others = addresses.filter((address) => address !== '').map((address) => urlAt(this.given, address));
    this.#urls = [this.given, ...new Set(others.filter((url) => url !== this.given))];
  }

  /** The URL for the first attempt (0), the second, and so on, in turn. */
  forAttempt(attempt: number): string {
    return this.#urls[attempt % this.#urls.length] ?? this.given;
  }
}

/** The URL of another host: by the same protocol, and at the same port. */
export function urlAt(given: string, address: string): string {
  const url = new URL(given);
  url.hostname = isIPv6(address) ? `[${address}]` : address;
  return `${url.protocol}//${url.host}`;
}
