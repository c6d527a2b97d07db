import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import dnsPacket, { type DecodedPacket } from 'dns-packet';
import { frame } from '#core/dns/wire/frame-reader.js';

/** What a client was told, with the times at which it asked and heard, in milliseconds of the machine's clock. */
export interface ToldAddress {
  readonly sentAt: number;
  readonly heardAt: number;
  readonly rcode: string;
  readonly address: string | undefined;
}

export const now = (): number => performance.timeOrigin + performance.now();

/** Asks for an address once; `undefined` where no answer came in time or nobody was there to ask. */
export async function patientQuery(
  port: number,
  name: string,
  overTcp: boolean,
  id: number,
  patience: number,
): Promise<ToldAddress | undefined> {
  const query = dnsPacket.encode({
    ...{ type: 'query', id, flags: dnsPacket.RECURSION_DESIRED, questions: [{ name, type: 'A' }] },
  });
  const sentAt = now();
  const signal = AbortSignal.timeout(patience);
  try {
    const reply = await (overTcp ? overStream(port, query, signal) : overDatagrams(port, query, signal));
    const { answers = [], rcode } = dnsPacket.decode(reply) as DecodedPacket & { rcode: string };
    const address = answers.flatMap((record) => (record.type === 'A' ? [record.data] : []))[0];
    return { sentAt, heardAt: now(), rcode, address };
  } catch {
    return undefined;
  }
}

async function overDatagrams(port: number, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect', { signal });
    const heard = once(socket, 'message', { signal }) as Promise<[Buffer]>;
    socket.send(query);
    return (await heard)[0];
  } finally {
    socket.close();
  }
}

async function overStream(port: number, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', signal });
  const parts: Buffer[] = [];
  try {
    socket.write(frame(query));
    for await (const part of socket) {
      parts.push(part as Buffer);
      const all = Buffer.concat(parts);
      if (all.length >= 2 && all.length >= 2 + all.readUInt16BE(0)) return all.subarray(2);
    }
    throw new Error('the connection was closed');
  } finally {
    socket.destroy();
  }
}
