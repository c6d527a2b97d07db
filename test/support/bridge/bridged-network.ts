import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NetworkNamespace } from '../network-namespace.js';
import { TemporaryFolder } from '../temporary-folder.js';
import type { GuestReport } from './bridged-guest.js';
import { tellGuest } from './tell-guest.js';

const GUEST = fileURLToPath(new URL('./bridged-guest.js', import.meta.url));

/** The backend that starts the guests of a {@link BridgedNetwork}, as a plugin's file. */
export const BRIDGED_BACKEND = fileURLToPath(new URL('./bridged-backend.js', import.meta.url));

const BRIDGE = 'br0';

/** A host with a bridge, and a guest on it, in network namespaces of their own. Needs root and iproute2. */
export class BridgedNetwork implements AsyncDisposable {
  readonly addresses = { 4: '10.77.0.80', 6: 'fd77::80' } as const;
  readonly #folder = new TemporaryFolder();
  /** Where the guest takes its orders. */
  readonly socket = this.#folder.in('guest.sock');

  private constructor(
    readonly host: NetworkNamespace,
    readonly guest: NetworkNamespace,
  ) {}

  /** @param otherPort whether the bridge has a further port, and so a carrier, while the guest is down */
  static async create(context: Mocha.Context, otherPort: boolean): Promise<BridgedNetwork> {
    const network = new BridgedNetwork(await NetworkNamespace.create(context), await NetworkNamespace.create(context));
    try {
      await network.#open(otherPort);
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  /** The configuration of a unikernel that is the guest. */
  unikernel(version: 4 | 6, more: object = {}): object {
    const id = `00000000-0000-4000-8000-00000000000${version}`;
    const ip = this.addresses[version];
    return { name: 'guest', dns: 'guest.test', ip, id, socket: this.socket, ready: 'tcp:8080', ...more };
  }

  order(word: string): Promise<GuestReport> {
    return tellGuest(this.socket, word);
  }

  /** Has the kernel of the host forget all neighbours. */
  async forget(): Promise<void> {
    await this.host.run('ip', 'neighbour', 'flush', 'all');
  }

  /** What the kernel of the host knows of the guest. */
  async neighbour(version: 4 | 6): Promise<{ readonly mac: string; readonly states: string }> {
    const words = ['-j', 'neighbour', 'show', this.addresses[version], 'dev', BRIDGE];
    type Shown = readonly { readonly lladdr?: string; readonly state: readonly string[] }[];
    const [entry] = JSON.parse(await this.host.run('ip', ...words)) as Shown;
    return { mac: entry?.lladdr ?? '', states: entry?.state.join() ?? '' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
    await this.guest[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }

  async #open(otherPort: boolean): Promise<void> {
    const { host, guest } = this;
    const on = (where: NetworkNamespace, words: string): Promise<string> => where.run('ip', ...words.split(' '));
    await on(host, `link add ${BRIDGE} type bridge`);
    await on(host, `address add 10.77.0.1/24 dev ${BRIDGE}`);
    await on(host, `address add fd77::1/64 dev ${BRIDGE} nodad`);
    await on(host, `link set ${BRIDGE} up`);
    await on(host, `link add guest0 type veth peer name eth0 netns ${guest.name}`);
    await on(host, `link set guest0 master ${BRIDGE} up`);
    if (otherPort) {
      await on(host, 'link add port0 type veth peer name port1');
      await on(host, `link set port0 master ${BRIDGE} up`);
      await on(host, 'link set port1 up');
    }
    const kept =
      'echo 1 >/proc/sys/net/ipv6/conf/all/keep_addr_on_down; echo 1 >/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down';
    await guest.run('sh', '-c', kept);
    await on(guest, 'address add 10.77.0.80/24 dev eth0');
    await on(guest, 'address add fd77::80/64 dev eth0 nodad');
    const child = guest.spawn(process.execPath, [GUEST, this.socket, 'eth0', ...Object.values(this.addresses)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.stdout) await once(child.stdout, 'data');
    chmodSync(this.#folder.path, 0o711);
    chmodSync(this.socket, 0o777);
  }
}
