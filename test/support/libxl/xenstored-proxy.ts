import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { TemporaryFolder } from '../temporary-folder.js';

const XENSTORED = '/var/run/xenstored/socket';

/**
 * A way to xenstored that can be cut, for one that must not end. While it is there, `XENSTORED_PATH` leads to it.
 * Dispose it in an `after` hook.
 */
export class XenstoredProxy implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #sockets = new Set<Socket>();
  readonly #before = process.env['XENSTORED_PATH'];
  #server: Server | undefined;

  static async open(): Promise<XenstoredProxy> {
    const proxy = new XenstoredProxy();
    await proxy.restore();
    process.env['XENSTORED_PATH'] = proxy.#folder.in('socket');
    return proxy;
  }

  /** Nobody gets through any more. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  async restore(): Promise<void> {
    if (this.#server) return;
    this.#server = createServer((near) => this.#connect(near)).listen(this.#folder.in('socket'));
    await once(this.#server, 'listening');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
    if (this.#before === undefined) delete process.env['XENSTORED_PATH'];
    else process.env['XENSTORED_PATH'] = this.#before;
    this.#folder[Symbol.dispose]();
  }

  #connect(near: Socket): void {
    const far = createConnection(XENSTORED);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  }
}
