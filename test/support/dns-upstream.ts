import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import packet, { type Packet } from 'dns-packet';
import { frame, FrameReader } from '#core/dns/wire/frame-reader.js';
import type { Endpoint } from '#core/net/endpoint.js';
import { decodeReply, type Reply } from './dns-message.js';

/** A query that an upstream got. */
export interface UpstreamQuery {
  readonly bytes: Buffer;
  readonly decoded: Reply;
  readonly transport: 'udp' | 'tcp';
  /** The connection that it came by, where it did. */
  readonly connection?: Socket;
  readonly from: { readonly address: string; readonly port: number };
}

/** Answers a query with any number of messages. */
export type UpstreamBehaviour = (query: UpstreamQuery, upstream: FakeUpstream) => readonly Uint8Array[];

/** A name server on the loopback address that behaves as a test wants it to. */
export class FakeUpstream implements AsyncDisposable {
  readonly queries: UpstreamQuery[] = [];
  /** How many connections it has taken. */
  connections = 0;
  /** How many of them resumed a TLS session. */
  resumed = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    readonly udp: UdpSocket,
    private readonly tcp: Server,
    readonly endpoint: Endpoint,
    private readonly behaviour: UpstreamBehaviour,
  ) {}

  /** With a certificate it speaks TLS instead of TCP. */
  static async start(behaviour: UpstreamBehaviour, tls?: { key: Buffer; cert: Buffer }): Promise<FakeUpstream> {
    const { udp, tcp, port } = await openBoth(tls);
    const upstream = new FakeUpstream(udp, tcp, { address: '127.0.0.1', port }, behaviour);
    udp.on('message', (bytes, from) => upstream.onDatagram(bytes, from));
    if (tls === undefined) tcp.on('connection', (socket: Socket) => upstream.onConnection(socket));
    else tcp.on('secureConnection', (socket: TLSSocket) => upstream.onConnection(socket));
    tcp.on('tlsClientError', () => {});
    return upstream;
  }

  /** From now on only datagrams are taken. */
  async refuseConnections(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.tcp.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all([
      new Promise((resolve) => this.udp.close(() => resolve(undefined))),
      new Promise((resolve) => this.tcp.close(resolve)),
    ]);
  }

  private onDatagram(bytes: Buffer, from: RemoteInfo): void {
    const query = { bytes, decoded: decodeReply(bytes), transport: 'udp', from } as const;
    this.queries.push(query);
    for (const reply of this.behaviour(query, this)) this.udp.send(reply, from.port, from.address);
  }

  private onConnection(socket: Socket): void {
    const frames = new FrameReader();
    this.connections += 1;
    if (socket instanceof TLSSocket && socket.isSessionReused()) this.resumed += 1;
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk) => {
      for (const message of frames.push(chunk)) {
        const bytes = Buffer.from(message);
        const from = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
        const query = { bytes, decoded: decodeReply(bytes), transport: 'tcp', connection: socket, from } as const;
        this.queries.push(query);
        for (const reply of this.behaviour(query, this)) socket.write(frame(reply));
      }
    });
  }
}

/** The reply to a query with these parts, by dns-packet. */
export function replyTo({ decoded }: UpstreamQuery, parts: Partial<Packet> = {}): Uint8Array {
  const { id, questions } = decoded;
  const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE;
  return packet.encode({ type: 'response', id: id ?? 0, questions: questions ?? [], flags, ...parts } as Packet);
}

/** An A record for the name that was asked for. */
export function addressFor({ decoded }: UpstreamQuery, data: string): Pick<Packet, 'answers'> {
  return { answers: [{ type: 'A', name: decoded.questions?.[0]?.name ?? '', ttl: 300, data }] };
}

/** Sockets for UDP and TCP on one port, which must be free for both. */
async function openBoth(
  tls: { key: Buffer; cert: Buffer } | undefined,
): Promise<{ readonly udp: UdpSocket; readonly tcp: Server; readonly port: number }> {
  for (;;) {
    const tcp = (tls === undefined ? createServer() : createTlsServer(tls)).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket('udp4').bind(port, '127.0.0.1');
    try {
      await once(udp, 'listening');
      return { udp, tcp, port };
    } catch (error) {
      udp.close();
      tcp.close();
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}
