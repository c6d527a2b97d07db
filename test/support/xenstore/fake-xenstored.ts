import { createServer, type Server, type Socket } from 'node:net';
import { encodeMessage, type Message } from '#xenstore/message.js';
import { MessageReader } from '#xenstore/message-reader.js';
import { TemporaryFolder } from '../temporary-folder.js';

/** What a fake xenstored does with a request, on the connection that it came by. */
export type Behaviour = (request: Message, peer: Socket) => void;

/** A peer that listens like xenstored and behaves as the test likes: what a real one never does. */
export class FakeXenstored implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly socket = this.#folder.in('socket');
  readonly peers = new Set<Socket>();
  readonly #server: Server;
  behaviour: Behaviour;

  private constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.#server = createServer((peer) => {
      const reader = new MessageReader();
      this.peers.add(peer);
      peer.on('close', () => this.peers.delete(peer));
      peer.on('error', () => undefined);
      peer.on('data', (chunk) => {
        for (const message of reader.read(chunk)) this.behaviour(message, peer);
      });
    });
  }

  static async start(behaviour: Behaviour = () => undefined): Promise<FakeXenstored> {
    const fake = new FakeXenstored(behaviour);
    await new Promise<void>((resolve) => fake.#server.listen(fake.socket, resolve));
    return fake;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.peers) peer.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#folder[Symbol.dispose]();
  }
}

/** Replies to a request, as itself where nothing else is said. */
export function reply(request: Message, payload: Buffer | string, changes: Partial<Message> = {}): Buffer {
  return encodeMessage({ ...request, payload: Buffer.from(payload as Uint8Array), ...changes });
}
