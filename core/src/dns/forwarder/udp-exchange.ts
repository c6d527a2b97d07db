import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../../config/settings.js';
import { isReplyTo } from './upstream-reply.js';

/**
 * Sends a query from a port of its own, which the system picks at random, and resolves with its reply. The socket is
 * connected, so that only the upstream is heard; whatever is no reply to this query is passed over.
 *
 * Rejects with the network's error, or the signal's reason.
 */
export async function exchangeByUdp(upstream: Endpoint, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  const { address, port } = upstream;
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  const { promise, resolve, reject } = pending<Uint8Array>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort);
  try {
    socket.on('error', reject);
    socket.on('message', (message) => {
      if (isReplyTo(query, message)) resolve(message);
    });
    // Without a callback of its own, a connect that fails is an 'error' as well.
    socket.once('connect', () => {
      socket.send(query, (error) => {
        if (error) reject(error);
      });
    });
    socket.connect(port, address);
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.close();
  }
}

function pending<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: Error) => void } {
  let settle: [(value: T) => void, (reason: Error) => void] | undefined;
  const promise = new Promise<T>((resolve, reject) => (settle = [resolve, reject]));
  const [resolve, reject] = settle as unknown as [(value: T) => void, (reason: Error) => void];
  return { promise, resolve, reject };
}
