import type { Milliseconds } from '../../../contracts/milliseconds.js';
import {
  BATCH_SIZE,
  DatagramBatch,
  ENVELOPE_WORDS,
  LONGEST_DATAGRAM,
  sendBatch,
  type DatagramKind,
} from '../../../net/datagram-batch.js';
import { Linux } from '../../../net/linux.js';
import type { SocketCalls } from '../../../net/socket-calls.js';
import type { Admission } from '../../admission/admission.js';
import type { ErrorAllowance } from '../../admission/error-allowance.js';
import { writeProofAnswer } from '../../admission/proof-answer.js';
import { LONGEST_CACHED_ANSWER, MISS, SILENCE, type PacketReader } from '../../packet-cache/packet-reader.js';
import { Rcode } from '../../wire/dns-parameters.js';
import { HEADER_LENGTH } from '../../wire/header.js';
import type { QueryView } from '../../wire/query-view.js';
import { writeHeaderOnly } from '../../wire/response-writer.js';
import { isSilentPort } from '../udp-transport.js';
import type { RingWriter } from './query-ring.js';
import { REFUSAL_WORDS, ThreadState, type ThreadRefusal } from './thread-state.js';

/** The longest reply that a thread gives by itself, in bytes. */
const LONGEST_REPLY = LONGEST_CACHED_ANSWER;

/** Consecutive failures to receive after which the socket is considered broken. */
const MOST_FAILURES = 100;

export interface ReceiveLoopOptions {
  readonly calls: SocketCalls;
  readonly descriptor: number;
  readonly kind: DatagramKind;
  readonly state: Int32Array<SharedArrayBuffer>;
  readonly recursionAvailable: boolean;
  readonly view: QueryView;
  readonly packets: Pick<PacketReader, 'answer'>;
  readonly admission: Admission;
  readonly errors: Pick<ErrorAllowance, 'take'>;
  /** The time by the main thread's clock. */
  now(): Milliseconds;
  /** Takes datagrams that the packet cache has no answer for. */
  readonly ring: Pick<RingWriter, 'add' | 'publish'>;
  /** Called when there are queries in the ring and the main thread must be notified. */
  onQueries(): void;
  /** Called when the thread begins to count refusals of this kind by itself; `envelope` is that of the first. */
  onRefused(kind: ThreadRefusal, envelope: Uint32Array): void;
  /** Called when replies could not be sent; `code` says why. */
  onUnsent(code: string): void;
}

/** Receives datagrams in batches, and answers at once those that the packet cache can answer. */
export class ReceiveLoop {
  private readonly received: DatagramBatch;
  private readonly replies: DatagramBatch;

  constructor(private readonly options: ReceiveLoopOptions) {
    const { calls, kind } = options;
    this.received = new DatagramBatch(calls.addressOf, kind, LONGEST_DATAGRAM);
    this.replies = new DatagramBatch(calls.addressOf, kind, LONGEST_REPLY);
  }

  /** Returns when the thread is told to end. @throws Error when the socket cannot be used */
  run(): void {
    const { calls, descriptor, state } = this.options;
    for (let failures = 0; ;) {
      const count = calls.recvmmsg(descriptor, this.received.headers, BATCH_SIZE, Linux.MSG_WAITFORONE, null);
      const code = count < 0 ? calls.errorCode() : undefined;
      if (code === undefined) this.take(count);
      if (Atomics.load(state, ThreadState.Ending) !== 0) return;
      if (code === undefined) {
        this.received.expect(count);
        failures = 0;
      } else if (code !== 'EINTR' && ++failures === MOST_FAILURES) {
        throw new Error(`datagrams cannot be received: ${code}`);
      }
    }
  }

  private take(count: number): void {
    const { view, admission, packets, ring, errors } = this.options;
    const { received, replies } = this;
    const now = this.options.now();
    let replyCount = 0;
    let missCount = 0;
    for (let index = 0; index < count; index++) {
      const length = received.lengthOf(index);
      const message = received.payloads[index] as Uint8Array;
      // A message that is no query gets no reply.
      if (length < HEADER_LENGTH || (message[2] as number) >= 0x80) continue;
      const port = received.portOf(index);
      if (isSilentPort(port)) {
        if (port !== 0) this.refused('port', index);
        continue;
      }
      const out = replies.payloads[replyCount] as Uint8Array;
      admission.begin(received.senders[index] as Uint8Array, true);
      const isPlain = view.read(message, length);
      let replyLength = isPlain ? packets.answer(view, message, length, out, admission, now) : MISS;
      if (replyLength === MISS && ring.add(received, index)) {
        missCount += 1;
        continue;
      }
      // Only the parser could tell whether any other message is a well-formed query.
      if (replyLength === MISS && !isPlain && !errors.take(now)) {
        this.refused('malformed', index);
        continue;
      }
      if (replyLength === MISS)
        replyLength = writeOverloadAnswer(
          isPlain ? view : undefined,
          message,
          out,
          admission,
          this.options.recursionAvailable,
          now,
        );
      if (replyLength !== SILENCE) replies.reply(replyCount++, replyLength, received, index);
      if (!admission.mayAsk) this.refused('client', index);
      else if (admission.rateVerdict !== 'send')
        this.refused(replyLength === SILENCE ? 'rateDropped' : 'rateCut', index);
    }
    if (replyCount > 0) this.send(replyCount);
    if (missCount > 0 && ring.publish()) this.options.onQueries();
  }

  /** Counts a refusal. The main thread is told only of the first: the others are counted until it reads the count. */
  private refused(kind: ThreadRefusal, index: number): void {
    if (Atomics.add(this.options.state, REFUSAL_WORDS[kind], 1) !== 0) return;
    const envelope = new Uint32Array(ENVELOPE_WORDS);
    this.received.copyEnvelope(index, envelope);
    this.options.onRefused(kind, envelope);
  }

  private send(count: number): void {
    const { calls, descriptor, state } = this.options;
    const unsent = sendBatch(calls, descriptor, this.replies, count, 0);
    if (unsent === undefined) return;
    // Told only once per count: a client that forges unreachable senders must not flood the main thread with messages.
    if (Atomics.add(state, ThreadState.Unsent, unsent.count) === 0) this.options.onUnsent(unsent.code);
  }
}

/**
 * Writes the reply that a thread gives when the main thread is overloaded: SERVFAIL to clients that may ask, within the
 * limit for sources that may be forged. Returns the length, or `SILENCE`.
 *
 * @param query absent for a query that is not plain, which is treated as one without a cookie
 */
export function writeOverloadAnswer(
  query: QueryView | undefined,
  message: Uint8Array,
  out: Uint8Array,
  admission: Admission,
  recursionAvailable: boolean,
  now: Milliseconds,
): number {
  if (!admission.mayAsk) return SILENCE;
  if (query !== undefined && query.cookieOptionLength !== 0) {
    admission.showCookie(message, query.cookieAt, query.cookieLength, now);
  }
  const verdict = admission.admit(now);
  if (verdict === 'slip' && query !== undefined) {
    return writeProofAnswer(query, message, out, recursionAvailable, admission, now);
  }
  if (verdict !== 'send') return SILENCE;
  const reply = writeHeaderOnly(message, Rcode.ServerFailure, recursionAvailable);
  out.set(reply);
  return reply.length;
}
