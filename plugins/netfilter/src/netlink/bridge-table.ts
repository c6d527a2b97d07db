import { readFileSync } from 'node:fs';
import { bridgeLayout, crossingChain, crossingLayout, MAC_ROOM, type BridgeLayoutOptions } from './bridge-layout.js';
import { endpointKey, setFor, type Endpoint, type StoppedEndpoint } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import type { NetlinkSocket } from './netlink-socket.js';
import type { Change, NftTable } from './nft-messages.js';
import { commit } from './nft-transaction.js';
import { SetMembers, type Edit } from './set-members.js';

/** Whether br_netfilter hands packets of bridges to the rules for IP, in this network namespace. */
const SETTINGS = [
  [4, '/proc/sys/net/bridge/bridge-nf-call-iptables'],
  [6, '/proc/sys/net/bridge/bridge-nf-call-ip6tables'],
] as const;

/**
 * The table of family bridge. Packets to stopped machines are held behind the rules for IP, so that none is held twice;
 * what crosses bridges is counted in it where these rules do not see that.
 */
export class BridgeTable {
  readonly #members: SetMembers;
  /** The MAC and the endpoint of those that are stopped, by the endpoint: as they are in the set. */
  readonly #stopped = new Map<string, string>();
  /** The versions of IP of which it counts packets. */
  readonly #counts = new Set<4 | 6>();
  /** When it was noticed that the rules for IP do not see any more what crosses bridges. */
  #noticed = -Infinity;

  /** Fills the table, which was empty. @throws NetlinkError */
  constructor(
    private readonly socket: NetlinkSocket,
    readonly table: NftTable,
    layout: BridgeLayoutOptions,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#members = new SetMembers(socket, table);
    commit(socket, bridgeLayout(table, layout));
    this.#follow();
  }

  /** Those without a MAC are held by the rules for IP alone. @throws NetlinkError */
  arm(endpoints: readonly StoppedEndpoint[]): void {
    this.#edit(endpoints, ({ mac }, key) => (mac === undefined ? undefined : macKey(mac) + key));
  }

  /** @throws NetlinkError */
  disarm(endpoints: readonly Endpoint[]): void {
    this.#edit(endpoints, () => undefined);
  }

  /** Adds what is watched, or takes it out, as the table for IP has it. @throws NetlinkError */
  watch(edits: readonly Edit[]): void {
    this.#members.edit(edits);
  }

  /**
   * Has each packet counted by one of the tables again where the kernel's settings have changed.
   * @returns words for people about what has changed @throws NetlinkError
   */
  follow(): string[] {
    return this.#follow().map(({ digit, sees }) => {
      if (!sees) this.#noticed = this.now();
      const how = sees ? 'hands the rules for IP what crosses bridges' : 'hands the rules for IP nothing of bridges';
      return `br_netfilter ${how} from now on (IPv${digit}); it is counted ${sees ? 'there' : 'by the table of bridges'}`;
    });
  }

  /**
   * Throws while it is not known what was sent within that time: from when the rules for IP saw nothing any more until that
   * was noticed, nothing was counted.
   */
  refuseUnseen(idle: number): void {
    if (this.now() - this.#noticed >= idle) return;
    throw new NetlinkError(
      'know the traffic',
      'ESTALE',
      'what crossed bridges was not seen when br_netfilter was turned off',
    );
  }

  /** @returns what has changed */
  #follow(): { readonly digit: 4 | 6; readonly sees: boolean }[] {
    const changed = SETTINGS.map(([digit, path]) => ({ digit, sees: isOn(path) })).filter(
      ({ digit, sees }) => this.#counts.has(digit) === sees,
    );
    commit(
      this.socket,
      changed.flatMap(({ digit, sees }): Change[] =>
        sees ? [this.table.deleteChain(crossingChain(digit))] : crossingLayout(this.table, digit),
      ),
    );
    for (const { digit, sees } of changed) {
      if (sees) this.#counts.delete(digit);
      else this.#counts.add(digit);
    }
    return changed;
  }

  #edit<E extends Endpoint>(endpoints: readonly E[], wanted: (endpoint: E, key: string) => string | undefined): void {
    const after = new Map<string, string | undefined>();
    const edits: Edit[] = [];
    for (const endpoint of endpoints) {
      const key = endpointKey(endpoint);
      const before = this.#stopped.get(key);
      const whole = wanted(endpoint, key);
      const set = setFor('stopped', endpoint);
      if (before !== undefined && before !== whole) edits.push({ set, key: before, isMember: false });
      if (whole !== undefined) edits.push({ set, key: whole, isMember: true });
      edits.push({ set: setFor('ended', endpoint), key, isMember: whole !== undefined && hasEnded(endpoint) });
      after.set(key, whole);
    }
    this.#members.edit(edits);
    for (const [key, whole] of after) {
      if (whole === undefined) this.#stopped.delete(key);
      else this.#stopped.set(key, whole);
    }
  }
}

function hasEnded(endpoint: Endpoint & Partial<StoppedEndpoint>): boolean {
  return endpoint.protocol === 'tcp' && endpoint.connections !== 'pass';
}

/** A byte in each character, in whole words of 4 bytes. */
function macKey(mac: string): string {
  return Buffer.from(mac.padEnd(2 * MAC_ROOM, '0'), 'hex').toString('latin1');
}

function isOn(path: string): boolean {
  try {
    return readFileSync(path, 'latin1').trim() !== '0';
  } catch {
    // There is no br_netfilter.
    return false;
  }
}
