import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../../config/settings.js';
import { numericLookup } from '../../net/numeric-lookup.js';
import type { PortEvents, PortSocket } from './port-socket.js';

/** A socket as Node has it. */
export class DgramPort implements PortSocket {
  private readonly socket: Socket;
  /** What is to be sent when it is connected; `undefined` from then on. */
  private unsent: Uint8Array[] | undefined = [];
  private closed = false;

  constructor(
    { address, port }: Endpoint,
    private readonly events: PortEvents,
  ) {
    const family = isIPv6(address) ? 6 : 4;
    this.socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      lookup: numericLookup(family),
    });
    this.socket.on('message', (message) => events.onMessage(message));
    // Without a callback of its own, a connect that fails is an 'error' as well.
    this.socket.on('error', (error) => events.onError(error, this.unsent !== undefined));
    this.socket.once('connect', () => this.sendUnsent());
    this.socket.connect(port, address);
  }

  send(message: Uint8Array): void {
    if (this.unsent !== undefined) this.unsent.push(message);
    else this.socket.send(message, this.onSent);
  }

  close(): void {
    this.closed = true;
    this.socket.close();
  }

  /** One for all, because one for each query would cost as much as its bytes. */
  private readonly onSent = (error: Error | null): void => {
    if (error !== null) this.events.onError(error, false);
  };

  private sendUnsent(): void {
    const messages = this.unsent ?? [];
    this.unsent = undefined;
    if (!this.closed) for (const message of messages) this.socket.send(message, this.onSent);
  }
}
