import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { SystemClock } from '#core/clock.js';
import { Xenstore } from '#xenstore/xenstore.js';
import { MemoryLogger } from '../memory-logger.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { PrivateXenstored } from '../xenstore/private-xenstored.js';
import { prepareVchanLibraries } from './vchan-libraries.js';

/** A library is unloaded when nobody holds it any more. */
const held: LibraryHandle[] = [];

/**
 * The real libxenvchan and a real xenstored, with a shim in place of the hypervisor: processes of this machine connect
 * as domains would. This process is domain 0, and so are all others; a domain of the test's own is what the store says.
 */
export class VchanBed implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #before: Readonly<NodeJS.ProcessEnv>;
  /** With which other processes find all of it. */
  readonly environment: Readonly<Record<string, string>>;

  private constructor(
    libraries: readonly string[],
    readonly xenstored: PrivateXenstored,
    readonly store: Xenstore,
  ) {
    const pages = this.#folder.in('vchan');
    mkdirSync(pages);
    const here = { XENSTORED_PATH: xenstored.socket, JITSU_TEST_VCHAN: pages };
    this.#before = Object.fromEntries(Object.keys(here).map((name) => [name, process.env[name]]));
    Object.assign(process.env, here);
    this.environment = { ...here, LD_LIBRARY_PATH: dirname(libraries[0] ?? '') };
    // Loaded by their paths, they are what everybody in this process gets who asks for them by their names.
    for (const library of libraries) held.push(koffi.load(library));
  }

  /** Skips the suite where there can be none. */
  static async start(context: Mocha.Context): Promise<VchanBed> {
    const libraries = await prepareVchanLibraries(context);
    const xenstored = await PrivateXenstored.start(context);
    const { socket } = xenstored;
    const store = await Xenstore.open({ clock: new SystemClock(), logger: new MemoryLogger(), socket });
    await store.write('/local/domain/0/domid', '0');
    return new VchanBed(libraries, xenstored, store);
  }

  /** Puts a domain into the store, as a toolstack does. */
  async addDomain(domainId: number, uuid: string): Promise<void> {
    await this.store.write(`/local/domain/${domainId}/vm`, `/vm/${uuid}`);
    await this.xenstored.introduce(domainId);
  }

  async removeDomain(domainId: number): Promise<void> {
    await this.store.rm(`/local/domain/${domainId}`);
    this.xenstored.removeDomain(domainId);
  }

  /** Calls libxenvchan as if xenstored were away: who closes what he listens on leaves his port in the store, as one killed. */
  withoutStore(call: () => void): void {
    const socket = process.env['XENSTORED_PATH'];
    process.env['XENSTORED_PATH'] = '/nowhere';
    try {
      call();
    } finally {
      process.env['XENSTORED_PATH'] = socket;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [name, value] of Object.entries(this.#before)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    await this.store.close();
    await this.xenstored[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
