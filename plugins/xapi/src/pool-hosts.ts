import { isIPv6 } from 'node:net';

/** Where a pool may be found: at the URL that was given, and at its hosts, each of which knows who coordinates. */
export class PoolHosts {
  #urls: readonly [string, ...string[]];

  /** @param given - without user and password */
  constructor(private readonly given: string) {
    this.#urls = [given];
  }

  /** Takes over the addresses that the pool has for its hosts now. */
  learn(addresses: readonly string[]): void {
    const others = addresses.filter((address) => address !== '').map((address) => this.#at(address));
    this.#urls = [this.given, ...new Set(others.filter((url) => url !== this.given))];
  }

  /** Whom to ask at the first attempt (0), at the second, and so on, round and round. */
  forAttempt(attempt: number): string {
    return this.#urls[attempt % this.#urls.length] ?? this.given;
  }

  #at(address: string): string {
    const url = new URL(this.given);
    url.hostname = isIPv6(address) ? `[${address}]` : address;
    return `${url.protocol}//${url.host}`;
  }
}
