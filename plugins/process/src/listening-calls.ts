import { addressBytes, addressText } from '@jitsud/core/plugin';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { plainText } from './listen-option.js';

/** Constants of Linux that x86-64 and arm64 share. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2_000_000;
const SOCK_NONBLOCK = 0o4_000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_TYPE = 3;
const SO_LINGER = 13;
const SO_ACCEPTCONN = 30;
/** SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING, and the same since Linux 5.1. */
const OPTIONS_FOR_TIMESTAMPS = [29, 35, 37, 63, 64, 65];
const SIOCGSTAMP = 0x8906;
const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;
const IP_FREEBIND = 15;
const IPV6_V6ONLY = 26;
const IPV6_FREEBIND = 78;
const TCP_INFO = 11;
const MSG_PEEK = 0x2;
const MSG_DONTWAIT = 0x40;
const F_GETFL = 3;
const F_SETFL = 4;
const EPOLL_CLOEXEC = SOCK_CLOEXEC;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
const EPOLLET = 0x8000_0000;
const PIDFD_OPEN = 434;
const PIDFD_GETFD = 438;

/** The connections that a listening socket lets wait; the system has a limit of its own (net.core.somaxconn). */
const BACKLOG = 4_096;

/** The sockets of which news is taken at once. */
const EVENTS = 64;

/** In struct tcp_info of a listening socket, how many connections wait to be accepted. */
const WAITING_OFFSET = 24;

/** What Jitsu calls for its listening sockets. Throws where the system, or koffi, has it not. */
export type ListeningCalls = Awaited<ReturnType<typeof loadListeningCalls>>;

