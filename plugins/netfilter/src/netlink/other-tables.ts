import { attributeOf, textOfAttribute } from './attributes.js';
import { isIpv4 } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import { NETFILTER_HEADER, netfilterHeader } from './netlink-message.js';
import type { NetlinkSocket } from './netlink-socket.js';
import { elementQuestion, NftMessage, type NftTable } from './nft-messages.js';

/** How the names of tables begin; the number of the instance follows. */
export const TABLE_PREFIX = 'jitsu_';

/** The sets of what is armed. */
const KINDS = ['stopped', 'published'];

/** The tables of other Jitsus in this network namespace. */
export class OtherTables {
  constructor(
    private readonly socket: NetlinkSocket,
    private readonly own: NftTable,
  ) {}

  /**
   * The first of these that another Jitsu has armed, and its table.
   * @param keys of endpoints @throws NetlinkError
   */
  findArmed(keys: readonly string[]): { readonly key: string; readonly table: string } | undefined {
    for (const table of this.#names()) {
      const key = keys.find((each) => KINDS.some((kind) => this.#has(table, `${kind}${isIpv4(each) ? 4 : 6}`, each)));
      if (key !== undefined) return { key, table };
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

  #has(table: string, set: string, key: string): boolean {
    try {
      const question = elementQuestion(this.own.family, table, set, key);
      this.socket.question(`look into ${table}`, NftMessage.GET_ELEMENT, question);
      return true;
    } catch (error) {
      // Neither this element, nor perhaps this table any more; or one whose sets are others.
      if (error instanceof NetlinkError && ['ENOENT', 'EINVAL'].includes(error.code)) return false;
      throw error;
    }
  }
}
