import { createSocket } from 'node:dgram';
import dnsPacket from 'dns-packet';
import type { DecodedPacket, RecordType } from 'dns-packet';

const PATIENCE = 60_000;

/** Asks a DNS server on 127.0.0.1 over UDP, once more every `interval` milliseconds until it answers. */
export function ask(
  port: number,
  name: string,
  type: RecordType,
  interval: number,
  patience = PATIENCE,
): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const query = dnsPacket.encode({
      type: 'query',
      id: 1,
      flags: dnsPacket.RECURSION_DESIRED,
      questions: [{ name, type }],
    });
    const again = setInterval(() => socket.send(query), interval);
    const end = (settle: () => void): void => {
      clearInterval(again);
      clearTimeout(deadline);
      socket.close();
      settle();
    };
    const deadline = setTimeout(
      () => end(() => reject(new Error(`Nobody answered for ${name} on port ${port} within ${patience / 1_000} s`))),
      patience,
    );
    // Refused as long as the server is not there yet.
    socket.on('error', () => undefined);
    socket.once('message', (message) => end(() => resolve(dnsPacket.decode(message))));
    socket.connect(port, '127.0.0.1', () => socket.send(query));
  });
}

/** Asks for an IPv4 address, once or again after each interval; rejects where the answer has none. */
export async function askForAddress(port: number, name: string, interval = PATIENCE): Promise<void> {
  const { answers, rcode } = (await ask(port, name, 'A', interval)) as DecodedPacket & { rcode?: string };
  if (!answers?.some(({ type }) => type === 'A')) throw new Error(`No address of ${name}, but ${rcode ?? 'nothing'}`);
}
