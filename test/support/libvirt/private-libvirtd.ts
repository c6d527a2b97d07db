import { execFile, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cannotRun } from '../cannot-run.js';
import type { GuestOptions } from '../guest/guest-command-line.js';
import { prepareGuestImage, type GuestImage } from '../guest/guest-image.js';
import type { GuestPage } from '../guest/guest-program.js';
import type { NetworkNamespace } from '../network-namespace.js';
import { requireTool } from '../require-tool.js';
import { CapabilityCache } from './capability-cache.js';
import { guestDomainXml, type GuestDomain } from './guest-domain.js';
import { libvirtdConf, QEMU_CONF } from './libvirtd-settings.js';
import { Sandbox } from './sandbox.js';

const run = promisify(execFile);
const GET_PAGE = fileURLToPath(new URL('get-page.js', import.meta.url));
const BRIDGE = 'br0';
const NETWORK = '10.77.0';
const USUAL: GuestLink = { bridge: BRIDGE, network: NETWORK };
/** A first probe of QEMU takes some seconds, and other suites run at the same time. */
const START_LIMIT = 60_000;
const VIRSH_LIMIT = 30_000;

/** The bridge on which guests are, and the first three numbers of their addresses. */
export interface GuestLink {
  readonly bridge: string;
  readonly network: string;
}

/** A guest that {@link PrivateLibvirtd} knows of, and where its XML is. */
export interface DefinedGuest extends GuestDomain {
  readonly xmlFile: string;
}

/**
 * A real libvirtd with QEMU, of one's own: in a {@link Sandbox} with a bridge, so that it has nothing to do with the
 * libvirtd of the machine. Its sockets can be reached from everywhere; its guests only from within its network
 * namespace. It writes the consoles of its guests itself, so it needs no virtlogd. Dispose it in an `after` hook: that
 * ends the guests too.
 */
export class PrivateLibvirtd implements AsyncDisposable {
  /** Opens it to read and write. */
  readonly uri: string;
  /** Opens its read-only socket, through which nothing can be changed. */
  readonly readOnlyUri: string;
  /** The bridge on which its guests are. */
  readonly bridge = BRIDGE;
  readonly #guests = new Map<string, Omit<GuestDomain, 'name'>>();
  /** nsenter, the parent of libvirtd: it ends when that does, and halts when that is halted. */
  #keeper: ChildProcess | undefined;
  #pid: number | undefined;

  private constructor(
    private readonly sandbox: Sandbox,
    private readonly image: GuestImage,
    private readonly capabilities: CapabilityCache,
    private readonly libvirtd: string,
    private readonly client: string,
  ) {
    this.uri = `qemu+unix:///system?socket=${this.folder}/libvirt-sock`;
    this.readOnlyUri = `${this.uri}-ro`;
  }

