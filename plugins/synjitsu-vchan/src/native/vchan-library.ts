import koffi, { type LibraryHandle } from 'koffi';

/** An address that only libxenvchan may dereference. */
export type Pointer = bigint;

/** The message of the error for a missing library, by which the other threads recognise it. */
export const LIBRARY_MISSING = 'XENVCHAN_LIBRARY_MISSING';

/** The library prints nothing; an errno reports the error (xentoollog_level in xentoollog.h). */
const LOG_CRITICAL = 9;

/** Keeps the libraries loaded: a library without references is unloaded, even if its addresses are in use. */
const held: LibraryHandle[] = [];

/** POLLIN. */
const READABLE = 1;

/** A ring of this size fits, in one direction, into the page that is shared anyway. In bytes. */
const RING = { incoming: 2048, outgoing: 1024 };

/** The result of libxenvchan_is_open for a server whose client has not connected yet. */
export const WAITS_FOR_CLIENT = 2;

/**
 * The functions of libxenvchan that are used here. No call is made before it can succeed at once: the library does not
 * initialise the flag that makes its reads and writes block. Its functions are the same in all versions since 4.2, and
 * its structures are not accessed.
 */
export function loadVchan() {
  const library = load();
  const libc = koffi.load(null);
  const pollfd = koffi.struct({ fd: 'int', events: 'short', revents: koffi.types.short });
  const poll = libc.func('poll', 'int', [koffi.inout(koffi.pointer(pollfd)), 'ulong', 'int']) as unknown as (
    descriptors: { fd: number; events: number; revents: number }[],
    count: number,
    milliseconds: number,
  ) => number;
  const bind = <F extends (...parameters: never[]) => unknown>(definition: string): F =>
    library.func(definition) as unknown as F;
  const logger = quietLogger(libc);
  held.push(library, libc);

  const clientInit = bind<(logger: Pointer | null, domain: number, path: string) => Pointer | null>(
    'void *libxenvchan_client_init(void *logger, int domain, const char *path)',
  );
  const serverInit = bind<
    (logger: Pointer | null, domain: number, path: string, incoming: number, outgoing: number) => Pointer | null
  >('void *libxenvchan_server_init(void *logger, int domain, const char *path, size_t left, size_t right)');
  const fileDescriptor = bind<(channel: Pointer) => number>('int libxenvchan_fd_for_select(void *channel)');
  const takeEvent = bind<(channel: Pointer) => number>('int libxenvchan_wait(void *channel)');
  const dataReady = bind<(channel: Pointer) => number>('int libxenvchan_data_ready(void *channel)');
  const bufferSpace = bind<(channel: Pointer) => number>('int libxenvchan_buffer_space(void *channel)');
  const receive = bind<(channel: Pointer, bytes: Uint8Array, length: number) => number>(
    'int libxenvchan_recv(void *channel, _Out_ void *bytes, size_t length)',
  );
  const send = bind<(channel: Pointer, bytes: Uint8Array, length: number) => number>(
    'int libxenvchan_send(void *channel, const void *bytes, size_t length)',
  );

  return {
    /** Connects to a listener in a domain; undefined, with an errno, where that fails. */
    connect: (domain: number, path: string): Pointer | undefined => clientInit(logger, domain, path) ?? undefined,

    /**
     * Listens for a client in a domain. libxenvchan reads uninitialised memory, and may crash the process, where it
     * gets no port or cannot share memory: the devices for that must exist.
     */
    listen: (domain: number, path: string): Pointer | undefined =>
      serverInit(logger, domain, path, RING.incoming, RING.outgoing) ?? undefined,

    /** The errno of the previous call. */
    errno: (): number => koffi.errno(),

    /** 0 when the other side has gone, 1 while it is connected, 2 where it has not connected yet. */
    isOpen: bind<(channel: Pointer) => number>('int libxenvchan_is_open(void *channel)'),

    close: bind<(channel: Pointer) => void>('void libxenvchan_close(void *channel)'),

    /** Waits until the other side has acted, at most for this time. */
    waitForEvent: (channel: Pointer, milliseconds: number): void => {
      const descriptors = [{ fd: fileDescriptor(channel), events: READABLE, revents: 0 }];
      if (poll(descriptors, 1, milliseconds) > 0) takeEvent(channel);
    },

    /** Sends all bytes or none. */
    trySend: (channel: Pointer, bytes: Uint8Array): 'sent' | 'full' | 'failed' => {
      if (bufferSpace(channel) < bytes.length) return 'full';
      return send(channel, bytes, bytes.length) === bytes.length ? 'sent' : 'failed';
    },

    /** This many bytes, or undefined while there are fewer. */
    tryReceive: (channel: Pointer, length: number): Uint8Array | undefined => {
      if (dataReady(channel) < length) return undefined;
      const bytes = new Uint8Array(length);
      return receive(channel, bytes, length) === length ? bytes : undefined;
    },
  };
}

export type VchanLibrary = ReturnType<typeof loadVchan>;

/** Each version of Xen has its own library name; any will do, the newest first. */
function load(): LibraryHandle {
  const names = [...versions()].map((version) => `libxenvchan.so.${version}`);
  for (const name of ['libxenvchan.so', ...names]) {
    try {
      return koffi.load(name);
    } catch {
      // The next one may exist; if none does, an error follows below.
    }
  }
  throw Object.assign(new Error('there is no libxenvchan.so of any version'), { code: LIBRARY_MISSING });
}

function* versions(): Generator<string> {
  for (let minor = 40; minor >= 2; minor -= 1) yield `4.${minor}`;
  yield '1.0';
}

/** Undefined where its library is missing; libxenvchan prints errors to stderr then. */
function quietLogger(libc: LibraryHandle): Pointer | null {
  try {
    const library = koffi.load('libxentoollog.so.1');
    const create = library.func('void *xtl_createlogger_stdiostream(void *file, int level, uint flags)') as unknown as (
      file: Pointer | null,
      level: number,
      flags: number,
    ) => Pointer | null;
    held.push(library);
    const stderr = koffi.decode(libc.symbol('stderr'), 'void *') as Pointer | null;
    return create(stderr, LOG_CRITICAL, 0);
  } catch {
    return null;
  }
}
