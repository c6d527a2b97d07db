import { createSocket } from 'node:dgram';
import dnsPacket, { type RecordType } from 'dns-packet';

export interface Reply {
  readonly rcode: string;
  readonly addresses: readonly string[];
  /** The text of its Extended DNS Errors (RFC 8914). */
  readonly extendedErrors: readonly string[];
}

/** Asks a DNS server on 127.0.0.1 once, and waits for its answer as long as the test does. */
export function askOverUdp(port: number, name: string, type = 'A'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.once('message', (message) => {
      socket.close();
      resolve(read(message));
    });
    const query = dnsPacket.encode({
      type: 'query',
      id: 1 + Math.floor(Math.random() * 65_535),
      flags: dnsPacket.RECURSION_DESIRED,
      questions: [{ name, type: type as RecordType }],
      additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1_232, flags: 0, options: [] } as never],
    });
    socket.connect(port, '127.0.0.1', () => socket.send(query));
  });
}

function read(message: Buffer): Reply {
  const {
    answers = [],
    additionals = [],
    rcode,
  } = dnsPacket.decode(message) as dnsPacket.DecodedPacket & { rcode: string };
  const options = additionals.flatMap((record) => (record.type === 'OPT' ? record.options : []));
  return {
    rcode,
    addresses: answers.flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [record.data] : [])),
    extendedErrors: options
      .filter((option) => (option.code as number) === 15)
      .map((option) => (option as unknown as { data: Buffer }).data.subarray(2).toString()),
  };
}
