import { connect } from 'node:net';
import type { Endpoint } from '../../config/settings.js';
import { frame, FrameReader } from '../transport/frame-reader.js';
import { isReplyTo } from './upstream-reply.js';

/**
 * Sends a query over a TCP connection of its own, and resolves with its reply; whatever is no reply to this query is
 * passed over.
 *
 * Rejects with the network's error, or the signal's reason.
 */
export async function exchangeByTcp(upstream: Endpoint, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  const socket = connect({ host: upstream.address, port: upstream.port, noDelay: true });
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      const frames = new FrameReader();
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the TCP connection was closed without an answer')));
      socket.on('data', (chunk) => {
        for (const message of frames.push(chunk)) if (isReplyTo(query, message)) resolve(message);
      });
      socket.write(frame(query));
    });
  } finally {
    socket.destroy();
  }
}
