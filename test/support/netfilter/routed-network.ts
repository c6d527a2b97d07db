import type { ArmedService, Traffic } from '@jitsud/core/plugin';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NetworkNamespace } from '../network-namespace.js';
import type { ClientOrder, ClientReport } from './client-program.js';
import type { DoormanNews, DoormanOrder } from './doorman-program.js';
import type { GuestOrder } from './guest-program.js';
import type { HeldState } from './list-held.js';
import { startProgram } from './start-program.js';

/** The addresses of the guest on the host's bridge, and of the host there. */
export const GUEST = { ipv4: '10.77.0.80', ipv6: 'fd77::80' } as const;
/** Addresses of the host itself, for clients on it and for those that are routed to it. */
export const LOOPBACK = { ipv4: '127.0.0.1', ipv6: 'fd79::80' } as const;
export const PUBLISHED = { ipv4: '10.78.0.1', ipv6: 'fd78::1' } as const;
export const GUEST_MAC = '02:00:00:00:00:80';
export const TCP_PORT = 80;
export const UDP_PORT = 5300;

/** From where a client comes: the host itself, through the host, or the bridge of the guest. */
export type Place = 'host' | 'routed' | 'bridge';

/**
 * A host with a guest on its bridge, a client that is routed through it, and one on the bridge. Each is a network
 * namespace of its own.
 */
