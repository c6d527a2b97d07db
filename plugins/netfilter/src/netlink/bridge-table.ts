import { readFileSync } from 'node:fs';
import { bridgeLayout, crossingChain, crossingLayout, MAC_ROOM, type BridgeLayoutOptions } from './bridge-layout.js';
import { isTcp, type StoppedEndpoint } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import type { NetlinkSocket } from './netlink-socket.js';
import type { Change, NftTable } from './nft-messages.js';
import { commit } from './nft-transaction.js';
import { SetMembers, Sets, type Edit } from './set-members.js';

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
    this.#edit(endpoints, ({ key, connections, mac }) => ({
      key,
      whole: mac === undefined ? undefined : macKey(mac) + key,
      hasEnded: isTcp(key) && connections !== 'pass',
    }));
  }

  /** @param keys of endpoints @throws NetlinkError */
  disarm(keys: readonly string[]): void {
    this.#edit(keys, (key) => ({ key, whole: undefined, hasEnded: false }));
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

  /** There may be very many: nothing is made for each but what stays. */
  #edit<T>(those: readonly T[], stoppedOf: (each: T) => StoppedOnBridge): void {
    const before: (string | undefined)[] = [];
    try {
      this.#members.edit(this.#editsOf(those, stoppedOf, before));
    } catch (error) {
      for (let place = before.length - 1; place >= 0; place -= 1) {
        this.#set(stoppedOf(those[place] as T).key, before[place]);
      }
      throw error;
    }
  }

  *#editsOf<T>(
    those: readonly T[],
    stoppedOf: (each: T) => StoppedOnBridge,
    before: (string | undefined)[],
  ): Generator<Edit, void, undefined> {
    for (const each of those) {
      const { key, whole, hasEnded } = stoppedOf(each);
      const known = this.#stopped.get(key);
      before.push(known);
      this.#set(key, whole);
      if (known !== undefined && known !== whole) yield { key: known, about: Sets.STOPPED, members: 0 };
      if (whole !== undefined) yield { key: whole, about: Sets.STOPPED, members: Sets.STOPPED };
      yield { key, about: Sets.ENDED, members: whole !== undefined && hasEnded ? Sets.ENDED : 0 };
    }
  }

  #set(key: string, whole: string | undefined): void {
    if (whole === undefined) this.#stopped.delete(key);
    else this.#stopped.set(key, whole);
  }
}

/** What is to become of a service. */
interface StoppedOnBridge {
  /** Of its endpoint. */
  readonly key: string;
  /** That behind the MAC of its machine; absent where it is not to be held by this table. */
  readonly whole: string | undefined;
  readonly hasEnded: boolean;
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
