import type { LaunchSocket } from '@jitsud/core/plugin';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ListenEndpoint } from './listen-option.js';
import type { ListeningSocket, ListeningSockets } from './listening-socket.js';
import { NodeDatagramSocket } from './node-datagram-socket.js';

/** The connections that the system, or this process, lets wait. */
const BACKLOG = 4_096;
const MOST_TAKEN = 1_024;

/** The state of a socket that listens, in /proc/net/tcp (proc(5)). */
const LISTENS = '0A';

/** Node's own object for a socket of the system. */
interface Handle {
  close(): void;
}

/**
 * Sockets by Node alone, where koffi is not there. Node cannot wait for a connection without accepting it: those that come
 * before the program is started are accepted here, and passed on to it byte by byte. All others are its own.
 */
export class NodeListeningSockets implements ListeningSockets {
  async open(endpoint: ListenEndpoint): Promise<ListeningSocket> {
    const socket = endpoint.protocol === 'udp' ? new NodeDatagramSocket(endpoint) : new NodeListeningSocket(endpoint);
    await socket.bind();
    return socket;
  }

  takeBack(): ListeningSocket | undefined {
    throw new Error('the package koffi cannot be loaded here');
  }

  close(): void {
    // Nothing is shared.
  }
}

class NodeListeningSocket implements ListeningSocket {
  readonly protocol = 'tcp';
  readonly address: string;
  readonly port: number;
  readonly name: string;
  /** Present while connections are accepted here. */
  #server: Server | undefined;
  /** A copy of the same socket, once a program has got one. */
  #copy: Handle | undefined;
  #taken: Socket[] = [];
  #onArrival: (() => void) | undefined;

  constructor({ address, port, name }: ListenEndpoint) {
    this.address = address;
    this.port = port;
    this.name = name;
  }

  /** Throws the system's error. */
  bind(): Promise<void> {
    const { address: host, port } = this;
    const server = this.#serve();
    return new Promise((resolve, reject) => {
      server.once('error', reject).listen({ host, port, backlog: BACKLOG, ipv6Only: true, exclusive: true }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }

  forLaunch(): LaunchSocket {
    const handle = this.#copy ?? (this.#server as unknown as { readonly _handle: Handle } | undefined)?._handle;
    const returned = (copy: object): void => {
      if (this.#copy === undefined) this.#copy = copy as Handle;
      else (copy as Handle).close();
    };
    return { name: this.name, handle: handle ?? {}, returned };
  }

  launched(): void {
    // Without a copy, the process that starts programs has ended meanwhile, and nothing could be accepted again later.
    if (this.#copy === undefined) return;
    this.#server?.close();
    this.#server = undefined;
  }

  watch(onArrival: () => void): void {
    this.#onArrival = onArrival;
    const copy = this.#copy;
    if (this.#server === undefined && copy !== undefined) {
      this.#copy = undefined;
      // Node takes the handle of a socket that listens as well.
      this.#serve().listen(copy);
    }
    if (this.#taken.length > 0) onArrival();
  }

  unwatch(): void {
    this.#onArrival = undefined;
  }

  deliver(): void {
    this.unwatch();
    for (const client of this.#taken.splice(0)) this.#passOn(client);
  }

  clients(): readonly string[] {
    return this.#taken.map(({ remoteAddress }) => remoteAddress ?? (this.address.includes(':') ? '::' : '0.0.0.0'));
  }

  refuse(count: number): void {
    for (const client of this.#taken.splice(0, count)) client.resetAndDestroy();
  }

  waiting(): number {
    return this.#taken.length;
  }

  /** Nobody can tell where there is no /proc. */
  backlog(): number {
    const port = this.port.toString(16).toUpperCase().padStart(4, '0');
    const isVersion6 = this.address.includes(':');
    for (const row of tableOf(isVersion6 ? 'tcp6' : 'tcp').split('\n')) {
      const [, local = '', , state, queues = ''] = row.trim().split(/\s+/);
      const isHere = local.endsWith(`:${port}`) && (isVersion6 || local.startsWith(inHexadecimal(this.address)));
      if (state === LISTENS && isHere) return parseInt(queues.split(':')[1] ?? '0', 16);
    }
    return 0;
  }

  close(): void {
    this.unwatch();
    this.#server?.close();
    this.#copy?.close();
    this.#server = this.#copy = undefined;
    for (const client of this.#taken.splice(0)) client.resetAndDestroy();
  }

  #serve(): Server {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
      client.on('error', () => client.destroy());
      this.#taken.push(client);
      if (this.#taken.length > MOST_TAKEN) this.refuse(1);
      this.#onArrival?.();
    });
    return (this.#server = server.unref());
  }

  #passOn(client: Socket): void {
    const program = connect({ host: this.address, port: this.port, allowHalfOpen: true });
    program.on('error', () => client.resetAndDestroy());
    client.on('error', () => program.destroy()).on('close', () => program.destroy());
    client.pipe(program);
    program.pipe(client);
  }
}

function tableOf(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'latin1');
  } catch {
    return '';
  }
}

/** An IPv4 address as the kernel writes it, in the order of a machine that is little-endian. */
function inHexadecimal(address: string): string {
  return Buffer.from(address.split('.').map(Number).reverse()).toString('hex').toUpperCase();
}
