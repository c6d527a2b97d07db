import assert from 'node:assert/strict';
import type { UdpSocket, UdpSocketListener, UdpSockets } from '#core/dns/forwarder/udp-socket.js';

/** A socket that sends nothing; the test says what arrives. */
export class FakeUdpSocket implements UdpSocket {
  readonly sent: Uint8Array[] = [];
  closed = false;

  constructor(
    readonly listener: UdpSocketListener,
    private readonly onSent: (message: Uint8Array) => void,
  ) {}

  send(message: Uint8Array): void {
    const copy = Uint8Array.from(message);
    this.sent.push(copy);
    this.onSent(copy);
  }

  close(): void {
    assert.equal(this.closed, false, 'a socket is closed once');
    this.closed = true;
  }
}

export class FakeUdpSockets implements UdpSockets {
  readonly opened: FakeUdpSocket[] = [];
  /** What all of them have sent, in its order. */
  readonly sent: { readonly socket: FakeUdpSocket; readonly message: Uint8Array }[] = [];
  declare batch?: number;

  open(_upstream: unknown, listener: UdpSocketListener): FakeUdpSocket {
    const socket: FakeUdpSocket = new FakeUdpSocket(listener, (message) => this.sent.push({ socket, message }));
    this.opened.push(socket);
    return socket;
  }
}