  /** Makes one, not started yet, and removes what killed test runs have left. Skips the suite where it cannot run. */
  static async create(context: Mocha.Context): Promise<PrivateLibvirtd> {
    const libvirtd = requireTool(context, 'libvirtd');
    const virsh = requireTool(context, 'virsh');
    const qemu = requireTool(context, 'qemu-system-x86_64');
    if (!existsSync('/dev/net/tun')) cannotRun(context, 'there is no /dev/net/tun');
    const image = await prepareGuestImage(context);
    const capabilities = await CapabilityCache.of(libvirtd, qemu);
    const sandbox = await Sandbox.create(context);
    try {
      const created = new PrivateLibvirtd(sandbox, image, capabilities, libvirtd, virsh);
      await created.#prepare();
      return created;
    } catch (error) {
      await sandbox[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where its guests are, with 10.77.0.1 at this end of the bridge. */
  get namespace(): NetworkNamespace {
    return this.sandbox.namespace;
  }

  /** All its files, its sockets and the XML of its guests are in it. */
  get folder(): string {
    return this.sandbox.folder;
  }

  /** Starts libvirtd, also once more after its end: then it finds the guests that run. Resolves when it answers. */
  async start(): Promise<void> {
    const log = openSync(join(this.folder, 'libvirtd.log'), 'a');
    const keeper = this.sandbox.spawn(this.libvirtd, ['ignore', log, log]);
    closeSync(log);
    this.#keeper = keeper;
    this.#pid = undefined;
    const limit = Date.now() + START_LIMIT;
    for (;;) {
      try {
        await this.virsh('version');
        break;
      } catch (error) {
        if (Date.now() < limit && isThere(keeper)) await sleep(20);
        else throw new Error(`libvirtd does not answer; its log says:\n${await this.log()}`, { cause: error });
      }
    }
    this.#pid = await this.sandbox.programOf(keeper);
    await this.capabilities.keep(join(this.folder, 'cache/qemu/capabilities'));
  }

  /** Ends libvirtd without a chance to say or save anything. Its guests run on. */
  async kill(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined || this.#pid === undefined || !isThere(keeper)) return;
    const ended = once(keeper, 'exit');
    this.#signal('SIGKILL');
    keeper.kill('SIGCONT');
    await ended;
  }

  /** Halts libvirtd: it keeps its connections, accepts more, and answers nothing. Its guests run on. */
  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
    this.#keeper?.kill('SIGCONT');
  }

  /** What libvirtd has written so far. */
  log(): Promise<string> {
    return readFile(join(this.folder, 'libvirtd.log'), 'utf8');
  }

  /** What a guest has written to its console since its last start. */
  console(name: string): Promise<string> {
    return readFile(this.#consoleFile(name), 'utf8');
  }

  /** Runs a command of virsh, connected to it, and resolves with what that printed; rejects where it failed. */
  async virsh(...words: string[]): Promise<string> {
    const { stdout } = await run(this.client, ['--quiet', '--connect', this.uri, ...words], {
      timeout: VIRSH_LIMIT,
      killSignal: 'SIGKILL',
      env: { ...process.env, LC_ALL: 'C' },
    });
    return stdout.trim();
  }

  /** A guest with an address of its own, which libvirt is not told of yet; the same one for the same name. */
  async guest(name: string, options: GuestOptions = {}, link: GuestLink = USUAL): Promise<DefinedGuest> {
    const xmlFile = join(this.folder, `${name}.xml`);
    await writeFile(xmlFile, this.xmlOf(name, options, link));
    return { ...this.#guestNamed(name, link), xmlFile };
  }

  /** Tells libvirt of a guest, which it does not start. */
  async define(name: string, options: GuestOptions = {}, link: GuestLink = USUAL): Promise<DefinedGuest> {
    const guest = await this.guest(name, options, link);
    await this.virsh('define', guest.xmlFile);
    return guest;
  }

  /** The domain XML of such a guest. */
  xmlOf(name: string, options: GuestOptions = {}, link: GuestLink = USUAL): string {
    return guestDomainXml(this.#guestNamed(name, link), this.image, link.bridge, this.#consoleFile(name), options);
  }

  /** The names of the domains that run, or are paused. */
  async domains(): Promise<readonly string[]> {
    return (await this.virsh('list', '--name')).split('\n').filter((name) => name !== '');
  }

  /** The body of a page, asked for once, from within the namespace; rejects where there is none within 5 seconds. */
  async get(url: string): Promise<string> {
    return await this.namespace.run(process.execPath, GET_PAGE, url);
  }

  /** What a guest says of itself; rejects where it does not serve. */
  async pageOf({ address }: { readonly address: string }): Promise<GuestPage> {
    return JSON.parse(await this.get(`http://${address}/cgi-bin/uptime`)) as GuestPage;
  }

  /** The same, asked for until there is an answer; rejects where there is none within these milliseconds. */
  async untilServing(guest: { readonly address: string }, milliseconds = 30_000): Promise<GuestPage> {
    const limit = Date.now() + milliseconds;
    for (;;) {
      try {
        return await this.pageOf(guest);
      } catch (error) {
        if (Date.now() > limit) throw new Error(`nothing serves at ${guest.address}`, { cause: error });
      }
    }
  }

  /** The processes of QEMU that run a domain: one, or none. */
  async qemuPids(name: string): Promise<readonly number[]> {
    const pids = await this.sandbox.pids();
    const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
    return pids.filter((_pid, index) => commands[index]?.includes(`\0guest=${name},`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.sandbox[Symbol.asyncDispose]();
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) throw new Error('libvirtd was not started');
    process.kill(this.#pid, signal);
  }

  async #prepare(): Promise<void> {
    await writeFile(join(this.folder, 'etc/libvirtd.conf'), libvirtdConf(this.folder));
    await writeFile(join(this.folder, 'etc/qemu.conf'), QEMU_CONF);
    await this.capabilities.copyTo(join(this.folder, 'cache/qemu/capabilities'));
    const { namespace } = this;
    await namespace.run('ip', 'link', 'add', BRIDGE, 'type', 'bridge', 'forward_delay', '0');
    await namespace.run('ip', 'address', 'add', `${NETWORK}.1/24`, 'dev', BRIDGE);
    await namespace.run('ip', 'link', 'set', BRIDGE, 'up');
  }

  #guestNamed(name: string, { network }: GuestLink): GuestDomain {
    const number = this.#guests.size + 2;
    const guest = this.#guests.get(name) ?? {
      uuid: randomUUID(),
      address: `${network}.${number}`,
      mac: `52:54:00:00:00:${number.toString(16).padStart(2, '0')}`,
    };
    this.#guests.set(name, guest);
    return { name, ...guest };
  }

  #consoleFile(name: string): string {
    return join(this.folder, `${name}.console`);
  }
}

function isThere({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
