import { headerLength, packetBack } from './packet-back.js';
import type { PacketView } from './packet-view.js';

/** The most connections that are remembered. */
const MOST_FLOWS = 4_096;

/** Within this time an answer may have been an error, and its client says so; keep-alives come each second at most. */
const OBJECTION = 500;

/** Within this time a client asks again that has not taken the answer for one, in milliseconds. */
const REPETITION = 10_000;

/** Of a segment that acknowledges, in TCP (RFC 9293, 3.1). */
const ACK = 0x10;

/**
 * What a client may send at once after an answer: some segments, whether or not it takes the number as one that is to be
 * scaled (RFC 7323, 2).
 */
const WINDOW = 4_096;

/** The option with the times of both ends (RFC 7323, 3). */
const TIMESTAMPS = 8;
const TIMESTAMPS_LENGTH = 10;
const NO_OPERATION = 1;
const END_OF_OPTIONS = 0;

const HEADER = 20;

interface Acknowledged {
  /** Of the last segment of this kind. */
  sequence: number;
  /** When that was answered last, in milliseconds. */
  at: number;
  /** Whether the client goes on with this number: then it was no keep-alive, whose number is the one before. */
  isNext: boolean;
}

/**
 * Answers in place of a machine that is suspended who asks whether a connection is still there (RFC 9293, 3.8.4), so that
 * this neither wakes the machine nor ends the connection.
 *
 * A keep-alive looks like any acknowledgement, except that its number is one less than that of what follows. So it is taken
 * for one until its client objects to the answer, which says that this number has arrived: that ends it, as an
 * acknowledgement wants no answer.
 *
 * A byte may be one that is sent again, or the next one, by which some systems ask whether the machine has room for it. It
 * is not acknowledged, since nothing would send it again: the answer says what the machine waits for, and that it has room.
 */
export class KeepAlives {
  readonly #flows = new Map<string, Acknowledged>();

  /**
   * @param packet from its IP header on, without payload as `view.isBare` says
   * @param now in milliseconds
   * @returns the whole packet of the answer, with its checksums left out; `undefined` where there is none; `machine` where
   * the client has had one, and asks on: only the machine itself can answer
   */
  answer(packet: Buffer, view: PacketView, now: number): Buffer | 'machine' | undefined {
    const flow = `${view.source} ${view.sourcePort} ${view.destination} ${view.port}`;
    const known = this.#flows.get(flow);
    const payload = payloadOf(packet, view);
    if (known?.sequence === view.sequence && payload > 0) {
      if (now - known.at < REPETITION) return 'machine';
    } else if (known?.sequence === view.sequence) {
      known.isNext ||= now - known.at < OBJECTION;
      if (known.isNext) return undefined;
    }
    const answer = answerTo(packet, view, payload === 0 ? 1 : 0);
    if (answer === undefined) return undefined;
    this.#flows.delete(flow);
    this.#flows.set(flow, { sequence: view.sequence, at: now, isNext: false });
    for (const oldest of this.#flows.keys()) {
      if (this.#flows.size <= MOST_FLOWS) break;
      this.#flows.delete(oldest);
    }
    return answer;
  }
}

/** The length of its payload, which is short. */
function payloadOf(packet: Buffer, view: PacketView): number {
  const header = headerLength(packet, view);
  const size = view.source.length === 8 ? packet.readUInt16BE(2) - header : packet.readUInt16BE(4);
  return size - ((packet[header + 12] as number) >> 4) * 4;
}

/**
 * All that it says follows from what the client has sent: what it waits for, and what is waited for.
 * @param next how far behind the number of this segment that is
 */
function answerTo(packet: Buffer, view: PacketView, next: 0 | 1): Buffer | undefined {
  const segment = packet.subarray(headerLength(packet, view));
  if (segment.length < HEADER) return undefined;
  const times = timesOf(segment.subarray(HEADER, ((segment[12] as number) >> 4) * 4));
  const length = times === undefined ? HEADER : HEADER + 12;
  const tcp = Buffer.alloc(length);
  segment.copy(tcp, 0, 2, 4);
  segment.copy(tcp, 2, 0, 2);
  segment.copy(tcp, 4, 8, 12);
  tcp.writeUInt32BE((segment.readUInt32BE(4) + next) >>> 0, 8);
  tcp[12] = (length / 4) << 4;
  tcp[13] = ACK;
  tcp.writeUInt16BE(WINDOW, 14);
  if (times !== undefined) {
    tcp.set([NO_OPERATION, NO_OPERATION, TIMESTAMPS, TIMESTAMPS_LENGTH], HEADER);
    // What it has heard last of the machine's clock, and its own.
    times.copy(tcp, HEADER + 4, 4, 8);
    times.copy(tcp, HEADER + 8, 0, 4);
  }
  return packetBack(view, tcp);
}

/** The times among these options, as they were sent: the client's own, and the one that it has heard. */
function timesOf(options: Buffer): Buffer | undefined {
  let at = 0;
  while (at < options.length && options[at] !== END_OF_OPTIONS) {
    if (options[at] === NO_OPERATION) {
      at += 1;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return undefined;
    if (options[at] === TIMESTAMPS && length === TIMESTAMPS_LENGTH) return options.subarray(at + 2, at + length);
    at += length;
  }
  return undefined;
}
