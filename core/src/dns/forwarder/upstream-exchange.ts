import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsQuery } from '../../contracts/resolver.js';
import { Rcode } from '../wire/dns-parameters.js';
import { HEADER_LENGTH, HeaderFlag, isTruncated, readFlags, readRcode } from '../wire/header.js';
import { MessageNames } from '../wire/compressed-name.js';
import { ParsedAnswer, sectionsOf } from '../wire/message-sections.js';
import { DeadlineEntry } from './deadlines.js';
import { isLocalError, mayBeStaleSocket } from './local-error.js';
import { StreamQuery } from './stream-pool.js';
import type { SourcePort, UdpPool } from './udp-pool.js';
import type { Upstream } from './upstream.js';
import {
  hasCapital,
  isSameQuestion,
  replyKind,
  upstreamQuery,
  withoutEdns,
  type ReplyListener,
} from './upstream-message.js';

/** Foreign messages at a query's source port after which the query goes over TCP, which is hard to forge. */
const FOREIGN_MESSAGES_TO_TCP = 3;

/** How long a reply without signatures waits for the one to the same query with EDNS, for a client that wants them. */
const WAIT_FOR_SIGNATURES: Milliseconds = 100;

/** How servers answer that do not know what to do with an OPT record. */
const NO_EDNS: readonly number[] = [Rcode.FormatError, Rcode.ServerFailure, Rcode.NotImplemented];

/** Receives the result of one exchange with an upstream, an answer or an error, exactly once. */
export interface ExchangeListener {
  /** A whole and well-formed reply, its question in the client's own case. The listener owns its memory. */
  onAnswer(answer: ParsedAnswer): void;
  onFailure(reason: Error): void;
  /** Called when an answer takes so long that the query is sent once more. */
  onSilence?(): void;
  /** Called before `onAnswer` where the upstream may have answered only because the query came without EDNS. */
  onEdnsDoubt?(): void;
}

/**
 * One query to one upstream. It goes over UDP, and is resent once if no reply comes, by another port. It goes over TCP
 * where the reply is truncated, where forgery is suspected, and where the reply changed the case of the question. It
 * goes without EDNS where the upstream does not support it, and by another socket where one is of no use any more. All
 * attempts share one deadline.
 */
export class UpstreamExchange extends DeadlineEntry implements ReplyListener {
  private startedAt: Milliseconds = 0;
  private deadline: Milliseconds = 0;
  private message: Uint8Array = NO_MESSAGE;
  private edns = true;
  private mixedCase = false;
  private port: SourcePort | undefined;
  private id = 0;
  private stream: StreamQuery | undefined;
  /** When the query was given to its present transport. */
  private sentAt: Milliseconds = 0;
  private repeated = false;
  /** What leaves the transports of the copies that were sent since no reply came. */
  private copies: (() => void)[] | undefined;
  /**
   * How the query fared with EDNS, where it goes without: it was `refused`, or what happened has other reasons as well: no
   * answer yet, or SERVFAIL.
   */
  private ednsFailure: 'refused' | 'unclear' | undefined;
  /** A reply that is the best there is if no other comes: a refusal of EDNS, or an answer without signatures. */
  private fallback: Uint8Array | undefined;
  /** Whether it is taken soon. */
  private awaitsSignatures = false;
  /** Whether it was sent by another socket because the first was of no use. */
  private resent = false;
  private foreignMessages = 0;
  /** Whether TCP is used only because of the case, so that UDP will do where TCP fails. */
  private streamForCase = false;
  private ended = false;

  constructor(
    private readonly query: DnsQuery,
    private readonly upstream: Upstream,
    private readonly listener: ExchangeListener,
    /** Whether it counts against the upstream when this fails: its question is a client's. */
    private readonly counts = true,
    /** Whether it goes with EDNS whatever comes, or without; where absent, as the upstream takes it. */
    private readonly onlyWithEdns?: boolean,
  ) {
    super();
  }

  start(): void {
    const { context, quirks, udp } = this.upstream;
    this.startedAt = context.clock.now();
    this.deadline = this.startedAt + context.timeout;
    this.edns = this.onlyWithEdns ?? quirks.supportsEdns(this.startedAt);
    if (udp === undefined) this.sendByStream();
    else this.sendByUdp(quirks.keepsCase(this.startedAt), this.startedAt);
  }

  /** Ends the exchange without a call of the listener. */
  cancel(): void {
    this.ended = true;
    this.leaveTransport();
    this.upstream.context.deadlines.delete(this);
  }

