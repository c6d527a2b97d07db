import { attribute, be32, be64, nested, textAttribute, wordAttribute } from './attributes.js';
import { Netlink, netfilterHeader } from './netlink-message.js';

/** Messages that change a table of nftables (linux/netfilter/nf_tables.h). */

/** The families of tables. */
export const Family = { INET: 1, IPV4: 2, IPV6: 10, BRIDGE: 7 } as const;

export const Hook = { PREROUTING: 0, INPUT: 1, FORWARD: 2, OUTPUT: 3, POSTROUTING: 4 } as const;

export const SetFlag = { INTERVAL: 0x04, TIMEOUT: 0x10, DYNAMIC: 0x20, CONCATENATED: 0x80 } as const;

/** The numbers of types, which only the program nft needs, to show what is in a set. */
export const KeyType = { IPV4: 7, IPV6: 8, MAC: 9, PROTOCOL: 12, PORT: 13, USER: 24 } as const;

const TYPE_BITS = 6;

const NFTABLES = 10;
const nftType = (type: number): number => (NFTABLES << 8) | type;

export const NftMessage = {
  BEGIN: 0x10,
  END: 0x11,
  NEW_TABLE: nftType(0),
  GET_TABLE: nftType(1),
  NEW_CHAIN: nftType(3),
  DELETE_CHAIN: nftType(5),
  NEW_RULE: nftType(6),
  NEW_SET: nftType(9),
  NEW_ELEMENT: nftType(12),
  GET_ELEMENT: nftType(13),
  DELETE_ELEMENT: nftType(14),
  NEW_OBJECT: nftType(18),
  GET_OBJECT: nftType(19),
  GET_FLOWTABLE: nftType(23),
} as const;

/** The table ends with the socket that has made it, and nobody else can change it (Linux 5.12). */
const OWNER = 2;

const COUNTER = 1;
const INTERVAL_END = 1;

/** The most bytes of elements in one message: a length has 16 bits. */
const MOST_ELEMENTS = 60_000;

/** One change: the type, the flags and the body of its message, and words for it in an error. */
export interface Change {
  readonly doing: string;
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

export interface SetDefinition {
  readonly name: string;
  /** The types of the parts of its keys, each with its length in bytes. */
  readonly parts: readonly (readonly [type: number, length: number])[];
  readonly flags?: number;
  /** How long elements stay, in milliseconds. */
  readonly timeout?: number;
  /** The most elements. */
  readonly size?: number;
}

export interface Base {
  readonly hook: number;
  readonly priority: number;
}

/** Writes changes of one table. */
export class NftTable {
  #setId = 0;

  constructor(
    readonly family: number,
    readonly name: string,
  ) {}

