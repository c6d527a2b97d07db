import { getSystemErrorName } from 'node:util';

/** Constants of Linux that x86-64 and arm64 share. */
export const Linux = {
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  AF_PACKET: 17,
  SOCK_RAW: 3,
  SOCK_CLOEXEC: 0o2000000,
  MSG_DONTWAIT: 0x40,
  SOL_SOCKET: 1,
  SO_SNDBUF: 7,
  SO_RCVTIMEO: 20,
  SO_ATTACH_FILTER: 26,
  SO_SNDBUFFORCE: 32,
  SO_RCVBUFFORCE: 33,
  SO_MARK: 36,
  IPPROTO_RAW: 255,
  RLIMIT_NPROC: 6,
  SOL_NETLINK: 270,
  NETLINK_NO_ENOBUFS: 5,
  NETLINK_CAP_ACK: 10,
  NETLINK_EXT_ACK: 11,
  NETLINK_GET_STRICT_CHK: 12,
} as const;

export type SystemCalls = Awaited<ReturnType<typeof loadSystemCalls>>;

/** The calls of Linux that Node has no words for. Loads native code; rejects where there is none for this machine. */
export async function loadSystemCalls() {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null);
  const bind = <F extends (...parameters: never[]) => unknown>(definition: string): F =>
    library.func(definition) as unknown as F;
  return {
    socket: bind<(family: number, type: number, protocol: number) => number>('int socket(int, int, int)'),
    bind: bind<(descriptor: number, address: Uint8Array, length: number) => number>(
      'int bind(int, const void *, uint)',
    ),
    setsockopt: bind<(descriptor: number, level: number, name: number, value: Uint8Array, length: number) => number>(
      'int setsockopt(int, int, int, const void *, uint)',
    ),
    getsockopt: bind<
      (descriptor: number, level: number, name: number, value: Uint8Array, length: Uint8Array) => number
    >('int getsockopt(int, int, int, void *, void *)'),
    recv: bind<(descriptor: number, buffer: Uint8Array, length: number, flags: number) => number>(
      'long recv(int, void *, size_t, int)',
    ),
    sendto: bind<
      (
        descriptor: number,
        bytes: Uint8Array,
        length: number,
        flags: number,
        address: Uint8Array,
        addressLength: number,
      ) => number
    >('long sendto(int, const void *, size_t, int, const void *, uint)'),
    send: bind<(descriptor: number, bytes: Uint8Array, length: number, flags: number) => number>(
      'long send(int, const void *, size_t, int)',
    ),
    close: bind<(descriptor: number) => number>('int close(int)'),
    if_nametoindex: bind<(name: string) => number>('uint if_nametoindex(const char *)'),
    setrlimit: bind<(resource: number, limits: Uint8Array) => number>('int setrlimit(int, const void *)'),
    /** Ends the process at once, whatever its threads do. */
    _exit: bind<(status: number) => never>('void _exit(int)'),
    /** The address of this memory, which must have an ArrayBuffer of its own. */
    addressOf: (memory: Uint8Array): bigint => koffi.address(memory),
    /** The code of the latest failed call, such as `EPERM`; to be called directly after it. */
    errorCode: (): string => getSystemErrorName(-koffi.errno()),
  };
}
