import type { ChildProcess } from 'node:child_process';
import { NetworkNamespace } from '../network-namespace.js';
import { Client, type Place } from '../netfilter/routed-network.js';
import { startProgram } from '../netfilter/start-program.js';
import type { PrivateLibvirtd } from './private-libvirtd.js';

/** The host's end of the network of a client beyond it, and this client. */
const BEYOND = { host: '10.78.0.1', client: '10.78.0.2' } as const;
/** A client on the bridge of the guests. */
const BESIDE = '10.77.0.200';

/**
 * Clients of the guests of a {@link PrivateLibvirtd}: one on their host, one that is routed through it, and one on their
 * bridge, of which the guest's own tap so is not the only port. Disposed, nothing of them is left.
 */
export class GuestClients implements AsyncDisposable {
  readonly #namespaces: NetworkNamespace[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #clients = new Map<Place, Client>();

  private constructor(private readonly libvirtd: PrivateLibvirtd) {}

  static async connect(context: Mocha.Context, libvirtd: PrivateLibvirtd): Promise<GuestClients> {
    const clients = new GuestClients(libvirtd);
    try {
      await clients.#connect(context);
      return clients;
    } catch (error) {
      await clients[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The address from which the client at a place comes. */
  static addressOf(place: Place): string {
    return { host: '10.77.0.1', routed: BEYOND.client, bridge: BESIDE }[place];
  }

  at(place: Place): Client {
    const client = this.#clients.get(place);
    if (client === undefined) throw new Error(`there is no client at ${place}`);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const namespace of this.#namespaces) await namespace[Symbol.asyncDispose]();
  }

  async #connect(context: Mocha.Context): Promise<void> {
    const { namespace: host, bridge } = this.libvirtd;
    const beyond = await this.#attach(context, 'beyond', `${BEYOND.client}/24`);
    await host.run('ip', 'address', 'add', `${BEYOND.host}/24`, 'dev', 'beyond');
    await beyond.run('ip', 'route', 'add', 'default', 'via', BEYOND.host);
    await host.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    const beside = await this.#attach(context, 'beside', `${BESIDE}/24`);
    await host.run('ip', 'link', 'set', 'beside', 'master', bridge);
    const places = [
      ['host', host],
      ['routed', beyond],
      ['bridge', beside],
    ] as const;
    for (const [place, namespace] of places) {
      const child = await startProgram(namespace, 'client-program', [], [], (started) => this.#children.push(started));
      this.#clients.set(place, new Client(child));
    }
  }

  /** Another network namespace behind a device of this name. */
  async #attach(context: Mocha.Context, device: string, address: string): Promise<NetworkNamespace> {
    const { namespace: host } = this.libvirtd;
    const namespace = await NetworkNamespace.create(context);
    this.#namespaces.push(namespace);
    await host.run('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace.name);
    await host.run('ip', 'link', 'set', device, 'up');
    await namespace.run('ip', 'address', 'add', address, 'dev', 'eth0');
    await namespace.run('ip', 'link', 'set', 'eth0', 'up');
    return namespace;
  }
}
