import koffi from 'koffi';

/** An address that only libvirt may look into. */
type Pointer = bigint;

const UUID_BUFFER_LENGTH = 37;

/**
 * libvirt called with nothing in between, on this very thread, which waits: what the backend is compared with. Domains
 * that it has defined are gone when it is disposed.
 */
export class BareLibvirt implements Disposable {
  readonly #native = bindLibvirt();
  readonly #connection: Pointer;
  readonly #defined = new Map<string, Pointer>();

  constructor(uri: string) {
    this.#connection = this.#orThrow(this.#native.open(uri));
  }

  define(name: string, xml: string): void {
    this.#defined.set(name, this.#orThrow(this.#native.define(this.#connection, xml)));
  }

  /** The call alone, of a domain that was defined here. */
  create(name: string): void {
    this.#check(this.#native.create(this.#handle(name)));
  }

  destroy(name: string): void {
    this.#check(this.#native.destroy(this.#handle(name)));
  }

  /** Makes every call that the backend needs for a description. */
  describe(uuid: string): void {
    const domain = this.#orThrow(this.#native.lookup(this.#connection, uuid));
    this.#check(this.#native.state(domain, [0], [0], 0));
    this.#native.xml(domain, 0);
    this.#native.id(domain);
    this.#check(this.#native.uuid(domain, Buffer.alloc(UUID_BUFFER_LENGTH)));
    this.#native.name(domain);
    this.#native.free(domain);
  }

  [Symbol.dispose](): void {
    for (const domain of this.#defined.values()) {
      this.#native.destroy(domain);
      this.#native.undefine(domain);
      this.#native.free(domain);
    }
    this.#native.close(this.#connection);
  }

  #handle(name: string): Pointer {
    const domain = this.#defined.get(name);
    if (domain === undefined) throw new Error(`${name} was not defined`);
    return domain;
  }

  #check(result: number): void {
    if (result < 0) throw new Error(`libvirt: ${this.#native.lastMessage() ?? 'no reason given'}`);
  }

  #orThrow(pointer: Pointer | null): Pointer {
    if (pointer === null) throw new Error(`libvirt: ${this.#native.lastMessage() ?? 'no reason given'}`);
    return pointer;
  }
}

function bindLibvirt() {
  const library = koffi.load('libvirt.so.0');
  // Errors are thrown here: libvirt need not print them as well.
  library.func('void virSetErrorFunc(void *data, void *handler)')(null, koffi.load(null).symbol('getpid'));
  const bind = <F extends (...parameters: never[]) => unknown>(definition: string): F =>
    library.func(definition) as unknown as F;
  type DomainCall = (domain: Pointer) => number;
  return {
    lastMessage: bind<() => string | null>('const char *virGetLastErrorMessage()'),
    open: bind<(uri: string) => Pointer | null>('void *virConnectOpen(const char *uri)'),
    close: bind<(connection: Pointer) => number>('int virConnectClose(void *connection)'),
    define: bind<(connection: Pointer, xml: string) => Pointer | null>(
      'void *virDomainDefineXML(void *connection, const char *xml)',
    ),
    undefine: bind<DomainCall>('int virDomainUndefine(void *domain)'),
    lookup: bind<(connection: Pointer, uuid: string) => Pointer | null>(
      'void *virDomainLookupByUUIDString(void *connection, const char *uuid)',
    ),
    free: bind<DomainCall>('int virDomainFree(void *domain)'),
    create: bind<DomainCall>('int virDomainCreate(void *domain)'),
    destroy: bind<DomainCall>('int virDomainDestroy(void *domain)'),
    id: bind<DomainCall>('uint virDomainGetID(void *domain)'),
    name: bind<(domain: Pointer) => string | null>('const char *virDomainGetName(void *domain)'),
    uuid: bind<(domain: Pointer, buffer: Uint8Array) => number>(
      'int virDomainGetUUIDString(void *domain, _Out_ char *buffer)',
    ),
    state: bind<(domain: Pointer, state: [number], reason: [number], flags: number) => number>(
      'int virDomainGetState(void *domain, _Out_ int *state, _Out_ int *reason, uint flags)',
    ),
    xml: library.func('virDomainGetXMLDesc', koffi.disposable('str'), ['void *', 'uint']) as unknown as (
      domain: Pointer,
      flags: number,
    ) => string | null,
  };
}