  onMessage(message: Uint8Array): void {
    const { quirks, health, context } = this.upstream;
    const kind = replyKind(this.message, message);
    if (kind === 'foreign') return this.onForeignMessage();
    if (this.port !== undefined) {
      // After a resend, it is unknown to which copy the reply belongs (Karn's algorithm).
      if (!this.repeated) health.answered(context.clock.now() - this.sentAt);
      if (kind === 'other-case' && this.mixedCase) {
        quirks.changedCase();
        this.streamForCase = true;
        return this.sendByStream();
      }
      if (this.mixedCase) quirks.keptCase();
      if (isTruncated(message)) return this.sendByStream();
    }
    this.take(message);
  }

  /** Whether another query has the question of this one in the very case, which was made up at random. */
  isLike({ message }: DnsQuery): boolean {
    return this.mixedCase && isSameQuestion(this.message, message) && hasCapital(message);
  }

  onForeignMessage(): void {
    if (this.port === undefined) return;
    this.foreignMessages += 1;
    if (this.foreignMessages === FOREIGN_MESSAGES_TO_TCP) this.sendByStream();
  }

  onLost(reason: Error): void {
    if (this.streamForCase && this.upstream.udp !== undefined) {
      this.streamForCase = false;
      this.sendByUdp(false, this.upstream.context.clock.now());
    } else if (this.port !== undefined && !this.resent && mayBeStaleSocket(reason)) {
      this.resent = true;
      this.sendByUdp(this.mixedCase, this.upstream.context.clock.now());
    } else this.fail(reason);
  }

  onDue(now: Milliseconds): void {
    const { streams, context, udp, quirks } = this.upstream;
    if (this.awaitsSignatures) return this.takeFallback(this.fallback as Uint8Array);
    if (now >= this.deadline) {
      const { stream, sentAt } = this;
      if (this.counts) quirks.fellSilent();
      this.fail(new Error(`no answer within ${context.timeout / 1_000} s`));
      if (stream !== undefined) streams.closeSilent(sentAt);
      else udp?.leaveOpenedUntil(sentAt);
      return;
    }
    this.due = this.deadline;
    this.repeat(now);
    this.listener.onSilence?.();
  }

  /** Sends copies, by a socket that is new: no error tells that a reply cannot find its way to the old one. */
  private repeat(now: Milliseconds): void {
    const { streams, udp, quirks } = this.upstream;
    this.repeated = true;
    const { message } = this;
    const mayGoWithout = this.edns && this.onlyWithEdns === undefined && quirks.mayDropEdns;
    const plain = mayGoWithout ? withoutEdns(message) : undefined;
    const copies: (() => void)[] = [];
    if (this.port !== undefined) {
      const port = (udp as UdpPool).pick(now, this.sentAt);
      const send = (copy: Uint8Array, listener: ReplyListener): void => {
        const id = port.ask(copy, listener);
        copies.push(() => port.release(id));
      };
      send(Uint8Array.from(message), this);
      if (plain !== undefined) send(plain, this.listenerTo(plain));
    } else {
      const send = (copy: Uint8Array): void => {
        const query = new StreamQuery(copy, this.listenerTo(copy));
        streams.send(query);
        copies.push(() => query.abandon());
      };
      if (streams.leaveSilent(this.sentAt)) send(message);
      if (plain !== undefined) send(plain);
    }
    this.copies = copies;
  }

  /** Receives the replies to a copy, which may be lost: the query itself still waits. */
  private listenerTo(copy: Uint8Array): ReplyListener {
    return {
      onMessage: (reply) => {
        const kind = copy.length < this.message.length ? replyKind(copy, reply) : 'foreign';
        if (kind === 'foreign') return this.onMessage(reply);
        this.ednsFailure = 'unclear';
        // The reply with signatures may be on its way as well.
        const isWhole = kind === 'reply' && !isTruncated(reply);
        if (isWhole && this.query.edns?.dnssecOk === true) return this.awaitSignatures(reply);
        this.edns = false;
        this.onMessage(reply);
      },
      onForeignMessage: () => this.onForeignMessage(),
      onLost: () => {},
    };
  }

  private awaitSignatures(reply: Uint8Array): void {
    if (this.awaitsSignatures) return;
    const { clock, deadlines } = this.upstream.context;
    this.awaitsSignatures = true;
    this.fallback = reply;
    this.due = Math.min(this.deadline, clock.now() + WAIT_FOR_SIGNATURES);
    deadlines.add(this);
  }

