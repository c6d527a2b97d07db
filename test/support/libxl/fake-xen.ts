import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Message } from '#xenstore/message.js';
import { MessageType } from '#xenstore/message-type.js';
import { domainConfig } from '#libxl/domain-config.js';
import { libxlOptions, type LibxlOptions } from '#libxl/libxl-options.js';
import type { FixedPlan } from '#libxl/guest.js';
import type { Seal } from '#libxl/sealed/messages.js';
import type { XenParts } from '#libxl/xen-host.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { FakeXenstored, reply } from '../xenstore/fake-xenstored.js';

/** What is known of a domain that is none. */
export interface FakeDomain {
  readonly uuid: string;
  readonly kernel: string;
  readonly cmdline: string;
  /** The memory that it was restored from. */
  readonly memory: string;
  readonly paused: boolean;
  readonly cpu_time?: number;
  readonly shutdown?: boolean;
  readonly shutdown_reason?: string;
  /** The user of the process that has made it. */
  readonly madeBy?: number | undefined;
}

const VM = /^\/local\/domain\/(\d+)\/vm$/;
const SHUTDOWN = /^\/local\/domain\/(\d+)\/control\/shutdown$/;

/** A host without Xen, for processes that this one starts: its xenstored, its libxl, and its domains as files. */
export class FakeXen implements AsyncDisposable {
  readonly folder = new TemporaryFolder();
  /** What xenstore says of whose a domain is, where that is not true. */
  readonly lies = new Map<number, string>();
  /** Whether guests say that they can be suspended. */
  isSuspendable = true;
  readonly #before = { ...process.env };

  private constructor(private readonly xenstored: FakeXenstored) {
    mkdirSync(this.folder.in('domains'));
    writeFileSync(this.folder.in('kernel'), 'kernel');
    // The folder of a host, which everybody may enter.
    chmodSync(this.folder.path, 0o755);
    writeFileSync(this.folder.in('type'), 'xen');
    writeFileSync(this.folder.in('capabilities'), 'control_d');
    process.env['XENSTORED_PATH'] = xenstored.socket;
    process.env['FAKE_XEN_DOMAINS'] = this.folder.in('domains');
  }

  static async start(): Promise<FakeXen> {
    const xenstored = await FakeXenstored.start();
    const fake = new FakeXen(xenstored);
    xenstored.behaviour = (request, peer) => fake.#answer(request, peer);
    return fake;
  }

  /** The folder for saved memory. */
  get saves(): string {
    return this.folder.in('saves');
  }

  /** The options of a guest. */
  options(name: string, more: object = {}): LibxlOptions {
    return libxlOptions.parse({ name, kernel: this.folder.in('kernel'), memory: '64MiB', ...more });
  }

  plan(id: string, name: string, more: object = {}): FixedPlan {
    return { id, name, config: domainConfig(id, this.options(name, more)) };
  }

  /** What stands in for Xen's own parts. */
  get parts(): XenParts {
    const places = {
      ...{ hypervisorType: this.folder.in('type'), capabilities: this.folder.in('capabilities') },
      ...{ devices: ['/dev/null'], socket: this.xenstored.socket },
    };
    const program = new URL('./fake-xen-program.js', import.meta.url).href;
    return { program, places };
  }

  /** What a process of root is told that has these guests. */
  seal(...guests: readonly FixedPlan[]): Seal {
    return { saves: this.saves, guests, parts: this.parts };
  }

  /** The domains that there are, by their ids. */
  get domains(): ReadonlyMap<number, FakeDomain> {
    const ids = readdirSync(this.folder.in('domains')).map(Number).filter(Number.isInteger);
    return new Map(
      ids.map((id) => [id, JSON.parse(readFileSync(this.folder.in('domains', String(id)), 'utf8')) as FakeDomain]),
    );
  }

  /** A domain that somebody else has made. */
  addDomain(id: number, domain: FakeDomain): void {
    writeFileSync(this.folder.in('domains', String(id)), JSON.stringify(domain));
  }

  /** How many are connected to its xenstored. */
  get connections(): number {
    return this.xenstored.peers.size;
  }

  /** Who looks for Xen does not find it any more. */
  hide(): void {
    rmSync(this.folder.in('type'));
  }

  /** What libxl was asked for that changes anything, and xenstored to write. */
  get calls(): readonly string[] {
    try {
      return readFileSync(this.folder.in('domains', 'calls'), 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  }

  forgetCalls(): void {
    rmSync(this.folder.in('domains', 'calls'), { force: true });
  }

  /** No domain, no saved memory and no call is left. */
  reset(): void {
    for (const name of readdirSync(this.folder.in('domains'))) rmSync(this.folder.in('domains', name));
    if (existsSync(this.saves)) for (const name of readdirSync(this.saves)) rmSync(join(this.saves, name));
    this.lies.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of ['XENSTORED_PATH', 'FAKE_XEN_DOMAINS']) {
      if (this.#before[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = this.#before[name];
    }
    await this.xenstored[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }

  #answer(request: Message, peer: Socket): void {
    const [path = '', value = ''] = request.payload.toString().split('\0');
    const say = (payload: string, changes: Partial<Message> = {}): void =>
      void peer.write(reply(request, payload, changes));
    switch (request.type) {
      case MessageType.watch:
        say('OK\0');
        return void peer.write(reply(request, `${path}\0${value}\0`, { type: MessageType.watchEvent, request: 0 }));
      case MessageType.unwatch:
        return say('OK\0');
      case MessageType.write: {
        const id = Number(SHUTDOWN.exec(path)?.[1]);
        const domain = this.domains.get(id);
        if (domain !== undefined) this.addDomain(id, { ...domain, shutdown: true, shutdown_reason: value });
        writeFileSync(this.folder.in('domains', 'calls'), `write ${path}\n`, { flag: 'a' });
        return say('OK\0');
      }
      case MessageType.directory:
        if (path === '/local/domain') return say(['0', ...this.domains.keys()].map((name) => `${name}\0`).join(''));
        break;
      case MessageType.read: {
        const id = Number(VM.exec(path)?.[1]);
        const uuid = this.lies.get(id) ?? this.domains.get(id)?.uuid;
        if (uuid !== undefined) return say(`/vm/${uuid}`);
        if (path.endsWith('/control/feature-suspend') && this.isSuspendable) return say('1');
      }
    }
    say('ENOENT\0', { type: MessageType.error });
  }
}
