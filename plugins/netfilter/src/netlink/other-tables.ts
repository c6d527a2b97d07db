import { attributeOf, textOfAttribute } from './attributes.js';
import { endpointKey, setFor, type Endpoint } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import { NETFILTER_HEADER, netfilterHeader } from './netlink-message.js';
import type { NetlinkSocket } from './netlink-socket.js';
import { elementQuestion, NftMessage, type NftTable } from './nft-messages.js';

/** How the names of tables begin; the number of the instance follows. */
export const TABLE_PREFIX = 'jitsu_';

/** The tables of other Jitsus in this network namespace. */
export class OtherTables {
  constructor(
    private readonly socket: NetlinkSocket,
    private readonly own: NftTable,
  ) {}

  /** The first of these that another Jitsu has armed, and which. @throws NetlinkError */
  findArmed(endpoints: readonly Endpoint[]): { readonly endpoint: Endpoint; readonly table: string } | undefined {
    for (const table of this.#names()) {
      const endpoint = endpoints.find((each) => {
        return ['stopped', 'published'].some((set) => this.#has(table, setFor(set, each), each));
      });
      if (endpoint !== undefined) return { endpoint, table };
    }
    return undefined;
  }

  #names(): string[] {
    const { family, name } = this.own;
    let names: string[] = [];
    this.socket.dump(
      'list tables',
      NftMessage.GET_TABLE,
      [netfilterHeader(family)],
      () => (names = []),
      (body) => {
        const other = textOfAttribute(attributeOf(body.subarray(NETFILTER_HEADER), 1));
        if (other?.startsWith(TABLE_PREFIX) === true && other !== name) names.push(other);
      },
    );
    return names;
  }

  #has(table: string, set: string, endpoint: Endpoint): boolean {
    try {
      const question = elementQuestion(this.own.family, table, set, endpointKey(endpoint));
      this.socket.question(`look into ${table}`, NftMessage.GET_ELEMENT, question);
      return true;
    } catch (error) {
      // Neither this element, nor perhaps this table any more; or one whose sets are others.
      if (error instanceof NetlinkError && ['ENOENT', 'EINVAL'].includes(error.code)) return false;
      throw error;
    }
  }
}
