import type { DnsClient } from '../../contracts/resolver.js';
import { ClientAddresses } from '../../net/address-bytes.js';
import { clientKey, networkKey } from '../../net/networks.js';

/** Whose query it is: the keys of a client and of its network. */
export interface Asker {
  readonly client: string;
  readonly network: string;
}

/** All queries without an address, which are the operator's own. */
const OURS: Asker = { client: '', network: '' };

/**
 * Counts the places that clients and their networks hold, and says who has to give one up when there is none left: a
 * network that holds more than an equal share, or within the network of the newcomer a client that holds more than he.
 * Nobody has a limit as long as there are free places.
 */
export class FairShares {
  private readonly held = new Map<string, number>();
  private readonly addresses = new ClientAddresses();
  /** The last asker, as a client seldom sends a single query. */
  private lastAddress = '';
  private last = OURS;
  private networks = 0;
  private places = 0;

  askerOf({ address, transport }: DnsClient): Asker {
    if (transport === 'inject') return OURS;
    if (address === this.lastAddress) return this.last;
    const bytes = this.addresses.bytesOf(address);
    this.lastAddress = address;
    this.last = bytes === undefined ? OURS : { client: clientKey(bytes), network: networkKey(bytes) };
    return this.last;
  }

  take({ client, network }: Asker): void {
    this.places += 1;
    if (this.count(network, 1) === 1) this.networks += 1;
    if (client !== network) this.count(client, 1);
  }

  giveBack({ client, network }: Asker): void {
    this.places -= 1;
    if (this.count(network, -1) === 0) this.networks -= 1;
    if (client !== network) this.count(client, -1);
  }

  /** Whether a place of the one holder is better given to the newcomer; `undefined` where that holds for nobody. */
  whoYields(newcomer: Asker): ((holder: Asker) => boolean) | undefined {
    const ofNetwork = this.heldBy(newcomer.network);
    const networks = ofNetwork === 0 ? this.networks + 1 : this.networks;
    const share = this.places / networks;
    if (ofNetwork + 1 <= share) return ({ network }) => this.heldBy(network) > share;
    const ofClient = this.heldBy(newcomer.client);
    // If anybody else there holds two more, the network holds so much.
    if (ofNetwork < 2 * ofClient + 2) return undefined;
    return ({ client, network }) => network === newcomer.network && this.heldBy(client) > ofClient + 1;
  }

  private heldBy(key: string): number {
    return this.held.get(key) ?? 0;
  }

  private count(key: string, more: number): number {
    const count = this.heldBy(key) + more;
    if (count > 0) this.held.set(key, count);
    else this.held.delete(key);
    return count;
  }
}
