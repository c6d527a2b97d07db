import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** How an upstream fares. */
export type UpstreamMood = 'well' | 'silent' | 'failing';

/** RFC 1035, 4.1.1: QR and RA; with the rcode SERVFAIL. */
const ANSWER = 0x8180;
const FAILURE = 0x8182;
/** A record for the question's own name: 60 seconds, 192.0.2.77 (RFC 1035, 4.1.3 and 4.1.4). */
const RECORD = Buffer.from('c00c000100010000003c0004c000024d', 'hex');

export const UPSTREAM_ADDRESS = '192.0.2.77';

/** An upstream on 127.0.0.1 that gives every name the same address, except while it fares badly. */
export class SoakUpstream implements Disposable {
  mood: UpstreamMood = 'well';
  asked = 0;

  private constructor(
    private readonly socket: Socket,
    readonly port: number,
  ) {
    socket.on('message', (message, { port, address }) => {
      this.asked += 1;
      if (this.mood !== 'silent') socket.send(this.#reply(message), port, address);
    });
  }

  static async open(): Promise<SoakUpstream> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new SoakUpstream(socket, socket.address().port);
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }

  #reply(message: Buffer): Buffer {
    let end = 12;
    for (let length = message[end] ?? 0; length !== 0 && end < message.length; length = message[end] ?? 0)
      end += length + 1;
    const head = Buffer.from(message.subarray(0, end + 5));
    const failing = this.mood === 'failing';
    head.writeUInt16BE(failing ? FAILURE : ANSWER, 2);
    head.writeUInt16BE(failing ? 0 : 1, 6);
    head.fill(0, 8, 12);
    return failing ? head : Buffer.concat([head, RECORD]);
  }
}
