import { errorCode, FileWatch, type LaunchSocket, type Milliseconds } from '@jitsud/core/plugin';
import { readdirSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { ListenEndpoint } from './listen-option.js';
import { loadListeningCalls, type ListeningCalls } from './listening-calls.js';
import type { ListeningSocket, ListeningSockets } from './listening-socket.js';
import { SocketDiagnosis } from './socket-diagnosis.js';

/** The most sockets of one process that are looked at: a program has those that it was started with among its first. */
const MOST_LOOKS = 1_024;

/** Sockets by the system's own calls: Jitsu waits for arrivals, and accepts nothing. */
export class NativeListeningSockets implements ListeningSockets {
  #watch: Watch | undefined;

  private constructor(
    private readonly calls: ListeningCalls,
    private readonly files: FileWatch,
    private readonly connections: SocketDiagnosis | undefined,
  ) {}

  /** Throws where the system, or koffi, has not what it needs. */
  static async load(): Promise<NativeListeningSockets> {
    return new NativeListeningSockets(await loadListeningCalls(), await FileWatch.load(), await SocketDiagnosis.open());
  }

  open(endpoint: ListenEndpoint): Promise<ListeningSocket> {
    const { protocol, address, port } = endpoint;
    return Promise.resolve(this.#socket(endpoint, this.calls.open(protocol, address, port)));
  }

  takeBack(endpoint: ListenEndpoint, pids: readonly number[]): ListeningSocket | undefined {
    let failure: unknown;
    for (const pid of pids) {
      try {
        const file = this.#find(endpoint, pid);
        if (file !== undefined) return this.#socket(endpoint, file);
      } catch (error) {
        // It has ended.
        if (errorCode(error) !== 'ESRCH') failure ??= error;
      }
    }
    if (failure !== undefined) throw failure as Error;
    return undefined;
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.connections?.[Symbol.dispose]();
  }

  #find({ protocol, address, port }: ListenEndpoint, pid: number): number | undefined {
    const process = this.calls.openProcess(pid);
    try {
      for (const number of socketsOf(pid)) {
        let copy: number;
        try {
          copy = this.calls.copyFrom(process, number);
        } catch (error) {
          // The program has closed it meanwhile.
          if (errorCode(error) === 'EBADF') continue;
          throw error;
        }
        if (this.calls.isAt(copy, protocol, address, port)) return copy;
        this.calls.close(copy);
      }
      return undefined;
    } finally {
      this.calls.close(process);
    }
  }

  #socket(endpoint: ListenEndpoint, file: number): ListeningSocket {
    return new NativeListeningSocket(
      endpoint,
      file,
      this.calls,
      this.connections,
      () => (this.#watch ??= new Watch(this.calls, this.files)),
    );
  }
}

function socketsOf(pid: number): readonly number[] {
  const folder = `/proc/${pid}/fd`;
  const numbers = readdirSync(folder)
    .map(Number)
    .sort((one, other) => one - other);
  const isSocket = (number: number): boolean => {
    try {
      return readlinkSync(`${folder}/${number}`).startsWith('socket:');
    } catch {
      return false;
    }
  };
  return numbers.slice(0, MOST_LOOKS).filter(isSocket);
}

class NativeListeningSocket implements ListeningSocket {
  readonly protocol: ListenEndpoint['protocol'];
  readonly address: string;
  readonly port: number;
  readonly name: string;

  constructor(
    { protocol, address, port, name }: ListenEndpoint,
    private readonly file: number,
    private readonly calls: ListeningCalls,
    private readonly connections: SocketDiagnosis | undefined,
    private readonly arrivals: () => Watch,
  ) {
    this.protocol = protocol;
    this.address = address;
    this.port = port;
    this.name = name;
    // From the first question on, the system remembers it.
    this.lastDatagram();
  }

  forLaunch(): LaunchSocket {
    return { descriptor: this.file, name: this.name };
  }

  launched(): void {
    // It is nobody's but the program's to accept.
  }

  watch(onArrival: () => void): void {
    this.arrivals().add(this.file, onArrival);
  }

  unwatch(): void {
    this.arrivals().remove(this.file);
  }

  deliver(): void {
    this.unwatch();
  }

  clients(): readonly string[] {
    if (this.protocol === 'udp') {
      const sender = this.calls.firstSender(this.file);
      return sender === undefined ? [] : [sender];
    }
    const count = this.calls.waiting(this.file);
    if (count === 0) return [];
    // A filter of system calls, such as that of a container, may forbid it.
    const unknown = (): readonly string[] => Array<string>(count).fill(this.address.includes(':') ? '::' : '0.0.0.0');
    try {
      return this.connections?.clientsWaitingAt(this.address, this.port) ?? unknown();
    } catch {
      return unknown();
    }
  }

  refuse(count: number): void {
    if (this.protocol === 'tcp') return this.calls.reset(this.file, count);
    for (let left = count; left > 0; left -= 1) this.calls.discard(this.file);
  }

  waiting(): number {
    if (this.protocol === 'tcp') return this.calls.waiting(this.file);
    return this.calls.firstSender(this.file) === undefined ? 0 : 1;
  }

  backlog(): number {
    return this.calls.waiting(this.file);
  }

  lastDatagram(): Milliseconds | undefined {
    return this.protocol === 'udp' ? this.calls.lastDatagram(this.file) : undefined;
  }

  close(): void {
    this.unwatch();
    this.calls.close(this.file);
  }
}

/** Waits for arrivals at many sockets by one file, without a thread, and without taking anything. */
class Watch {
  readonly #file: number;
  readonly #listeners = new Map<number, () => void>();
  #waiting: Socket | undefined;

  constructor(
    private readonly calls: ListeningCalls,
    private readonly files: FileWatch,
  ) {
    this.#file = calls.createWatch();
  }

  add(file: number, listener: () => void): void {
    if (!this.#listeners.has(file)) this.calls.addToWatch(this.#file, file);
    this.#listeners.set(file, listener);
    this.#wait();
  }

  remove(file: number): void {
    if (this.#listeners.delete(file)) this.calls.removeFromWatch(this.#file, file);
  }

  close(): void {
    for (const file of this.#listeners.keys()) this.remove(file);
    this.#waiting?.removeAllListeners('error').on('error', () => undefined);
    this.#waiting?.destroy();
    this.calls.close(this.#file);
  }

  #wait(): void {
    if (this.#waiting !== undefined) return;
    this.#waiting = this.files.watch(this.#file, () => {
      this.#waiting = undefined;
      const files = this.calls.arrivals(this.#file);
      this.#wait();
      for (const file of files) this.#listeners.get(file)?.();
    });
    if (this.#waiting === undefined) throw Object.assign(new Error('pipe2 EMFILE'), { code: 'EMFILE' });
  }
}
