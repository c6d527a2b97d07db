import koffi, { type LibraryHandle } from 'koffi';

/** An address that only libvirt may dereference. It is valid in all threads of this process. */
export type Pointer = bigint;

/** A C string of 36 characters and its end: VIR_UUID_STRING_BUFLEN. */
export const UUID_BUFFER_LENGTH = 37;

/** The message of the error for a missing library, by which the other threads recognise it. */
export const LIBRARY_MISSING = 'LIBVIRT_LIBRARY_MISSING';

const FILES =
  process.platform === 'darwin'
    ? ['libvirt.0.dylib', '/opt/homebrew/lib/libvirt.0.dylib', '/usr/local/lib/libvirt.0.dylib']
    : ['libvirt.so.0'];

/** virError up to the last member that is read here (virterror.h). */
const virError = koffi.struct({ code: 'int', domain: 'int', message: 'str' });

export interface LibvirtErrorRecord {
  readonly code: number;
  readonly domain: number;
  readonly message: string | null;
}

/**
 * The functions of libvirt's C library that this plugin calls, under their own names. Each blocks its thread, and
 * leaves its error to that thread only: only worker threads load this.
 */
export function loadLibvirt() {
  const library = load();
  // A C function that serves as an empty callback: getpid ignores its arguments.
  const nothing = koffi.load(null).symbol('getpid') as unknown;
  // libvirt would print every error to stderr. The replacement is called by any of its threads, so it cannot be
  // JavaScript.
  library.func('void virSetErrorFunc(void *data, void *handler)')(null, nothing);
  const bind = <F extends (...parameters: never[]) => unknown>(definition: string): F =>
    library.func(definition) as unknown as F;
  const ownedString = koffi.disposable('str');
  const getLastError = bind<() => Pointer | null>('void *virGetLastError()');

  return {
    nothing,

    lastError: (): LibvirtErrorRecord | undefined => {
      const error = getLastError();
      return error === null ? undefined : (koffi.decode(error, virError) as LibvirtErrorRecord);
    },

    virEventRegisterDefaultImpl: bind<() => number>('int virEventRegisterDefaultImpl()'),
    virEventRunDefaultImpl: bind<() => number>('int virEventRunDefaultImpl()'),
    virEventAddTimeout: bind<(milliseconds: number, callback: unknown, data: null, free: null) => number>(
      'int virEventAddTimeout(int milliseconds, void *callback, void *data, void *free)',
    ),

    virConnectOpen: bind<(uri: string) => Pointer | null>('void *virConnectOpen(const char *uri)'),
    virConnectClose: bind<(connection: Pointer) => number>('int virConnectClose(void *connection)'),
    virConnectIsAlive: bind<(connection: Pointer) => number>('int virConnectIsAlive(void *connection)'),
    virConnectSetKeepAlive: bind<(connection: Pointer, seconds: number, count: number) => number>(
      'int virConnectSetKeepAlive(void *connection, int seconds, uint count)',
    ),
    virConnectDomainEventRegisterAny: bind<
      (connection: Pointer, domain: null, event: number, callback: Pointer, data: null, free: null) => number
    >(
      'int virConnectDomainEventRegisterAny(void *connection, void *domain, int event, void *callback, void *data, void *free)',
    ),
    virConnectDomainEventDeregisterAny: bind<(connection: Pointer, registration: number) => number>(
      'int virConnectDomainEventDeregisterAny(void *connection, int registration)',
    ),

    virDomainLookupByUUIDString: bind<(connection: Pointer, uuid: string) => Pointer | null>(
      'void *virDomainLookupByUUIDString(void *connection, const char *uuid)',
    ),
    virDomainLookupByName: bind<(connection: Pointer, name: string) => Pointer | null>(
      'void *virDomainLookupByName(void *connection, const char *name)',
    ),
    virDomainDefineXML: bind<(connection: Pointer, xml: string) => Pointer | null>(
      'void *virDomainDefineXML(void *connection, const char *xml)',
    ),
    virDomainFree: bind<(domain: Pointer) => number>('int virDomainFree(void *domain)'),
    virDomainGetName: bind<(domain: Pointer) => string | null>('const char *virDomainGetName(void *domain)'),
    virDomainGetUUIDString: bind<(domain: Pointer, buffer: Uint8Array) => number>(
      'int virDomainGetUUIDString(void *domain, _Out_ char *buffer)',
    ),
    virDomainGetID: bind<(domain: Pointer) => number>('uint virDomainGetID(void *domain)'),
    virDomainGetState: bind<(domain: Pointer, state: [number], reason: [number], flags: number) => number>(
      'int virDomainGetState(void *domain, _Out_ int *state, _Out_ int *reason, uint flags)',
    ),
    virDomainGetXMLDesc: library.func('virDomainGetXMLDesc', ownedString, ['void *', 'uint']) as unknown as (
      domain: Pointer,
      flags: number,
    ) => string | null,
    /** Fills long longs: bytes, packets, errors and drops of what the domain receives, and then of what it sends. */
    virDomainInterfaceStats: bind<(domain: Pointer, device: string, stats: Uint8Array, size: number) => number>(
      'int virDomainInterfaceStats(void *domain, const char *device, _Out_ uint8_t *stats, size_t size)',
    ),
    virDomainCreate: bind<(domain: Pointer) => number>('int virDomainCreate(void *domain)'),
    virDomainDestroy: bind<(domain: Pointer) => number>('int virDomainDestroy(void *domain)'),
    virDomainShutdown: bind<(domain: Pointer) => number>('int virDomainShutdown(void *domain)'),
    virDomainSuspend: bind<(domain: Pointer) => number>('int virDomainSuspend(void *domain)'),
    virDomainResume: bind<(domain: Pointer) => number>('int virDomainResume(void *domain)'),
    virDomainPMWakeup: bind<(domain: Pointer, flags: number) => number>(
      'int virDomainPMWakeup(void *domain, uint flags)',
    ),
    virDomainManagedSave: bind<(domain: Pointer, flags: number) => number>(
      'int virDomainManagedSave(void *domain, uint flags)',
    ),
  };
}

export type LibvirtLibrary = ReturnType<typeof loadLibvirt>;

function load(): LibraryHandle {
  const failures: string[] = [];
  for (const file of FILES) {
    try {
      return koffi.load(file);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw Object.assign(new Error(failures.join('; ')), { code: LIBRARY_MISSING });
}
