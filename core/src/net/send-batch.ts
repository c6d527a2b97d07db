import type { DatagramBatch } from './datagram-batch.js';
import type { SocketCalls } from './socket-calls.js';

/** The number of datagrams that could not be sent, and the code of the last error. */
export interface Unsent {
  count: number;
  code: string;
}

/**
 * Sends the first `count` datagrams of a batch. A datagram that cannot be sent does not stop those behind it, unless
 * there is no room for any.
 */
export function sendBatch(
  calls: SocketCalls,
  descriptor: number,
  batch: DatagramBatch,
  count: number,
  flags: number,
): Unsent | undefined {
  let unsent: Unsent | undefined;
  for (let first = 0; first < count;) {
    const sent = calls.sendmmsg(descriptor, batch.headersFrom(first), count - first, flags);
    if (sent > 0) {
      first += sent;
      continue;
    }
    const code = calls.errorCode();
    if (code === 'EINTR') continue;
    const lost = code === 'EAGAIN' ? count - first : 1;
    unsent = { count: (unsent?.count ?? 0) + lost, code };
    first += lost;
  }
  return unsent;
}