export class RoutedNetwork implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];

  private constructor(
    readonly host: NetworkNamespace,
    readonly guest: NetworkNamespace,
    readonly routed: NetworkNamespace,
    readonly bridge: NetworkNamespace,
  ) {}

  static async create(context?: Mocha.Context): Promise<RoutedNetwork> {
    const made: NetworkNamespace[] = [];
    try {
      for (let count = 0; count < 4; count += 1) made.push(await NetworkNamespace.create(context));
      const [host, guest, routed, bridge] = made as [NetworkNamespace, ...NetworkNamespace[]] as never as [
        NetworkNamespace,
        NetworkNamespace,
        NetworkNamespace,
        NetworkNamespace,
      ];
      const network = new RoutedNetwork(host, guest, routed, bridge);
      await network.#build();
      return network;
    } catch (error) {
      for (const namespace of made) await namespace[Symbol.asyncDispose]();
      throw error;
    }
  }

  namespaceOf(place: Place): NetworkNamespace {
    return place === 'host' ? this.host : place === 'routed' ? this.routed : this.bridge;
  }

  /** Whether the kernel hands packets of bridges to the rules for IP (br_netfilter, where it has that at all). */
  async filterBridges(filters: boolean): Promise<void> {
    const value = filters ? 1 : 0;
    const names = ['iptables', 'ip6tables'].map((rules) => `/proc/sys/net/bridge/bridge-nf-call-${rules}`);
    const set = `for name; do [ ! -e $name ] || echo ${value} > $name; done`;
    await this.host.run('sh', '-c', set, 'sh', ...names);
  }

  /** A unikernel of `guest-plugin`. @param folder for its process id */
  aGuest(folder: string, more: object = {}): object {
    return {
      ...{ name: 'www', dns: 'www.test', backend: 'guests', ip: [GUEST.ipv4, GUEST.ipv6] },
      ...{ ready: `tcp:${TCP_PORT}`, ports: [`tcp/${TCP_PORT}`, `udp/${UDP_PORT}`] },
      ...{ namespace: this.guest.name, mac: GUEST_MAC, pidFile: `${folder}/guest.pid` },
      ...more,
    };
  }

  /** Starts a program of `test/support/netfilter` in a namespace. */
  async start(
    namespace: NetworkNamespace,
    name: string,
    words: readonly string[] = [],
    through: readonly string[] = [],
  ): Promise<ChildProcess> {
    const child = await startProgram(namespace, name, words, through, (started) => this.#children.push(started));
    return child;
  }

  async startGuest(): Promise<Guest> {
    return new Guest(await this.start(this.guest, 'guest-program'));
  }

  /** A service of the host itself, which is off while nothing listens. */
  async startProcess(): Promise<Guest> {
    return new Guest(await this.start(this.host, 'guest-program', ['none']));
  }

  /** A firewall beside it. */
  async startFirewall(): Promise<Firewall> {
    return new Firewall(await this.start(this.host, 'firewall-program'));
  }

  /** The packet filter's tables in the host, and how many packets wait in each queue. */
  async held(): Promise<HeldState> {
    const program = fileURLToPath(new URL('list-held.js', import.meta.url));
    return JSON.parse(await this.host.run(process.execPath, program)) as HeldState;
  }

  async startClient(place: Place): Promise<Client> {
    return new Client(await this.start(this.namespaceOf(place), 'client-program'));
  }

  /** @param through what starts it, such as setpriv, with its words */
  async startDoorman(options: object = {}, through: readonly string[] = []): Promise<LabDoorman> {
    const doorman = new LabDoorman(await this.start(this.host, 'doorman-program', [], through));
    await doorman.order({ options });
    return doorman;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const namespace of [this.host, this.guest, this.routed, this.bridge]) await namespace[Symbol.asyncDispose]();
  }

  async #build(): Promise<void> {
    const { host, guest, routed, bridge } = this;
    const pairs = [
      ['vg0', guest],
      ['vc0', routed],
      ['vd0', bridge],
    ] as const;
    await host.run('ip', 'link', 'add', 'br0', 'type', 'bridge');
    for (const [name, peer] of pairs) {
      await host.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', peer.name);
      if (name !== 'vc0') await host.run('ip', 'link', 'set', name, 'master', 'br0');
      await host.run('ip', 'link', 'set', name, 'up');
    }
    const addressed = async (
      namespace: NetworkNamespace,
      device: string,
      addresses: readonly string[],
      routes: readonly string[],
    ): Promise<void> => {
      for (const address of addresses) {
        const flags = address.includes(':') ? ['nodad'] : [];
        await namespace.run('ip', 'address', 'add', address, 'dev', device, ...flags);
      }
      await namespace.run('ip', 'link', 'set', device, 'up');
      for (const route of routes) await namespace.run('ip', 'route', 'add', 'default', 'via', route);
    };
    await addressed(host, 'br0', ['10.77.0.1/24', 'fd77::1/64'], []);
    await addressed(host, 'vc0', ['10.78.0.1/24', 'fd78::1/64'], []);
    await host.run('ip', 'address', 'add', LOOPBACK.ipv6, 'dev', 'lo');
    await host.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    await guest.run('sysctl', '-qw', 'net.ipv6.conf.all.keep_addr_on_down=1', 'net.ipv6.conf.eth0.keep_addr_on_down=1');
    await guest.run('ip', 'link', 'set', 'eth0', 'address', GUEST_MAC);
    await addressed(guest, 'eth0', ['10.77.0.80/24', 'fd77::80/64'], ['10.77.0.1', 'fd77::1']);
    await addressed(routed, 'eth0', ['10.78.0.2/24', 'fd78::2/64'], ['10.78.0.1', 'fd78::1']);
    await addressed(bridge, 'eth0', ['10.77.0.9/24', 'fd77::9/64'], ['10.77.0.1']);
    await guest.run('ip', 'link', 'set', 'eth0', 'down');
  }
}

export class Guest {
  constructor(readonly process: ChildProcess) {}

  /** Resolves when it listens. @param after in milliseconds */
  async boot(after = 80): Promise<void> {
    await ask(this.process, { boot: after } satisfies GuestOrder, (news) => 'booted' in news);
  }

  /** Its device goes down, and its connections live on. */
  async suspend(): Promise<void> {
    await ask(this.process, { device: 'down' } satisfies GuestOrder, (news) => 'device' in news);
  }

  async resume(): Promise<void> {
    await ask(this.process, { device: 'up' } satisfies GuestOrder, (news) => 'device' in news);
  }

