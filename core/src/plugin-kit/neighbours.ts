import ipaddr from 'ipaddr.js';
import { netlinkAttribute, netlinkAttributes } from './netlink-messages.js';
import { CREATE_OR_REPLACE, NetlinkSocket } from './netlink-socket.js';
import { isUnicastMac } from './unicast-mac.js';

/** Constants and layouts of rtnetlink(7). */
const NETLINK_ROUTE = 0;
const { RTM_GETLINK, RTM_GETROUTE, RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH } = {
  ...{ RTM_GETLINK: 18, RTM_GETROUTE: 26, RTM_NEWNEIGH: 28, RTM_DELNEIGH: 29, RTM_GETNEIGH: 30 },
};
const { AF_INET, AF_INET6 } = { AF_INET: 2, AF_INET6: 10 };

const LINK = 16;
const { ARPHRD_ETHER, IFF_LOOPBACK, IFF_POINTOPOINT, IFF_NOARP } = {
  ...{ ARPHRD_ETHER: 1, IFF_LOOPBACK: 0x08, IFF_POINTOPOINT: 0x10, IFF_NOARP: 0x80 },
};

const ROUTE = 12;
const { RTN_UNICAST, RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_VIA } = {
  ...{ RTN_UNICAST: 1, RTA_DST: 1, RTA_OIF: 4, RTA_GATEWAY: 5, RTA_VIA: 18 },
};

const NEIGHBOUR = 12;
const { NDA_DST, NDA_LLADDR } = { NDA_DST: 1, NDA_LLADDR: 2 };
const { NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE, NUD_DELAY } = {
  ...{ NUD_INCOMPLETE: 0x01, NUD_REACHABLE: 0x02, NUD_STALE: 0x04, NUD_DELAY: 0x08 },
};
const { NUD_PROBE, NUD_NOARP, NUD_PERMANENT } = { NUD_PROBE: 0x10, NUD_NOARP: 0x40, NUD_PERMANENT: 0x80 };
const { NTF_USE, NTF_PROXY, NTF_EXT_LEARNED, NTF_ROUTER } = {
  ...{ NTF_USE: 0x01, NTF_PROXY: 0x08, NTF_EXT_LEARNED: 0x10, NTF_ROUTER: 0x80 },
};
const HAS_MAC = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

/** The number of interfaces that are remembered. */
const MOST_LINKS = 1_000;

/** What the kernel knows of the machine with an address. */
export type NeighbourKnowledge =
  /** There is none: the address is this host's own, or behind a router, or no Ethernet leads to it. */
  | 'elsewhere'
  /** People, or a program that looks after it, have said where the machine is. */
  | 'fixed'
  /** It is asking where the machine is. */
  | 'asking'
  /** It has not asked where the machine is, or has got no answer. */
  | 'unknown'
  | { readonly mac: string; readonly reachable: boolean };

interface Entry {
  readonly state: number;
  readonly flags: number;
  readonly mac: string;
}

/**
 * The machines that this host reaches by Ethernet, as the kernel knows them by ARP (RFC 826) and neighbour discovery
 * (RFC 4861). To tell it something takes CAP_NET_ADMIN, from the moment when this is opened.
 */
export class Neighbours implements Disposable {
  /** Whether an interface is Ethernet, by its number, which no later one gets. */
  readonly #links = new Map<number, boolean>();

  private constructor(private readonly socket: NetlinkSocket) {}

  /** @throws as {@link NetlinkSocket.open} */
  static async open(): Promise<Neighbours> {
    return new Neighbours(await NetlinkSocket.open(NETLINK_ROUTE));
  }

  /** @throws the system's error, with its `code` */
  knowledge(address: string): NeighbourKnowledge {
    const bytes = bytesOf(address);
    const link = bytes && this.#linkTo(bytes);
    if (link === undefined) return 'elsewhere';
    const entry = this.#entry(link, bytes as Buffer);
    if (isFixed(entry)) return 'fixed';
    if (entry === undefined || (entry.state & (HAS_MAC | NUD_INCOMPLETE)) === 0) return 'unknown';
    if ((entry.state & NUD_INCOMPLETE) !== 0) return 'asking';
    return { mac: entry.mac, reachable: (entry.state & NUD_REACHABLE) !== 0 };
  }

