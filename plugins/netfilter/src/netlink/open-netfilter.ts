import { addressRanges } from './address-ranges.js';
import { BridgeTable } from './bridge-table.js';
import { FrameOutlet } from './frame-outlet.js';
import { FrameQueue } from './frame-queue.js';
import { HolderPair } from './holder-pair.js';
import { Netfilter, RUNGS, type Rung } from './netfilter.js';
import { NetlinkError } from './netlink-error.js';
import { NetlinkSocket } from './netlink-socket.js';
import { toLog, toQueue, toQueueByTarget, Verdict, verdict } from './nft-expressions.js';
import { Family, NftTable } from './nft-messages.js';
import { commit } from './nft-transaction.js';
import { TABLE_PREFIX } from './other-tables.js';
import type { PacketHolder } from './packet-holder.js';
import { LONGEST_COPY, PacketLog } from './packet-log.js';
import { PacketOutlet } from './packet-outlet.js';
import { PacketQueue } from './packet-queue.js';
import { PacketSender } from './packet-sender.js';
import { loadSystemCalls, type SystemCalls } from './system-calls.js';
import { deliveryMark, payloadTrial, refusalMark, tableLayout, type LayoutOptions } from './table-layout.js';

/** The mark of probes, and of packets that are sent again, where none is given. */
const USUAL_MARK = 0x4a69_7473;

/** How long traffic is remembered, and within which datagrams count, in milliseconds. */
const MEMORY = 900_000;
const WINDOW = 60_000;

const ROOM = 262_144;

export interface NetfilterOptions {
  /** What names the table: the process id of Jitsu. */
  readonly instance: number;
  /** The packets of readiness probes have this mark (SO_MARK). */
  readonly mark?: number | undefined;
  /** The bridges on which packets from one port to another are held, too. */
  readonly bridges?: readonly string[] | undefined;
  /** Networks whose clients do not count as use, as ADDRESS/LENGTH. */
  readonly ignored?: readonly string[] | undefined;
  /** How long traffic is remembered, in milliseconds: the longest time for which an idle connection counts. */
  readonly memory?: number | undefined;
  /** Within which datagrams go in both directions where they count, in milliseconds. */
  readonly window?: number | undefined;
  /** The most clients that are known at once. Where there are more, the traffic is not known for a while. */
  readonly room?: number | undefined;
  /** Those that are tried, in this order. */
  readonly rungs?: readonly Rung[] | undefined;
}

interface OpenHolder {
  readonly holder: PacketHolder;
  /** The expressions by which a rule gives it packets. */
  readonly hold: readonly Uint8Array[];
}

interface RungOptions {
  readonly instance: number;
  readonly mark: number;
  readonly rungs: readonly Rung[];
  readonly layout: Omit<LayoutOptions, 'hold' | 'takesAway'>;
}

/**
 * Makes the table of this Jitsu, by the first rung that the kernel has. It takes CAP_NET_ADMIN, the last rung CAP_NET_RAW
 * as well. @throws NetlinkError, and the loader's error where koffi is missing
 */
export async function openNetfilter(options: NetfilterOptions): Promise<Netfilter> {
  const calls = await loadSystemCalls();
  const socket = NetlinkSocket.open(calls).limitWaiting();
  try {
    return fillTable(calls, socket, options);
  } catch (error) {
    socket[Symbol.dispose]();
    throw error;
  }
}

function fillTable(calls: SystemCalls, socket: NetlinkSocket, options: NetfilterOptions): Netfilter {
  const {
    instance,
    mark = USUAL_MARK,
    bridges = [],
    ignored = [],
    memory = MEMORY,
    window = WINDOW,
    room = ROOM,
    rungs = RUNGS,
  } = options;
  const table = new NftTable(Family.INET, `${TABLE_PREFIX}${instance}`);
  commit(socket, [table.create()]);
  const seesPayload = isPossible(socket, table);
  const layout = { mark, bridges, ignored: addressRanges(ignored), memory, window, room, seesPayload };
  const { rung, holder, whole } = fillByRung(calls, socket, table, { instance, mark, rungs, layout });
  const sender = openSender(calls);
  if (bridges.length === 0) return new Netfilter(rung, socket, table, holder, whole, sender);
  try {
    const onBridges = openBridges(calls, socket, { instance, rungs }, whole);
    if (typeof onBridges === 'string') return new Netfilter(rung, socket, table, holder, whole, sender, onBridges);
    const both = new HolderPair(holder, onBridges.holder);
    return new Netfilter(rung, socket, table, both, whole, sender, onBridges.table);
  } catch (error) {
    sender?.[Symbol.dispose]();
    holder[Symbol.dispose]();
    throw error;
  }
}