export async function loadListeningCalls() {
  const { platform, arch } = process;
  if (platform !== 'linux' || !['x64', 'arm64'].includes(arch) || endianness() !== 'LE') {
    throw new Error(`it needs Linux on x64 or arm64, and this is ${platform} on ${arch}`);
  }
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null);
  const call = <F extends (...parameters: never[]) => unknown>(definition: string): F =>
    library.func(definition) as unknown as F;
  const socket = call<(family: number, type: number, protocol: number) => number>('int socket(int, int, int)');
  const setsockopt = call<(file: number, level: number, name: number, value: Buffer, length: number) => number>(
    'int setsockopt(int, int, int, const void *, uint)',
  );
  const getsockopt = call<(file: number, level: number, name: number, value: Buffer, length: Buffer) => number>(
    'int getsockopt(int, int, int, void *, void *)',
  );
  const bind = call<(file: number, address: Buffer, length: number) => number>('int bind(int, const void *, uint)');
  const listen = call<(file: number, backlog: number) => number>('int listen(int, int)');
  const accept4 = call<(file: number, address: null, length: null, flags: number) => number>(
    'int accept4(int, void *, void *, int)',
  );
  const getsockname = call<(file: number, address: Buffer, length: Buffer) => number>(
    'int getsockname(int, void *, void *)',
  );
  const recvfrom = call<
    (file: number, data: Buffer, length: number, flags: number, address: Buffer | null, size: Buffer | null) => number
  >('long recvfrom(int, void *, size_t, int, void *, void *)');
  const ioctl =
    call<(file: number, request: number, type: 'void *', value: Buffer) => number>('int ioctl(int, ulong, ...)');
  const close = call<(file: number) => number>('int close(int)');
  const fcntl = call<(file: number, command: number, type: 'int', value: number) => number>('int fcntl(int, int, ...)');
  const epollCreate = call<(flags: number) => number>('int epoll_create1(int)');
  const epollControl = call<(watch: number, operation: number, file: number, event: Buffer) => number>(
    'int epoll_ctl(int, int, int, void *)',
  );
  const epollWait = call<(watch: number, events: Buffer, most: number, timeout: number) => number>(
    'int epoll_wait(int, void *, int, int)',
  );
  const syscall = call<(...numbers: number[]) => number>('long syscall(long, long, long, long)');

  const failure = (what: string): Error => {
    const code = getSystemErrorName(-koffi.errno());
    return Object.assign(new Error(`${what} ${code}`), { code });
  };
  const check = (result: number, what: string): number => {
    if (result < 0) throw failure(what);
    return result;
  };
  const set = (file: number, level: number, name: number, value = word(1)): void =>
    void check(setsockopt(file, level, name, value, value.length), 'setsockopt');
  const numberOf = (file: number, name: number): number => {
    const value = word(0);
    check(getsockopt(file, SOL_SOCKET, name, value, word(4)), 'getsockopt');
    return value.readInt32LE();
  };
  const addressText = Buffer.alloc(28);
  // struct epoll_event is packed on x86-64.
  const eventSize = arch === 'x64' ? 12 : 16;
  const dataOffset = eventSize - 8;

  return {
    /**
     * A socket that is bound, and listens for TCP. An address that this machine does not have yet is taken, too. Throws
     * the system's error.
     */
    open(protocol: 'tcp' | 'udp', address: string, port: number): number {
      const bytes = toBytes(address);
      const isVersion6 = bytes.length === 16;
      const type = protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM;
      const file = check(socket(isVersion6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0), 'socket');
      try {
        if (isVersion6) set(file, IPPROTO_IPV6, IPV6_V6ONLY);
        if (protocol === 'tcp') set(file, SOL_SOCKET, SO_REUSEADDR);
        if (isVersion6) set(file, IPPROTO_IPV6, IPV6_FREEBIND);
        else set(file, IPPROTO_IP, IP_FREEBIND);
        const name = Buffer.alloc(isVersion6 ? 28 : 16);
        name.writeUInt16LE(isVersion6 ? AF_INET6 : AF_INET, 0);
        name.writeUInt16BE(port, 2);
        name.set(bytes, isVersion6 ? 8 : 4);
        check(bind(file, name, name.length), 'bind');
        if (protocol === 'tcp') check(listen(file, BACKLOG), 'listen');
        return file;
      } catch (error) {
        close(file);
        throw error;
      }
    },

    close: (file: number): void => void close(file),

    /** The file of a process, by which those that it has open can be had. Throws the system's error. */
    openProcess: (pid: number): number => check(syscall(PIDFD_OPEN, pid, 0, 0), 'pidfd_open'),

    /** A copy of what a process has open under this number. Throws the system's error. */
    copyFrom: (processFile: number, file: number): number =>
      check(syscall(PIDFD_GETFD, processFile, file, 0), 'pidfd_getfd'),

    /** Whether it is a socket that is bound there, and listens for TCP. */
    isAt(file: number, protocol: 'tcp' | 'udp', address: string, port: number): boolean {
      if (getsockname(file, addressText, word(28)) !== 0) return false;
      const name = fromSockaddr(addressText);
      if (name?.port !== port || name.address !== address) return false;
      return protocol === 'tcp'
        ? numberOf(file, SO_TYPE) === SOCK_STREAM && numberOf(file, SO_ACCEPTCONN) === 1
        : numberOf(file, SO_TYPE) === SOCK_DGRAM;
    },

    /** How many connections wait to be accepted. Throws the system's error. */
    waiting(file: number): number {
      const information = Buffer.alloc(WAITING_OFFSET + 4);
      check(getsockopt(file, IPPROTO_TCP, TCP_INFO, information, word(information.length)), 'getsockopt');
      return information.readUInt32LE(WAITING_OFFSET);
    },

    /** Accepts the first so many connections and resets them. */
    reset(file: number, count: number): void {
      const flags = fcntl(file, F_GETFL, 'int', 0);
      // The program may have taken one meanwhile. What it has set is restored at once: it shares these flags.
      fcntl(file, F_SETFL, 'int', flags | SOCK_NONBLOCK);
      try {
        for (let left = count; left > 0; left -= 1) {
          const connection = accept4(file, null, null, SOCK_CLOEXEC);
          if (connection < 0) return;
          const linger = Buffer.alloc(8);
          linger.writeInt32LE(1, 0);
          setsockopt(connection, SOL_SOCKET, SO_LINGER, linger, linger.length);
          close(connection);
        }
      } finally {
        fcntl(file, F_SETFL, 'int', flags);
      }
    },

    /** Who has sent the datagram that is read next; `undefined` where there is none. */
    firstSender(file: number): string | undefined {
      const length = recvfrom(file, Buffer.alloc(1), 1, MSG_PEEK | MSG_DONTWAIT, addressText, word(28));
      return length < 0 ? undefined : fromSockaddr(addressText)?.address;
    },

    /** Throws that datagram away. */
    discard: (file: number): void => void recvfrom(file, Buffer.alloc(1), 1, MSG_DONTWAIT, null, null),

    /**
     * When the datagram came that anybody has read last, by the wall clock in milliseconds, also where that was another
     * process: `-Infinity` where none has been read since this was called first, `undefined` where nobody can tell.
     */
    lastDatagram(file: number): number | undefined {
      const time = Buffer.alloc(16);
      if (ioctl(file, SIOCGSTAMP, 'void *', time) !== 0) {
        if (getSystemErrorName(-koffi.errno()) !== 'ENOENT') return undefined;
        time.fill(0);
      }
      // Who has the times told with its datagrams gets them instead.
      const isTold = OPTIONS_FOR_TIMESTAMPS.some((option) => {
        const value = word(0);
        return getsockopt(file, SOL_SOCKET, option, value, word(4)) === 0 && value.readInt32LE() !== 0;
      });
      if (isTold) return undefined;
      const at = Number(time.readBigInt64LE(0)) * 1_000 + Number(time.readBigInt64LE(8)) / 1_000;
      return at === 0 ? -Infinity : at;
    },

    /** A file that tells when there is something to read in others. Throws the system's error. */
    createWatch: (): number => check(epollCreate(EPOLL_CLOEXEC), 'epoll_create1'),

    /** Each arrival from now on is told once, and what is there already. Throws the system's error. */
    addToWatch(watch: number, file: number): void {
      const event = Buffer.alloc(eventSize);
      event.writeUInt32LE((EPOLLIN | EPOLLET) >>> 0, 0);
      event.writeInt32LE(file, dataOffset);
      check(epollControl(watch, EPOLL_CTL_ADD, file, event), 'epoll_ctl');
    },

    /** To be called before the file is closed: others may have it open still, and the watch would go on. */
    removeFromWatch: (watch: number, file: number): void =>
      void epollControl(watch, EPOLL_CTL_DEL, file, Buffer.alloc(eventSize)),

    /** The files in which something has arrived. */
    arrivals(watch: number): readonly number[] {
      const files: number[] = [];
      const events = Buffer.alloc(EVENTS * eventSize);
      for (let count = EVENTS; count === EVENTS;) {
        count = epollWait(watch, events, EVENTS, 0);
        for (let index = 0; index < count; index += 1) files.push(events.readInt32LE(index * eventSize + dataOffset));
      }
      return files;
    },
  };
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function fromSockaddr(name: Buffer): { readonly address: string; readonly port: number } | undefined {
  const family = name.readUInt16LE(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const address = family === AF_INET ? name.subarray(4, 8) : name.subarray(8, 24);
  return { address: toText(address), port: name.readUInt16BE(2) };
}

/** @param address in the form of {@link plainText} */
function toBytes(address: string): Buffer {
  return Buffer.from(addressBytes(address) ?? []);
}

function toText(bytes: Buffer): string {
  return plainText(addressText(bytes));
}
