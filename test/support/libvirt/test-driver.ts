import { writeFileSync } from 'node:fs';
import koffi from 'koffi';
import { SystemClock } from '#core/clock.js';
import type { Clock } from '#core/contracts/clock.js';
import { LibvirtBackend } from '#libvirt/libvirt-backend.js';
import { cannotRun } from '../cannot-run.js';
import { MemoryLogger } from '../memory-logger.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { MachinesById } from '../machines-by-id.js';

/** VIR_DOMAIN_UNDEFINE_MANAGED_SAVE: without it a domain whose memory is saved would stay. */
const WITH_SAVED_MEMORY = 1;

type Pointer = bigint;

/**
 * libvirt's own test driver: the real library, with a hypervisor that it makes up within this process. All connections
 * of the process share its domains for as long as one of them is open, which this one is. It calls libvirt on this
 * thread, like somebody else who uses the same hypervisor. Disposed, no domain is left of those that were defined.
 */
export class TestDriver implements Disposable {
  readonly uri = 'test:///default';
  readonly logger = new MemoryLogger();
  readonly folder = new TemporaryFolder();
  readonly #native = bindLibvirt();
  readonly #connection: Pointer;
  readonly #written = new Set<string>();

  private constructor() {
    this.#connection = this.#native.open(this.uri) as Pointer;
  }

  /** Skips the suite where libvirt's library is not installed. */
  static open(context: Mocha.Context): TestDriver {
    try {
      return new TestDriver();
    } catch (error) {
      return cannotRun(context, `libvirt's library cannot be loaded (Debian: libvirt0): ${String(error)}`);
    }
  }

  machines(clock = new SystemClock()): MachinesById {
    return new MachinesById(this.backend(clock));
  }

  /** @param trafficThreshold the packets a minute from which on its domains count as used */
  backend(clock: Clock = new SystemClock(), trafficThreshold?: number): LibvirtBackend {
    return new LibvirtBackend({ connect: this.uri, trafficThreshold }, this.logger, clock);
  }

  /** Writes the definition of a domain to a file, for the option `xml`; `devices` goes into its <devices>. */
  xmlFile(
    name: string,
    { uuid, devices = '', more = '' }: { uuid?: string; devices?: string; more?: string } = {},
  ): string {
    this.#written.add(name);
    const file = this.folder.in(`${name}.xml`);
    writeFileSync(
      file,
      `<?xml version="1.0" encoding="UTF-8"?>
<domain type='test'>
  <name>${name}</name>${uuid === undefined ? '' : `<uuid>${uuid}</uuid>`}
  <memory unit='MiB'>64</memory>
  <os><type>hvm</type></os>${more}
  <devices>${devices}</devices>
</domain>\n`,
    );
    return file;
  }

  /** Does something to a domain behind the backend's back; the result is what libvirt says, -1 for a failure. */
  act(name: string, action: 'create' | 'destroy' | 'suspend' | 'resume' | 'shutdown'): number {
    return this.#withDomain(name, (domain) => this.#native[action](domain) as number) ?? -1;
  }

  undefine(name: string): void {
    this.#withDomain(name, (domain) => this.#native.undefine(domain, WITH_SAVED_MEMORY) as number);
  }

  define(file: { xml: string }): void {
    const domain = this.#native.define(this.#connection, file.xml) as Pointer | null;
    if (domain !== null) this.#native.free(domain);
  }

  isActive(name: string): boolean {
    return this.#withDomain(name, (domain) => this.#native.isActive(domain) === 1) ?? false;
  }

  [Symbol.dispose](): void {
    this.removeAll();
    this.#native.close(this.#connection);
    this.folder[Symbol.dispose]();
  }

  /** Removes every domain that was written, running or not. */
  removeAll(): void {
    for (const name of this.#written) {
      this.act(name, 'destroy');
      this.undefine(name);
    }
    this.#written.clear();
  }

  #withDomain<T>(name: string, use: (domain: Pointer) => T): T | undefined {
    const domain = this.#native.lookup(this.#connection, name) as Pointer | null;
    if (domain === null) return undefined;
    try {
      return use(domain);
    } finally {
      this.#native.free(domain);
    }
  }
}

function bindLibvirt() {
  const library = koffi.load('libvirt.so.0');
  library.func('void virSetErrorFunc(void *data, void *handler)')(null, koffi.load(null).symbol('getpid'));
  return {
    open: library.func('void *virConnectOpen(const char *uri)'),
    close: library.func('int virConnectClose(void *connection)'),
    lookup: library.func('void *virDomainLookupByName(void *connection, const char *name)'),
    define: library.func('void *virDomainDefineXML(void *connection, const char *xml)'),
    undefine: library.func('int virDomainUndefineFlags(void *domain, uint flags)'),
    free: library.func('int virDomainFree(void *domain)'),
    isActive: library.func('int virDomainIsActive(void *domain)'),
    create: library.func('int virDomainCreate(void *domain)'),
    destroy: library.func('int virDomainDestroy(void *domain)'),
    suspend: library.func('int virDomainSuspend(void *domain)'),
    resume: library.func('int virDomainResume(void *domain)'),
    shutdown: library.func('int virDomainShutdown(void *domain)'),
  };
}