/** Fills the table, which was empty, by the first rung that the kernel has. */
function fillByRung(
  calls: SystemCalls,
  socket: NetlinkSocket,
  table: NftTable,
  { instance, mark, rungs, layout }: RungOptions,
): { readonly rung: Rung; readonly holder: PacketHolder; readonly whole: LayoutOptions } {
  const refusals: string[] = [];
  for (const rung of rungs) {
    try {
      const { holder, hold } = openHolder(rung, calls, instance, mark);
      try {
        const whole = { ...layout, hold, takesAway: rung === 'NFLOG' };
        commit(socket, tableLayout(table, whole));
        return { rung, holder, whole };
      } catch (error) {
        holder[Symbol.dispose]();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      refusals.push(`${rung}: ${error.message}`);
    }
  }
  throw new NetlinkError('hold packets', 'ENOTSUP', refusals.join('; '));
}

function openHolder(rung: Rung, calls: SystemCalls, instance: number, mark: number): OpenHolder {
  if (rung === 'NFLOG') {
    const outlet = new PacketOutlet(calls, { pass: deliveryMark(mark), refuse: refusalMark(mark) });
    const holder = PacketLog.open(calls, instance, outlet);
    return { holder, hold: [toLog(holder.group, LONGEST_COPY), verdict(Verdict.DROP)] };
  }
  const holder = PacketQueue.open(calls, instance, refusalMark(mark));
  return { holder, hold: [rung === 'nft queue' ? toQueue(holder.number) : toQueueByTarget(holder.number)] };
}

/** `undefined` without the right to send packets of others (CAP_NET_RAW). */
function openSender(calls: SystemCalls): PacketSender | undefined {
  try {
    return PacketSender.open(calls);
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

/**
 * The table of what crosses bridges. Its packets are held in the queue of nftables, or as copies: that of iptables is not
 * for bridges. @returns why there is none where the kernel has no such tables @throws NetlinkError without CAP_NET_RAW
 */
function openBridges(
  calls: SystemCalls,
  socket: NetlinkSocket,
  { instance, rungs }: Pick<RungOptions, 'instance' | 'rungs'>,
  layout: Omit<LayoutOptions, 'hold'>,
): { readonly table: BridgeTable; readonly holder: PacketHolder } | string {
  // Without this right all fails, whatever the kernel has.
  FrameOutlet.open(calls)[Symbol.dispose]();
  const table = new NftTable(Family.BRIDGE, `${TABLE_PREFIX}${instance}`);
  const refusals: string[] = [];
  try {
    commit(socket, [table.create()]);
    for (const open of [...(rungs.includes('nft queue') ? [openFrameQueue] : []), openFrameLog]) {
      const { holder, hold } = open(calls, instance);
      try {
        return { table: new BridgeTable(socket, table, { ...layout, hold }), holder };
      } catch (error) {
        holder[Symbol.dispose]();
        if (!(error instanceof NetlinkError)) throw error;
        refusals.push(error.message);
      }
    }
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    refusals.push(error.message);
  }
  return `what crosses bridges is held and counted only where br_netfilter is on: ${refusals.join('; ')}`;
}

function openFrameQueue(calls: SystemCalls, instance: number): OpenHolder {
  const outlet = FrameOutlet.open(calls);
  try {
    const queue = PacketQueue.open(calls, instance, 0);
    return { holder: new FrameQueue(queue, outlet), hold: [toQueue(queue.number)] };
  } catch (error) {
    outlet[Symbol.dispose]();
    throw error;
  }
}

function openFrameLog(calls: SystemCalls, instance: number): OpenHolder {
  const holder = PacketLog.open(calls, instance, FrameOutlet.open(calls));
  return { holder, hold: [toLog(holder.group, LONGEST_COPY), verdict(Verdict.DROP)] };
}

/** Whether the kernel takes a rule that looks at payloads. */
function isPossible(socket: NetlinkSocket, table: NftTable): boolean {
  try {
    commit(socket, [table.chain('trial'), table.rule('trial', ...payloadTrial())]);
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  }
  commit(socket, [table.deleteChain('trial')]);
  return true;
}
