import assert from 'node:assert/strict';
import type { UdpSocket, UdpSocketListener, UdpSockets } from '#core/dns/forwarder/udp-socket.js';

/** A socket that sends nothing; the test says what arrives. */
export class FakeUdpSocket implements UdpSocket {
  readonly sent: Uint8Array[] = [];
  closed = false;

  constructor(readonly listener: UdpSocketListener) {}

  send(message: Uint8Array): void {
    this.sent.push(Uint8Array.from(message));
  }

  close(): void {
    assert.equal(this.closed, false, 'a socket is closed once');
    this.closed = true;
  }
}

export class FakeUdpSockets implements UdpSockets {
  readonly opened: FakeUdpSocket[] = [];
  declare batch?: number;

  open(_upstream: unknown, listener: UdpSocketListener): FakeUdpSocket {
    const socket = new FakeUdpSocket(listener);
    this.opened.push(socket);
    return socket;
  }
}
