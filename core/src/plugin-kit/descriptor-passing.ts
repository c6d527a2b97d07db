import type Koffi from 'koffi';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';

/** The architectures with the structures that are written here: msghdr, cmsghdr, iovec and rlimit. */
const ARCHITECTURES = ['x64', 'arm64'];

/** Constants of Linux that x86-64 and arm64 share. */
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const RLIMIT_NOFILE = 7;

/** The bytes in front of a descriptor: its number between two processes. */
const PAYLOAD = 4;
const HEADER = 56;
const CONTROL = 24;

/** Above all numbers by which a program gets its descriptors. */
const OUT_OF_THE_WAY = 256;

/** Passes descriptors from process to process, over a Unix socket (unix(7), SCM_RIGHTS). */
export type DescriptorPassing = ReturnType<typeof load>;

let loaded: DescriptorPassing | undefined;

/** Loads it in this turn of the event loop. Throws where koffi or the system has it not. */
export function loadDescriptorPassing(): DescriptorPassing {
  return (loaded ??= load());
}

function load() {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch) || endianness() !== 'LE') {
    throw new Error(`it needs Linux on x64 or arm64, and this is ${process.platform} on ${process.arch}`);
  }
  // What comes behind a descriptor in the same turn may need it.
  const koffi = createRequire(import.meta.url)('koffi') as Pick<typeof Koffi, 'load' | 'address' | 'errno'>;
  const library = koffi.load(null);
  const call = <F extends (...parameters: never[]) => number>(definition: string): F =>
    library.func(definition) as unknown as F;
  type OnMessage = (socket: number, message: Buffer, flags: number) => number;
  const sendmsg = call<OnMessage>('long sendmsg(int, void *, int)');
  const recvmsg = call<OnMessage>('long recvmsg(int, void *, int)');
  const close = call<(descriptor: number) => number>('int close(int)');
  const fcntl = call<(file: number, command: number, type: 'int', value: number) => number>('int fcntl(int, int, ...)');
  const getrlimit = call<(resource: number, limit: Buffer) => number>('int getrlimit(int, void *)');
  const setrlimit = call<(resource: number, limit: Buffer) => number>('int setrlimit(int, void *)');

  const payload = Buffer.from(new ArrayBuffer(PAYLOAD));
  const vector = Buffer.from(new ArrayBuffer(16));
  const control = Buffer.from(new ArrayBuffer(CONTROL));
  const header = Buffer.from(new ArrayBuffer(HEADER));
  vector.writeBigUInt64LE(koffi.address(payload), 0);
  vector.writeBigUInt64LE(BigInt(PAYLOAD), 8);

  const prepare = (): void => {
    header.fill(0);
    header.writeBigUInt64LE(koffi.address(vector), 16);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(koffi.address(control), 32);
    header.writeBigUInt64LE(BigInt(CONTROL), 40);
    control.fill(0);
  };
  const check = (result: number, what: string): number => {
    if (result >= 0) return result;
    const code = getSystemErrorName(-koffi.errno());
    throw Object.assign(new Error(`${what} ${code}`), { code });
  };

  return {
    /** @param number by which the other process knows it. Throws the system's error */
    send(socket: number, number: number, descriptor: number): void {
      prepare();
      payload.writeUInt32LE(number);
      control.writeBigUInt64LE(20n, 0);
      control.writeInt32LE(SOL_SOCKET, 8);
      control.writeInt32LE(SCM_RIGHTS, 12);
      control.writeInt32LE(descriptor, 16);
      check(sendmsg(socket, header, MSG_DONTWAIT | MSG_NOSIGNAL), 'sendmsg');
    },

    /**
     * Takes the next one. Its number in this process is none that a program gets. Throws the system's error, `EMFILE`
     * where it would be one file too many even for the upper limit.
     */
    receive(socket: number): { readonly number: number; readonly descriptor: number } {
      prepare();
      // The limit is for programs, which inherit it; what is open already does not count.
      const limit = Buffer.alloc(16);
      check(getrlimit(RLIMIT_NOFILE, limit), 'getrlimit');
      const raised = Buffer.from(limit);
      limit.copy(raised, 0, 8, 16);
      check(setrlimit(RLIMIT_NOFILE, raised), 'setrlimit');
      try {
        check(recvmsg(socket, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 'recvmsg');
        const flags = header.readInt32LE(48);
        if ((flags & MSG_CTRUNC) !== 0 || control.readBigUInt64LE(0) < 20n) {
          throw Object.assign(new Error('recvmsg EMFILE'), { code: 'EMFILE' });
        }
        const descriptor = control.readInt32LE(16);
        try {
          const away = check(fcntl(descriptor, F_DUPFD_CLOEXEC, 'int', OUT_OF_THE_WAY), 'fcntl');
          return { number: payload.readUInt32LE(), descriptor: away };
        } finally {
          close(descriptor);
        }
      } finally {
        setrlimit(RLIMIT_NOFILE, limit);
      }
    },

    /** A program expects that reading and accepting wait; one before it may have set it otherwise. */
    haveWait(descriptor: number): void {
      check(fcntl(descriptor, F_SETFL, 'int', 0), 'fcntl');
    },

    close(descriptor: number): void {
      close(descriptor);
    },
  };
}