  private sendByUdp(mixedCase: boolean, now: Milliseconds): void {
    const { context, health, udp, isTrusted } = this.upstream;
    this.leaveTransport();
    this.mixedCase = mixedCase;
    this.message = upstreamQuery(this.query, this.edns, mixedCase ? context.random : undefined, isTrusted);
    this.repeated = false;
    this.sentAt = now;
    this.due = Math.min(this.deadline, now + health.repeatAfter(context.timeout / 2));
    context.deadlines.add(this);
    this.port = (udp as UdpPool).pick(now);
    this.id = this.port.ask(this.message, this);
  }

  private sendByStream(): void {
    const { context, streams, isTrusted } = this.upstream;
    this.leaveTransport();
    this.message = upstreamQuery(this.query, this.edns, undefined, isTrusted);
    this.sentAt = context.clock.now();
    this.due = Math.min(this.deadline, this.sentAt + context.timeout / 2);
    context.deadlines.add(this);
    this.stream = new StreamQuery(this.message, this);
    streams.send(this.stream);
  }

  private take(message: Uint8Array): void {
    const { quirks, health, isTrusted, context } = this.upstream;
    const sections = sectionsOf(message);
    if (sections === undefined) return this.fail(new Error('its answer is malformed'));
    const rcode = readRcode(message);
    if (this.edns && sections.opt === undefined && this.onlyWithEdns === undefined && NO_EDNS.includes(rcode)) {
      if (this.awaitsSignatures) return this.takeFallback(this.fallback as Uint8Array);
      this.edns = false;
      this.ednsFailure = rcode === Rcode.ServerFailure ? 'unclear' : 'refused';
      // No other upstream is asked after FORMERR, so that it does not count as the better answer.
      if (rcode !== Rcode.FormatError) this.fallback = message;
      if (this.port === undefined) this.sendByStream();
      else this.sendByUdp(this.mixedCase, context.clock.now());
      return;
    }
    const isUseful = rcode === Rcode.NoError || rcode === Rcode.NameError;
    if (this.edns && (isUseful || sections.opt !== undefined)) quirks.answeredEdns();
    const extendedRcode = sections.opt?.extendedRcode ?? 0;
    if (extendedRcode !== 0) {
      return this.fail(new Error(`it answered with the code ${(extendedRcode << 4) | rcode}`));
    }
    health.answered();
    this.cancel();
    if (!this.edns && isUseful) {
      if (this.ednsFailure === 'refused') quirks.refusedEdns();
      else if (this.ednsFailure === 'unclear') this.listener.onEdnsDoubt?.();
    }
    const { message: asked } = this.query;
    for (let index = HEADER_LENGTH; index < sections.questionEnd; index++) message[index] = asked[index] as number;
    // A forwarder is not authoritative for what it relays (RFC 1034, 4.3.1).
    message[2] = (message[2] as number) & ~(HeaderFlag.Authoritative >> 8);
    const isAuthentic = isTrusted && (readFlags(message) & HeaderFlag.AuthenticData) !== 0;
    const names = new MessageNames(message);
    const scrubbed = context.scrubber.scrub(this.query.name, message, sections, names);
    // The upstream is there: what the owner of a domain has put into an answer says nothing about it.
    if (typeof scrubbed === 'string') return this.listener.onFailure(new Error(`its answer is malformed: ${scrubbed}`));
    const known = scrubbed.message === message ? names : undefined;
    this.listener.onAnswer(new ParsedAnswer(scrubbed.message, scrubbed.sections, isAuthentic, known));
  }

  private fail(reason: Error): void {
    if (this.ended) return;
    const { context, health } = this.upstream;
    const { fallback } = this;
    if (fallback !== undefined) return this.takeFallback(fallback);
    this.cancel();
    if (isLocalError(reason)) health.unreachable(reason);
    else if (this.counts) health.failed(this.startedAt, context.clock.now(), reason);
    this.listener.onFailure(reason);
  }

  private takeFallback(reply: Uint8Array): void {
    this.fallback = undefined;
    this.awaitsSignatures = false;
    this.edns = false;
    this.take(reply);
  }

  private leaveTransport(): void {
    this.port?.release(this.id);
    this.port = undefined;
    this.stream?.abandon();
    this.stream = undefined;
    if (this.copies === undefined) return;
    for (const leave of this.copies) leave();
    this.copies = undefined;
  }
}

const NO_MESSAGE = new Uint8Array();
