import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsQuery } from '../../contracts/resolver.js';
import { HEADER_LENGTH, HeaderFlag, readRcode, isTruncated } from '../wire/header.js';
import { LaidOutAnswer, layoutOf } from '../wire/message-sections.js';
import { Rcode } from '../wire/dns-parameters.js';
import { Due } from './deadlines.js';
import { StreamQuery } from './stream-query.js';
import type { UdpSocket } from './udp-socket.js';
import type { Upstream } from './upstream.js';
import { upstreamQuery } from './upstream-query.js';
import { replyKind } from './upstream-reply.js';
import type { Waiting } from './waiting.js';

/** So many messages that are no answer at the port where a query waits, and it is asked by TCP, which is hard to forge. */
const MOST_SUSPICIONS = 3;

/** Who wants an upstream's answer. Hears of one thing, once. */
export interface Asker {
  /** A whole and well-formed reply to the question, in the asker's own case; it is the asker's to keep. */
  answered(reply: LaidOutAnswer): void;
  failed(reason: Error): void;
}

/**
 * One query put to one upstream: over UDP, once more if nothing comes for long; over TCP what is cut, smells of forgery,
 * or has lost its case; without EDNS where that is not known. All of it within one time.
 */
export class UpstreamExchange extends Due implements Waiting {
  private startedAt: Milliseconds = 0;
  private latest: Milliseconds = 0;
  private message: Uint8Array = EMPTY;
  private edns = true;
  private mixed = false;
  private socket: UdpSocket | undefined;
  private id = 0;
  private stream: StreamQuery | undefined;
  /** When it was put to the transport that it is on. */
  private sentAt: Milliseconds = 0;
  private repeated = false;
  private suspicions = 0;
  /** Whether it was asked by TCP for the case only, so that UDP will do where there is no TCP. */
  private forCase = false;
  private over = false;

  constructor(
    private readonly query: DnsQuery,
    private readonly upstream: Upstream,
    private readonly asker: Asker,
  ) {
    super();
  }

  start(): void {
    const { around, habits, udp } = this.upstream;
    this.startedAt = around.clock.now();
    this.latest = this.startedAt + around.timeout;
    this.edns = habits.knowsEdns(this.startedAt);
    if (udp === undefined) this.askByStream();
    else this.askByUdp(habits.keepsCase(this.startedAt), this.startedAt);
  }

  /** Nobody wants the answer any more. */
  cancel(): void {
    this.leave();
  }

  heard(message: Uint8Array): void {
    const { habits, health, around } = this.upstream;
    const kind = replyKind(this.message, message);
    if (kind === 'foreign') return this.suspect();
    if (this.socket !== undefined) {
      if (!this.repeated) health.answered(around.clock.now() - this.sentAt);
      if (kind === 'other-case' && this.mixed) {
        habits.changedCase();
        this.forCase = true;
        return this.askByStream();
      }
      if (this.mixed) habits.keptCase();
      if (isTruncated(message)) return this.askByStream();
    }
    this.take(message);
  }

  suspect(): void {
    if (this.socket === undefined) return;
    this.suspicions += 1;
    if (this.suspicions === MOST_SUSPICIONS) this.askByStream();
  }

  lost(reason: Error): void {
    // Where there is no TCP, the answer of a server that changes the case must do.
    if (this.forCase && this.upstream.udp !== undefined) {
      this.forCase = false;
      this.askByUdp(false, this.upstream.around.clock.now());
    } else this.fail(reason);
  }

  onDue(now: Milliseconds): void {
    const { streams, around } = this.upstream;
    if (now >= this.latest) {
      const { stream, sentAt } = this;
      this.fail(new Error(`no answer within ${around.timeout / 1_000} s`));
      if (stream !== undefined) streams.doubt(sentAt);
      return;
    }
    this.due = this.latest;
    this.repeated = true;
    this.socket?.send(this.message);
  }

  private askByUdp(mixed: boolean, now: Milliseconds): void {
    const { around, health, udp } = this.upstream;
    this.leaveTransport();
    this.mixed = mixed;
    this.message = upstreamQuery(this.query, { edns: this.edns, caseFrom: mixed ? around.random : undefined });
    this.repeated = false;
    this.sentAt = now;
    this.due = Math.min(this.latest, this.sentAt + health.repeatAfter(around.timeout / 2));
    around.deadlines.add(this);
    this.socket = udp?.pick(this.sentAt);
    this.id = this.socket?.ask(this.message, this) ?? 0;
  }

  private askByStream(): void {
    const { around, streams } = this.upstream;
    this.leaveTransport();
    this.message = upstreamQuery(this.query, { edns: this.edns });
    this.due = this.latest;
    this.sentAt = around.clock.now();
    around.deadlines.add(this);
    this.stream = new StreamQuery(this.message, this);
    streams.send(this.stream);
  }

  private take(message: Uint8Array): void {
    const { habits, health } = this.upstream;
    const layout = layoutOf(message);
    if (layout === undefined) return this.fail(new Error('its answer is malformed'));
    if (this.edns && layout.opt === undefined && readRcode(message) === Rcode.FormatError) {
      habits.refusedEdns();
      this.edns = false;
      if (this.socket === undefined) this.askByStream();
      else this.askByUdp(this.mixed, this.upstream.around.clock.now());
      return;
    }
    const extendedRcode = layout.opt?.extendedRcode ?? 0;
    if (extendedRcode !== 0) {
      return this.fail(new Error(`it answered with the code ${(extendedRcode << 4) | readRcode(message)}`));
    }
    health.answered();
    this.leave();
    const { message: asked } = this.query;
    for (let index = HEADER_LENGTH; index < layout.questionEnd; index++) message[index] = asked[index] as number;
    // Who passes an answer on has no authority for it (RFC 1034, 4.3.1).
    message[2] = (message[2] as number) & ~(HeaderFlag.Authoritative >> 8);
    this.asker.answered(new LaidOutAnswer(message, layout));
  }

  private fail(reason: Error): void {
    if (this.over) return;
    const { around, health } = this.upstream;
    this.leave();
    health.failed(this.startedAt, around.clock.now(), reason);
    this.asker.failed(reason);
  }

  private leave(): void {
    this.over = true;
    this.leaveTransport();
    this.upstream.around.deadlines.delete(this);
  }

  private leaveTransport(): void {
    this.socket?.release(this.id);
    this.socket = undefined;
    this.stream?.abandon();
    this.stream = undefined;
  }
}

const EMPTY = new Uint8Array();