  create(): Change {
    return this.#change('make the table', NftMessage.NEW_TABLE, Netlink.CREATE | Netlink.EXCLUSIVE, [
      textAttribute(1, this.name),
      wordAttribute(2, OWNER),
    ]);
  }

  set({ name, parts, flags = 0, timeout, size }: SetDefinition): Change {
    this.#setId += 1;
    const length = parts.reduce((sum, part) => sum + part[1], 0);
    const type = parts.reduce((types, part) => (types << TYPE_BITS) | part[0], 0);
    const isConcatenated = parts.length > 1 && (flags & SetFlag.INTERVAL) !== 0;
    const description = [
      ...(size === undefined ? [] : [wordAttribute(1, size)]),
      ...(isConcatenated ? [nested(2, ...parts.map((part) => nested(1, wordAttribute(1, part[1]))))] : []),
    ];
    return this.#change(`make the set ${name}`, NftMessage.NEW_SET, Netlink.CREATE, [
      ...[textAttribute(1, this.name), textAttribute(2, name), wordAttribute(3, flags)],
      ...[wordAttribute(4, type), wordAttribute(5, length), wordAttribute(10, this.#setId)],
      ...(description.length === 0 ? [] : [nested(9, ...description)]),
      ...(timeout === undefined ? [] : [attribute(11, be64(timeout))]),
    ]);
  }

  counter(name: string): Change {
    return this.#change(`make the counter ${name}`, NftMessage.NEW_OBJECT, Netlink.CREATE, [
      ...[textAttribute(1, this.name), textAttribute(2, name), wordAttribute(3, COUNTER)],
      nested(4, attribute(1, be64(0)), attribute(2, be64(0))),
    ]);
  }

  /** @param base where packets come into it; absent for one that others jump to */
  chain(name: string, base?: Base): Change {
    return this.#change(`make the chain ${name}`, NftMessage.NEW_CHAIN, Netlink.CREATE, [
      ...[textAttribute(1, this.name), textAttribute(3, name)],
      ...(base === undefined
        ? []
        : [nested(4, wordAttribute(1, base.hook), wordAttribute(2, base.priority)), textAttribute(7, 'filter')]),
    ]);
  }

  deleteChain(name: string): Change {
    return this.#change(`delete the chain ${name}`, NftMessage.DELETE_CHAIN, 0, [
      textAttribute(1, this.name),
      textAttribute(3, name),
    ]);
  }

  /** Adds a rule behind all others of the chain. */
  rule(chain: string, ...expressions: readonly Uint8Array[]): Change {
    return this.#rule(Netlink.APPEND, chain, expressions);
  }

  /** Adds a rule before all others of the chain. */
  firstRule(chain: string, ...expressions: readonly Uint8Array[]): Change {
    return this.#rule(0, chain, expressions);
  }

  #rule(where: number, chain: string, expressions: readonly Uint8Array[]): Change {
    return this.#change(`add a rule to ${chain}`, NftMessage.NEW_RULE, Netlink.CREATE | where, [
      ...[textAttribute(1, this.name), textAttribute(2, chain)],
      nested(4, ...expressions),
    ]);
  }

  /** Adds keys to a set, in as many messages as it takes; each has a byte in each character. */
  add(set: string, keys: readonly string[]): Change[] {
    return this.#elements(`add to ${set}`, NftMessage.NEW_ELEMENT, Netlink.CREATE, set, keys);
  }

  /** Takes keys out of a set. All of them must be in it. */
  remove(set: string, keys: readonly string[]): Change[] {
    return this.#elements(`take out of ${set}`, NftMessage.DELETE_ELEMENT, 0, set, keys);
  }

  /** Adds ranges, which must not touch: each by its first key, and the first behind it unless there is none. */
  addRanges(set: string, ranges: readonly (readonly [first: Uint8Array, behind: Uint8Array | undefined])[]): Change {
    const elements = ranges.flatMap(([first, behind]) => [
      nested(1, nested(1, attribute(1, first))),
      ...(behind === undefined ? [] : [nested(1, wordAttribute(3, INTERVAL_END), nested(1, attribute(1, behind)))]),
    ]);
    return this.#change(`add to ${set}`, NftMessage.NEW_ELEMENT, Netlink.CREATE, [
      ...[textAttribute(1, this.name), textAttribute(2, set)],
      nested(3, ...elements),
    ]);
  }

  #elements(doing: string, type: number, flags: number, set: string, keys: readonly string[]): Change[] {
    const each = elementSize(keys[0] ?? '');
    const most = Math.floor(MOST_ELEMENTS / each);
    const changes: Change[] = [];
    for (let from = 0; from < keys.length; from += most) {
      const some = keys.slice(from, from + most);
      changes.push(
        this.#change(doing, type, flags, [
          ...[textAttribute(1, this.name), textAttribute(2, set)],
          nested(3, writeElements(some, each)),
        ]),
      );
    }
    return changes;
  }

  #change(doing: string, type: number, flags: number, attributes: readonly Uint8Array[]): Change {
    return { doing, type, flags, body: Buffer.concat([netfilterHeader(this.family), ...attributes]) };
  }
}

/** How many bytes an element with this key takes in a message. */
export function elementSize(key: string): number {
  return 12 + ((key.length + 3) & ~3);
}

/** All at once: one buffer for each of them would take longer than the kernel does. */
function writeElements(keys: readonly string[], each: number): Buffer {
  const bytes = Buffer.alloc(keys.length * each);
  let at = 0;
  for (const key of keys) {
    bytes.writeUInt16LE(each, at);
    bytes.writeUInt16LE(0x8001, at + 2);
    bytes.writeUInt16LE(each - 4, at + 4);
    bytes.writeUInt16LE(0x8001, at + 6);
    bytes.writeUInt16LE(4 + key.length, at + 8);
    bytes.writeUInt16LE(1, at + 10);
    bytes.write(key, at + 12, 'latin1');
    at += each;
  }
  return bytes;
}

/** The body of a question for one element of a set, by its key with a byte in each character. */
export function elementQuestion(family: number, table: string, set: string, key: string): Buffer {
  return Buffer.concat([
    netfilterHeader(family),
    ...[textAttribute(1, table), textAttribute(2, set)],
    nested(3, nested(1, nested(1, attribute(1, Buffer.from(key, 'latin1'))))),
  ]);
}

/** The body of a question for all elements of a set. */
export function elementsQuestion(family: number, table: string, set: string): Buffer {
  return Buffer.concat([netfilterHeader(family), textAttribute(1, table), textAttribute(2, set)]);
}

/** The body of a question for a counter. */
export function counterQuestion(family: number, table: string, name: string): Buffer {
  return Buffer.concat([
    netfilterHeader(family),
    ...[textAttribute(1, table), textAttribute(2, name), attribute(3, be32(COUNTER))],
  ]);
}
