import { createSocket, type BindOptions, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../../net/endpoint.js';
import type { Logger } from '../../contracts/logger.js';
import { numericLookup } from '../../net/numeric-lookup.js';
import type { Refusals } from '../admission/refusals.js';
import { bindEarly, isAbsent } from '../../net/bind-early.js';
import { listenError } from './listen-error.js';
import { isSilentPort, type MessageHandler, type UdpTransport, type UdpTransportKind } from './udp-transport.js';

/** The transport that takes datagrams one by one, by Node's sockets. */
export const DGRAM: UdpTransportKind = {
  name: 'dgram',
  open: (endpoint, handler, { logger, access }) => DgramTransport.open(endpoint, handler, logger, access.refusals),
};

/** One UDP socket of Node that hands over every datagram, and sends back the reply. */
export class DgramTransport implements UdpTransport {
  private readonly socket: Socket;
  private unanswered = 0;
  private answered: (() => void) | undefined;
  private closing = false;
  /** One callback for all replies: a closure for each would cost more than an answer from the packet cache. */
  private readonly sent = (error: Error | null): void => {
    if (error) this.logger.debug({ err: error }, 'a reply could not be sent');
    this.done();
  };

  private constructor(
    address: string,
    private readonly handler: MessageHandler,
    private readonly logger: Logger,
    private readonly refusals: Pick<Refusals, 'add'> | undefined,
  ) {
    const family = isIPv6(address) ? 6 : 4;
    this.socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      ipv6Only: family === 6,
      lookup: numericLookup(family),
    });
  }

  /** @throws JITSU_LISTEN_FAILED */
  static async open(
    endpoint: Endpoint,
    handler: MessageHandler,
    logger: Logger,
    refusals?: Pick<Refusals, 'add'>,
  ): Promise<DgramTransport> {
    let listener = new DgramTransport(endpoint.address, handler, logger, refusals);
    const bind = async (options: BindOptions): Promise<void> => {
      // With our own lookup the socket may be bound before `bind` returns.
      const listening = once(listener.socket, 'listening');
      listener.socket.bind({ ...options, exclusive: true });
      await listening;
    };
    try {
      await bind({ address: endpoint.address, port: endpoint.port }).catch(async (error: unknown) => {
        if (!isAbsent(error)) throw error;
        // A socket that could not be bound takes no descriptor.
        listener.socket.close();
        listener = new DgramTransport(endpoint.address, handler, logger, refusals);
        await bind({ fd: await bindEarly(endpoint, 'UDP') });
      });
    } catch (error) {
      listener.socket.close();
      throw listenError('UDP', endpoint, error);
    }
    const { socket } = listener;
    socket.on('error', (error) => logger.warn({ err: error }, 'a UDP socket reports an error'));
    socket.on('message', (message, remote) => listener.take(message, remote));
    return listener;
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Does nothing: this transport has no threads of its own. */
  prioritize(): void {}

  /** Closes the socket when the last reply to what came before has been sent. */
  async close(): Promise<void> {
    this.closing = true;
    if (this.unanswered > 0) await new Promise<void>((resolve) => (this.answered = resolve));
    // What has arrived meanwhile is still read: who has sent it would wait in vain. The present turn of the event loop may
    // have looked at the socket already; the next one looks again.
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => this.socket.close(resolve));
  }

  private take(message: Uint8Array, { address, port }: RemoteInfo): void {
    // Node throws on a reply to port 0.
    if (isSilentPort(port)) {
      if (port !== 0) this.refusals?.add('port', address);
      return;
    }
    if (this.closing) return this.takeLate(message, address, port);
    this.unanswered += 1;
    const reply = this.handler(message, { address, port, transport: 'udp' });
    if (reply instanceof Promise) void reply.then((later) => this.give(later, port, address));
    else this.give(reply, port, address);
  }

  /** What comes while this closes is answered where that takes no time, and not waited for. */
  private takeLate(message: Uint8Array, address: string, port: number): void {
    const reply = this.handler(message, { address, port, transport: 'udp' });
    if (reply !== undefined && !(reply instanceof Promise)) this.socket.send(reply, port, address, () => undefined);
  }

  private give(reply: Uint8Array | undefined, port: number, address: string): void {
    if (reply === undefined) this.done();
    else this.socket.send(reply, port, address, this.sent);
  }

  private done(): void {
    this.unanswered -= 1;
    if (this.unanswered === 0) this.answered?.();
  }
}
