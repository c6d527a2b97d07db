import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { FrameReader, frame } from '#core/dns/wire/frame-reader.js';
import type { Endpoint } from '#core/net/endpoint.js';

/** Sends a datagram and resolves with the first that comes back. */
export async function askByUdp({ address, port }: Endpoint, message: Uint8Array): Promise<Uint8Array> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', resolve);
      socket.send(message, port, address);
    });
  } finally {
    socket.close();
  }
}

/** Sends messages over one connection, closes its own half, and resolves with all that come back until the other half closes. */
export async function askByTcp({ address, port }: Endpoint, ...messages: Uint8Array[]): Promise<Uint8Array[]> {
  const replies: Uint8Array[] = [];
  const frames = new FrameReader();
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: address, port, allowHalfOpen: true });
    socket.on('error', reject);
    socket.on('data', (chunk) => replies.push(...frames.push(chunk)));
    socket.on('end', () => resolve());
    socket.end(Buffer.concat(messages.map(frame)));
  });
  return replies;
}
