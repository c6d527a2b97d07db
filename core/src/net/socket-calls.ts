import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { errorMessage } from '../errors.js';
import { Linux } from './linux.js';
import { nativePackageAdvice } from '../plugin-kit/native-package-advice.js';

/** An address in this process. */
export type Pointer = bigint;

/** Native socket calls are not available on this machine. The message says why, as the second half of a sentence. */
export class NativeSocketsUnavailable extends Error {
  override readonly name = 'NativeSocketsUnavailable';
}

/** The architectures with the struct layouts that `DatagramBatch` writes. */
const ARCHITECTURES = ['x64', 'arm64'];

export type SocketCalls = Awaited<ReturnType<typeof load>>;

let loaded: SocketCalls | undefined;

/** The functions of the C library that Jitsu calls, under their own names. @throws NativeSocketsUnavailable */
export async function loadSocketCalls(): Promise<SocketCalls> {
  loaded ??= await load();
  return loaded;
}

/**
 * The same, once they have been tried: a filter of system calls (seccomp(2)), such as that of a container, may refuse
 * those that take or send many datagrams, which nothing but a call shows.
 * @throws NativeSocketsUnavailable
 */
export async function loadBatchCalls(): Promise<SocketCalls> {
  const calls = await loadSocketCalls();
  refused ??= refusedCall(calls) ?? '';
  if (refused !== '') throw new NativeSocketsUnavailable(`${refused}: a filter of system calls may forbid it`);
  return calls;
}

/** The call that is refused, and how; empty where none is, absent before it was tried. */
let refused: string | undefined;

function refusedCall({ socket, close, recvmmsg, sendmmsg, errorCode, addressOf }: SocketCalls): string | undefined {
  const descriptor = socket(Linux.AF_INET, Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC, 0);
  if (descriptor < 0) return `socket ${errorCode()}`;
  try {
    // With no message each call comes to nothing, and the kernel has looked at it.
    const none = addressOf(new Uint8Array(new ArrayBuffer(64)));
    if (recvmmsg(descriptor, none, 0, Linux.MSG_DONTWAIT, null) < 0) return `recvmmsg ${errorCode()}`;
    if (sendmmsg(descriptor, none, 0, Linux.MSG_DONTWAIT) < 0) return `sendmmsg ${errorCode()}`;
    return undefined;
  } finally {
    close(descriptor);
  }
}

/** The calls, if they are loaded in this thread already: this never loads native code. */
export function loadedSocketCalls(): SocketCalls | undefined {
  return loaded;
}

/** The error of a failed system call, with the code that `SocketCalls.errorCode` returned directly after it. */
export function callError(call: string, code: string): Error {
  return Object.assign(new Error(`${call} ${code}`), { code });
}

async function load() {
  const { platform, arch } = process;
  if (platform !== 'linux' || !ARCHITECTURES.includes(arch) || endianness() !== 'LE') {
    throw new NativeSocketsUnavailable(`it needs Linux on x64 or arm64, and this is ${platform} on ${arch}`);
  }
  // Loaded on first use: it is native code, and slow to load.
  const koffi = await import('koffi').then(
    (module) => module.default,
    (error: unknown) => {
      const advice = nativePackageAdvice('koffi', import.meta.url);
      throw new NativeSocketsUnavailable(`koffi cannot be loaded (${errorMessage(error)}). ${advice}`);
    },
  );
  try {
    const library = koffi.load(null);
    const bind = <F extends (...parameters: never[]) => unknown>(definition: string): F =>
      library.func(definition) as unknown as F;
    type Batch = (descriptor: number, headers: Pointer, count: number, flags: number) => number;
    return {
      socket: bind<(family: number, type: number, protocol: number) => number>('int socket(int, int, int)'),
      setsockopt: bind<(descriptor: number, level: number, name: number, value: Uint8Array, length: number) => number>(
        'int setsockopt(int, int, int, const void *, uint)',
      ),
      getsockopt: bind<
        (descriptor: number, level: number, name: number, value: Uint8Array, length: Uint8Array) => number
      >('int getsockopt(int, int, int, void *, void *)'),
      bind: bind<(descriptor: number, address: Uint8Array, length: number) => number>(
        'int bind(int, const void *, uint)',
      ),
      connect: bind<(descriptor: number, address: Uint8Array, length: number) => number>(
        'int connect(int, const void *, uint)',
      ),
      getsockname: bind<(descriptor: number, address: Uint8Array, length: Uint8Array) => number>(
        'int getsockname(int, void *, void *)',
      ),
      getpeername: bind<(descriptor: number, address: Uint8Array, length: Uint8Array) => number>(
        'int getpeername(int, void *, void *)',
      ),
      shutdown: bind<(descriptor: number, how: number) => number>('int shutdown(int, int)'),
      close: bind<(descriptor: number) => number>('int close(int)'),
      recvmmsg: bind<(...parameters: [...Parameters<Batch>, timeout: null]) => number>(
        'int recvmmsg(int, void *, uint, int, void *)',
      ),
      sendmmsg: bind<Batch>('int sendmmsg(int, void *, uint, int)'),
      if_nametoindex: bind<(name: string) => number>('uint if_nametoindex(const char *)'),
      /** @param name room for 16 bytes */
      if_indextoname: bind<(index: number, name: Uint8Array) => Pointer | null>('void *if_indextoname(uint, void *)'),
      ioctl: bind<(descriptor: number, request: number, argument: null) => number>('int ioctl(int, ulong, void *)'),
      /** Gives unused memory of the C library's heap back to the system; only glibc has it. */
      malloc_trim: optional(() => bind<(pad: number) => number>('int malloc_trim(size_t)')),
      /** The code of this thread's latest failed call, such as `EADDRINUSE`; to be called directly after it. */
      errorCode: (): string => getSystemErrorName(-koffi.errno()),
      /** The same as Linux's number, for errors that libuv has no name for. */
      errorNumber: (): number => koffi.errno(),
      /** The address of this memory. It must have an ArrayBuffer of its own: the contents of a small array may move. */
      addressOf: (memory: Uint8Array): Pointer => koffi.address(memory),
    };
  } catch (error) {
    throw new NativeSocketsUnavailable(`the C library cannot be called: ${errorMessage(error)}`);
  }
}

/** A function that not every C library has. */
function optional<F>(bind: () => F): F | undefined {
  try {
    return bind();
  } catch {
    return undefined;
  }
}
