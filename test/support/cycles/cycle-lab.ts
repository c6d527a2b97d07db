import { fileURLToPath } from 'node:url';
import type { ClientReport } from '../netfilter/client-program.js';
import {
  GUEST,
  LOOPBACK,
  RoutedNetwork,
  TCP_PORT,
  UDP_PORT,
  type Client,
  type Place,
} from '../netfilter/routed-network.js';
import { nodeFlags } from '../node-flags.js';
import { within } from '../place.js';
import { RunningJitsu } from '../running-jitsu.js';
import { stopCycles, type CycleFigures } from './stop-cycles.js';

const GUEST_PLUGIN = fileURLToPath(new URL('../netfilter/guest-plugin.js', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../netfilter/guest-program.js', import.meta.url));
const LISTENING_PROGRAM = fileURLToPath(new URL('../listening-program.js', import.meta.url));

/** Where Jitsu itself listens, when a relay does. */
const RELAYED = { tcp: 9_080, udp: 9_053 } as const;

const WITHOUT_BRIDGE_NETFILTER = 'same bridge without br_netfilter';

export const CYCLE_TOPOLOGIES = [
  ...(['loopback', 'bridge', 'routed', 'same bridge'] as const),
  ...([WITHOUT_BRIDGE_NETFILTER, 'listen', 'relay'] as const),
] as const;

/**
 * Where a client and its service are, and who holds the first packets: a process of the host (`loopback`); a guest behind
 * a bridge with the client on the host (`bridge`), beyond it (`routed`) or beside the guest (`same bridge`); a process
 * for which Jitsu listens or relays.
 */
export type CycleTopology = (typeof CYCLE_TOPOLOGIES)[number];

/** One unikernel of a Jitsu, and a client of it. */
export class CycleLab implements AsyncDisposable {
  private constructor(
    readonly jitsu: RunningJitsu,
    private readonly unikernel: string,
    private readonly network: RoutedNetwork,
    private readonly topology: CycleTopology,
    private readonly client: Client,
  ) {}

  /** Starts Jitsu in networks of its own. @param context absent outside of mocha */
  static async create(topology: CycleTopology, context?: Mocha.Context): Promise<CycleLab> {
    const network = await RoutedNetwork.create(context);
    const jitsu = new RunningJitsu([], settingsOf(topology), within(network.host));
    const unikernel = isGuest(topology) ? 'www' : 'web';
    try {
      if (isGuest(topology)) await network.filterBridges(topology !== WITHOUT_BRIDGE_NETFILTER);
      // Jitsu has given up root when it starts a program.
      await network.host.run('sysctl', '-qw', 'net.ipv4.ip_unprivileged_port_start=0');
      jitsu.configure([isGuest(topology) ? network.aGuest(jitsu.in()) : aProcess(topology)]);
      await jitsu.start();
      const client = await network.startClient(placeOf(topology));
      return new CycleLab(jitsu, unikernel, network, topology, client);
    } catch (error) {
      await jitsu[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Stops it again and again while its client connects, or sends datagrams. */
  cycles(count: number, protocol: 'tcp' | 'udp', family: 'ipv4' | 'ipv6'): Promise<CycleFigures> {
    // What a guest has taken when its power is cut is lost with it. Only by its answer is it known that it has taken a
    // datagram, and so it shuts down, while a connection is known to the kernel.
    const mode = isGuest(this.topology) && protocol === 'udp' ? 'shutdown' : undefined;
    return stopCycles(this.jitsu, this.unikernel, count, () => this.#connect(protocol, family), mode);
  }

  /** Connects, or sends one datagram and waits for its answer. */
  #connect(protocol: 'tcp' | 'udp', family: 'ipv4' | 'ipv6'): Promise<ClientReport> {
    const address = (isGuest(this.topology) ? GUEST : LOOPBACK)[family];
    const port = portsOf(this.topology)[protocol];
    // What a guest has taken is cut off with it, while a process answers before it ends.
    return this.client[protocol](address, { port, ...(isGuest(this.topology) && { connects: true }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.process.kill('SIGKILL');
    await this.jitsu[Symbol.asyncDispose]();
    await this.network[Symbol.asyncDispose]();
  }
}

function isGuest(topology: CycleTopology): boolean {
  return topology === 'routed' || topology.includes('bridge');
}

function placeOf(topology: CycleTopology): Place {
  return topology === 'routed' ? 'routed' : topology.startsWith('same bridge') ? 'bridge' : 'host';
}

function portsOf(topology: CycleTopology): { readonly tcp: number; readonly udp: number } {
  return topology === 'relay' ? RELAYED : { tcp: TCP_PORT, udp: UDP_PORT };
}

function settingsOf(topology: CycleTopology): Record<string, unknown> {
  if (topology === 'listen' || topology === 'relay') return {};
  if (!isGuest(topology)) return { doormen: { netfilter: {} } };
  const bridges = topology.startsWith('same bridge') ? ['br0'] : [];
  return { plugins: [GUEST_PLUGIN], privileges: 'none', doormen: { netfilter: { bridges } } };
}

function aProcess(topology: CycleTopology): object {
  const [tcp, udp] = [`tcp:${TCP_PORT}`, `udp:${UDP_PORT}`];
  const words = topology === 'listen' ? [LISTENING_PROGRAM] : [PROGRAM, 'none', '0'];
  return {
    ...{ name: 'web', dns: 'web.test', ip: Object.values(LOOPBACK), ready: tcp },
    command: [process.execPath, ...nodeFlags, ...words],
    ...(topology === 'loopback' && { ports: [`tcp/${TCP_PORT}`, `udp/${UDP_PORT}`] }),
    ...(topology === 'listen' && { listen: [`${tcp}=http`, `${udp}=dns`] }),
    ...(topology === 'relay' && {
      relay: [`tcp:${RELAYED.tcp} -> ${TCP_PORT}`, `udp:${RELAYED.udp} -> ${UDP_PORT}`],
    }),
  };
}