  async halt(): Promise<void> {
    await ask(this.process, { halt: true } satisfies GuestOrder, (news) => 'halted' in news);
  }
}

export class Firewall {
  constructor(readonly process: ChildProcess) {}

  /** Deletes all tables, as the reload of a firewall does. Resolves with `all`, or with the kernel's error. */
  async flush(): Promise<unknown> {
    const { flushed } = await ask(this.process, {}, (news) => 'flushed' in news);
    return flushed;
  }
}

/** A connection of a {@link Client} that stays open. */
export interface OpenConnection {
  /** Says something, and waits for the answer. */
  say(): Promise<ClientReport>;
}

export class Client {
  #count = 0;

  constructor(readonly process: ChildProcess) {}

  /** Opens a connection on which more can be said. */
  async hold(host: string = GUEST.ipv4, more: Partial<ClientOrder> = {}): Promise<OpenConnection> {
    const { number, error } = await this.tcp(host, { keep: true, ...more });
    if (error !== undefined) throw new Error(error);
    return { say: () => this.tcp(host, { on: number }) };
  }

  async connect(order: Omit<ClientOrder, 'number'>): Promise<ClientReport> {
    this.#count += 1;
    const number = this.#count;
    const report = await ask(this.process, { ...order, number }, (news) => news['number'] === number);
    return report as unknown as ClientReport;
  }

  tcp(host: string = GUEST.ipv4, more: Partial<ClientOrder> = {}): Promise<ClientReport> {
    return this.connect({ host, port: TCP_PORT, protocol: 'tcp', ...more });
  }

  udp(host: string = GUEST.ipv4, more: Partial<ClientOrder> = {}): Promise<ClientReport> {
    return this.connect({ host, port: UDP_PORT, protocol: 'udp', ...more });
  }
}

export class LabDoorman {
  #count = 0;
  readonly news: DoormanNews[] = [];

  constructor(readonly process: ChildProcess) {
    process.on('message', (news: DoormanNews) => this.news.push(news));
  }

  get knocks(): readonly Extract<DoormanNews, { knock: unknown }>['knock'][] {
    return this.news.flatMap((news) => ('knock' in news ? news.knock : []));
  }

  /** What it has said of its losses: a reason, or null where it holds again. */
  get losses(): readonly (string | null)[] {
    return this.news.flatMap((news) => ('loss' in news ? [news.loss] : []));
  }

  async observe(service: ArmedService): Promise<Traffic> {
    const { traffic = {} } = await this.order({ observe: service });
    return traffic;
  }

  async order(order: Omit<DoormanOrder, 'number'>): Promise<{ readonly traffic?: Traffic }> {
    this.#count += 1;
    const number = this.#count;
    const { error, traffic } = await ask(this.process, { ...order, number }, (news) => news['number'] === number);
    if (error !== undefined) throw new Error(error as string);
    return traffic === undefined ? {} : { traffic: traffic as Traffic };
  }

  /** Closes it, and ends its process. */
  async end(): Promise<void> {
    await this.order({ close: true });
    this.process.kill('SIGKILL');
  }

  /** Calls back for each knock from now on. */
  onKnock(listener: (knock: Extract<DoormanNews, { knock: unknown }>['knock']) => void): void {
    this.process.on('message', (news: DoormanNews) => {
      if ('knock' in news) listener(news.knock);
    });
  }
}

type News = Readonly<Record<string, unknown>>;

/** Sends a message, and resolves with the first answer that fits. */
async function ask(child: ChildProcess, order: object, fits: (news: News) => boolean): Promise<News> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      child.off('message', take);
      child.off('exit', gone);
    };
    const take = (news: News): void => {
      if (!fits(news)) return;
      end();
      resolve(news);
    };
    const gone = (): void => {
      end();
      reject(new Error('the program has ended'));
    };
    child.on('message', take);
    child.on('exit', gone);
    child.send(order);
  });
}
