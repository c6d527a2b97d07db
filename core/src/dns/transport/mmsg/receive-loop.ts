import type { Milliseconds } from '../../../contracts/milliseconds.js';
import type { HotAdmission } from '../../clients/hot-admission.js';
import { LONGEST_HOT_ANSWER, type HotReader } from '../../hot/hot-reader.js';
import { writeHeaderOnly } from '../../wire/response-writer.js';
import { HEADER_LENGTH } from '../../wire/header.js';
import { Rcode } from '../../wire/rcode.js';
import { BATCH_SIZE, DatagramBatch, type DatagramKind } from './datagram-batch.js';
import { Linux } from './linux.js';
import { sendBatch } from './send-batch.js';
import type { SocketCalls } from './socket-calls.js';
import type { MissWriter } from './miss-writer.js';
import { ThreadState } from './thread-state.js';

/** The longest datagram that there is (its length has 16 bits), so that none is ever cut off. Untouched memory is free. */
const LONGEST_DATAGRAM = 65_536;

/** The longest reply that a thread gives by itself: a hot answer, in bytes. */
const LONGEST_REPLY = LONGEST_HOT_ANSWER;

/** Failures to receive, one right after the other, after which the socket cannot be used. */
const MOST_FAILURES = 100;

export interface ReceiveLoopOptions {
  readonly calls: SocketCalls;
  readonly descriptor: number;
  readonly kind: DatagramKind;
  readonly state: Int32Array<SharedArrayBuffer>;
  readonly recursionAvailable: boolean;
  readonly hot: Pick<HotReader, 'answer'>;
  /** Says who may have it. */
  readonly admission: Pick<HotAdmission, 'of'>;
  /** The time of the main thread's clock. */
  now(): Milliseconds;
  /** Takes over datagrams that have no hot answer. */
  readonly misses: Pick<MissWriter, 'add' | 'publish'>;
  /** There are some, and the main thread must be told. */
  onMisses(): void;
  /** Replies could not be sent; `code` says why. */
  onUnsent(code: string): void;
}

/** Takes datagrams by the batch, and answers at once what can be answered at once. */
export class ReceiveLoop {
  private readonly received: DatagramBatch;
  private readonly replies: DatagramBatch;

  constructor(private readonly options: ReceiveLoopOptions) {
    const { calls, kind } = options;
    this.received = new DatagramBatch(calls.addressOf, kind, LONGEST_DATAGRAM);
    this.replies = new DatagramBatch(calls.addressOf, kind, LONGEST_REPLY);
  }

  /** Returns when the thread is to end. @throws Error when the socket cannot be used */
  run(): void {
    const { calls, descriptor, state } = this.options;
    for (let failures = 0; ;) {
      const count = calls.recvmmsg(descriptor, this.received.headers, BATCH_SIZE, Linux.MSG_WAITFORONE, null);
      const code = count < 0 ? calls.errorCode() : undefined;
      if (Atomics.load(state, ThreadState.Ending) !== 0) return;
      if (code === undefined) {
        this.take(count);
        this.received.expect(count);
        failures = 0;
      } else if (code !== 'EINTR' && ++failures === MOST_FAILURES) {
        throw new Error(`datagrams cannot be received: ${code}`);
      }
    }
  }

  private take(count: number): void {
    const { admission, hot, misses } = this.options;
    const { received, replies } = this;
    const now = this.options.now();
    let replyCount = 0;
    let missCount = 0;
    for (let index = 0; index < count; index++) {
      const length = received.lengthOf(index);
      const message = received.payloads[index] as Uint8Array;
      // Nobody can be answered at port 0, and whatever is no query is met with silence.
      if (length < HEADER_LENGTH || (message[2] as number) >= 0x80 || received.portOf(index) === 0) continue;
      const out = replies.payloads[replyCount] as Uint8Array;
      const admitted = admission.of(received.senders[index] as Uint8Array, true);
      let replyLength = admitted === 'none' ? 0 : hot.answer(message, length, out, true, admitted === 'counted', now);
      if (replyLength === 0 && misses.add(received, index)) {
        missCount += 1;
        continue;
      }
      if (replyLength === 0) replyLength = this.refuse(message, out);
      replies.reply(replyCount++, replyLength, received, index);
    }
    if (replyCount > 0) this.send(replyCount);
    if (missCount > 0 && misses.publish()) this.options.onMisses();
  }

  private refuse(message: Uint8Array, out: Uint8Array): number {
    const reply = writeHeaderOnly(message, Rcode.ServerFailure, this.options.recursionAvailable);
    out.set(reply);
    return reply.length;
  }

  private send(count: number): void {
    const { calls, descriptor, state } = this.options;
    const unsent = sendBatch(calls, descriptor, this.replies, count, 0);
    if (unsent === undefined) return;
    // Who forges senders that cannot be reached must not fill the main thread with news of that.
    if (Atomics.add(state, ThreadState.Unsent, unsent.count) === 0) this.options.onUnsent(unsent.code);
  }
}