  /**
   * Tells the kernel where the machine is, as if it had answered a moment ago: what waits for it is sent, and the kernel
   * will ask for it again. What is fixed, or not to be had by Ethernet, is left as it is.
   * @throws the system's error, with its `code`: EPERM where this process may not; RangeError for what is no MAC address
   * of one machine
   */
  tell(address: string, mac: string): void {
    if (!isUnicastMac(mac)) throw new RangeError(`'${mac}' is no MAC address of one machine`);
    this.#change(address, (link, bytes, entry) => {
      const flags = (entry?.flags ?? 0) & NTF_ROUTER;
      const lladdr = netlinkAttribute(NDA_LLADDR, Buffer.from(mac.replaceAll(':', ''), 'hex'));
      this.#put(link, bytes, NUD_REACHABLE, flags, lladdr);
    });
  }

  /**
   * Has the kernel forget what it knows of the machine, and ask for it. What is fixed, or not to be had by Ethernet, is
   * left as it is.
   * @throws the system's error, with its `code`: EPERM where this process may not
   */
  ask(address: string): void {
    this.#change(address, (link, bytes, entry) => {
      if (entry !== undefined) this.socket.request(RTM_DELNEIGH, 0, message(link, bytes, 0, 0));
      this.#put(link, bytes, 0, NTF_USE);
    });
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  #change(address: string, change: (link: number, bytes: Buffer, entry: Entry | undefined) => void): void {
    const bytes = bytesOf(address);
    const link = bytes && this.#linkTo(bytes);
    if (bytes === undefined || link === undefined) return;
    const entry = this.#entry(link, bytes);
    if (!isFixed(entry)) change(link, bytes, entry);
  }

  #put(link: number, bytes: Buffer, state: number, flags: number, lladdr: Buffer = Buffer.alloc(0)): void {
    const body = Buffer.concat([message(link, bytes, state, flags), lladdr]);
    this.socket.request(RTM_NEWNEIGH, CREATE_OR_REPLACE, body);
  }

  /** The number of the Ethernet interface by which a machine is reached without a router. */
  #linkTo(bytes: Buffer): number | undefined {
    const route = Buffer.alloc(ROUTE);
    route.writeUInt8(familyOf(bytes), 0);
    route.writeUInt8(bytes.length * 8, 1);
    let link: number | undefined;
    const body = Buffer.concat([route, netlinkAttribute(RTA_DST, bytes)]);
    const isThere = this.#look(RTM_GETROUTE, body, (found) => {
      const attributes = netlinkAttributes(found, ROUTE);
      const isDirect = !attributes.has(RTA_GATEWAY) && !attributes.has(RTA_VIA);
      // An address of this host is RTN_LOCAL.
      if (isDirect && found.readUInt8(7) === RTN_UNICAST) link = attributes.get(RTA_OIF)?.readInt32LE(0);
    });
    return isThere && link !== undefined && this.#isEthernet(link) ? link : undefined;
  }

  #isEthernet(link: number): boolean {
    const known = this.#links.get(link);
    if (known !== undefined) return known;
    const request = Buffer.alloc(LINK);
    request.writeInt32LE(link, 4);
    let isEthernet = false;
    this.#look(RTM_GETLINK, request, (found) => {
      const flags = found.readUInt32LE(8);
      isEthernet =
        found.readUInt16LE(2) === ARPHRD_ETHER && (flags & (IFF_LOOPBACK | IFF_POINTOPOINT | IFF_NOARP)) === 0;
    });
    if (this.#links.size >= MOST_LINKS) this.#links.clear();
    this.#links.set(link, isEthernet);
    return isEthernet;
  }

  #entry(link: number, bytes: Buffer): Entry | undefined {
    let entry: Entry | undefined;
    this.#look(RTM_GETNEIGH, message(link, bytes, 0, 0), (found) => {
      const mac = netlinkAttributes(found, NEIGHBOUR).get(NDA_LLADDR)?.toString('hex') ?? '';
      const pairs = mac.match(/../g)?.join(':') ?? '';
      entry = { state: found.readUInt16LE(8), flags: found.readUInt8(10), mac: pairs };
    });
    return entry;
  }

  /** Returns whether there is anything. */
  #look(type: number, body: Buffer, each: (found: Buffer) => void): boolean {
    try {
      this.socket.request(type, 0, body, ({ body: found }) => each(found));
      return true;
    } catch (error) {
      if (NOT_THERE.has((error as NodeJS.ErrnoException).code)) return false;
      throw error;
    }
  }
}

/** What the kernel says where there is no such route (unreachable, prohibited, a black hole), interface or neighbour. */
const NOT_THERE: ReadonlySet<string | undefined> = new Set([
  ...['ENOENT', 'ENODEV', 'ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL', 'ENETDOWN'],
]);

function isFixed(entry: Entry | undefined): boolean {
  if (entry === undefined) return false;
  return (entry.state & (NUD_PERMANENT | NUD_NOARP)) !== 0 || (entry.flags & (NTF_PROXY | NTF_EXT_LEARNED)) !== 0;
}

/** `undefined` for an address that means something on one link only. */
function bytesOf(address: string): Buffer | undefined {
  if (address.includes('%')) return undefined;
  const parsed = ipaddr.process(address);
  return parsed.range() === 'linkLocal' && parsed.kind() === 'ipv6' ? undefined : Buffer.from(parsed.toByteArray());
}

function familyOf(bytes: Buffer): number {
  return bytes.length === 4 ? AF_INET : AF_INET6;
}

/** An ndmsg with the address. */
function message(link: number, bytes: Buffer, state: number, flags: number): Buffer {
  const neighbour = Buffer.alloc(NEIGHBOUR);
  neighbour.writeUInt8(familyOf(bytes), 0);
  neighbour.writeInt32LE(link, 4);
  neighbour.writeUInt16LE(state, 8);
  neighbour.writeUInt8(flags, 10);
  return Buffer.concat([neighbour, netlinkAttribute(NDA_DST, bytes)]);
}
