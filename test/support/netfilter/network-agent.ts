import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, connect, isIPv6, Socket, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { endpointKey, setFor, type Endpoint, type StoppedEndpoint } from '#netfilter/netlink/endpoint.js';
import { bridgeOf } from '#netfilter/netlink/frame-outlet.js';
import type { Netfilter } from '#netfilter/netlink/netfilter.js';
import { NetlinkSocket } from '#netfilter/netlink/netlink-socket.js';
import { equals, loadMeta, Meta, Verdict, verdict } from '#netfilter/netlink/nft-expressions.js';
import { elementQuestion, Family, Hook, NftMessage, NftTable } from '#netfilter/netlink/nft-messages.js';
import { commit } from '#netfilter/netlink/nft-transaction.js';
import { openNetfilter, type NetfilterOptions } from '#netfilter/netlink/open-netfilter.js';
import { PacketSender } from '#netfilter/netlink/packet-sender.js';
import { Linux, loadSystemCalls } from '#netfilter/netlink/system-calls.js';
import { trackConnections } from '#netfilter/netlink/table-layout.js';
import type { TrafficQuestion } from '#netfilter/netlink/traffic-reader.js';

/**
 * A program that lives in a network namespace of its own, and does there what a test tells it to. It starts others like it
 * in further namespaces, and passes on what is meant for them.
 */

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;

/** An endpoint behind which nothing runs. */
export type Stopped = Endpoint & Pick<StoppedEndpoint, 'connections' | 'mac'>;

const held: { packet: number; bytes: string }[] = [];
const warnings: string[] = [];
const others = new Map<string, ChildProcess>();
const servers = new Map<number, Server | UdpSocket>();
const connections = new Map<number, Socket>();
let count = 0;
let netfilter: Netfilter | undefined;
let other: Netfilter | undefined;
let isDelivering = false;
let tracker: NetlinkSocket | undefined;
let firewall: NetlinkSocket | undefined;

/** What the kernel has given out in small pieces, in bytes. */
function slab(): number {
  return Number(/^Slab:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1_024;
}

function stoppedEndpoints(endpoints: readonly Stopped[]): StoppedEndpoint[] {
  return endpoints.map((endpoint) => ({
    key: endpointKey(endpoint),
    connections: endpoint.connections,
    mac: endpoint.mac,
  }));
}

function opened(): Netfilter {
  if (netfilter === undefined) throw new Error('it is not open');
  return netfilter;
}

const actions = {
  run: (program: string, ...parameters: string[]): string => execFileSync(program, parameters, { encoding: 'utf8' }),

  /** Starts another one in a network namespace of its own. @returns its process id */
  start: async (name: string): Promise<number> => {
    const child = fork(fileURLToPath(import.meta.url), { execPath: 'unshare', execArgv: ['--net', process.execPath] });
    others.set(name, child);
    await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => {
        reject(new Error(`it ended with ${String(code)}`));
      });
    });
    return child.pid as number;
  },

  open: async (options: NetfilterOptions): Promise<string> => {
    netfilter?.[Symbol.dispose]();
    netfilter = undefined;
    held.length = 0;
    warnings.length = 0;
    isDelivering = false;
    netfilter = await openNetfilter(options);
    const taking = netfilter;
    taking.start(
      (packet, bytes) => {
        if (isDelivering) taking.deliver([packet]);
        else held.push({ packet, bytes: bytes.toString('hex') });
      },
      (reason) => process.stderr.write(`${reason}\n`),
      (what) => warnings.push(what),
    );
    return netfilter.rung;
  },
  passUsers: (users: number[]): void => {
    opened().passUsers(users);
  },
  close: (): void => {
    netfilter?.[Symbol.dispose]();
    netfilter = undefined;
  },
  /** What another Jitsu on this host does. */
  other: async (options: NetfilterOptions, armed: Stopped[], tracks = false): Promise<void> => {
    other = await openNetfilter(options);
    other.arm(stoppedEndpoints(armed));
    if (tracks) other.trackConnections();
  },
  /** Has connections tracked by a table that does nothing else. */
  trackAlone: async (): Promise<void> => {
    tracker = NetlinkSocket.open(await loadSystemCalls());
    const table = new NftTable(Family.INET, 'tracker');
    commit(tracker, [table.create(), ...trackConnections(table)]);
  },
  /** Makes a table of the name that an instance has for its own of family bridge, until it tracks no more. */
  takeBridgeTable: async (instance: number): Promise<void> => {
    tracker = NetlinkSocket.open(await loadSystemCalls());
    commit(tracker, [new NftTable(Family.BRIDGE, `jitsu_${instance}`).create()]);
  },
  trackNoMore: (): void => {
    tracker?.[Symbol.dispose]();
    tracker = undefined;
  },
  /** Has a firewall drop all packets of TCP that are forwarded. */
  dropForwarded: async (): Promise<void> => {
    firewall = NetlinkSocket.open(await loadSystemCalls());
    const table = new NftTable(Family.INET, 'firewall');
    commit(firewall, [
      table.create(),
      table.chain('forwarded', { hook: Hook.FORWARD, priority: 0 }),
      table.rule('forwarded', loadMeta(Meta.L4PROTO), equals(Uint8Array.of(6)), verdict(Verdict.DROP)),
    ]);
  },
  dropNoMore: (): void => {
    firewall?.[Symbol.dispose]();
    firewall = undefined;
  },
  closeOther: (): void => {
    other?.[Symbol.dispose]();
    other = undefined;
  },
  arm: (endpoints: Stopped[]): void => {
    opened().arm(stoppedEndpoints(endpoints));
  },
  /**
   * Arms that many addresses of one network, and gives them up again.
   * @returns how long each took, in milliseconds, and what memory the kernel gave out meanwhile, in bytes
   */
  armMany: (
    count: number,
  ): { readonly armed: number; readonly one: number; readonly disarmed: number; readonly slab: number } => {
    const endpoints = Array.from({ length: count }, (_, index) => {
      const address = (0x0a80_0000 + index).toString(16).padStart(8, '0');
      return { key: endpointKey({ address, protocol: 'tcp', port: 80 }), connections: 'pass' } as const;
    });
    const keys = endpoints.map(({ key }) => key);
    const before = slab();
    const started = performance.now();
    opened().arm(endpoints);
    const armed = performance.now() - started;
    const taken = slab() - before;
    const again = performance.now();
    for (let times = 0; times < 100; times++) {
      opened().disarm(keys.slice(0, 1));
      opened().arm(endpoints.slice(0, 1));
    }
    const one = (performance.now() - again) / 100;
    const last = performance.now();
    opened().disarm(keys);
    return { armed, one, disarmed: performance.now() - last, slab: taken };
  },
  /** Watches that many addresses. @returns the mean time of reading the traffic to one, in µs */
  readMany: (count: number): number => {
    const endpoints = Array.from({ length: count }, (_, index) => {
      return { address: (0x0a80_0000 + index).toString(16).padStart(8, '0'), protocol: 'tcp', port: 80 } as const;
    });
    opened().watch(endpoints);
    const started = performance.now();
    for (const endpoint of endpoints.slice(0, 1_000)) {
      opened().traffic({ endpoints: [endpoint], idle: 60_000, outgoing: false });
    }
    const each = performance.now() - started;
    opened().unwatch(endpoints);
    return each;
  },
  disarm: (endpoints: Endpoint[]): void => {
    opened().disarm(endpoints.map(endpointKey));
  },
  watch: (endpoints: Endpoint[], outgoing: string[] = []): void => {
    opened().watch(endpoints, outgoing);
  },
  traffic: (question: TrafficQuestion): unknown => opened().traffic(question),
  track: (): void => {
    opened().trackConnections();
  },
  /** Has a process of its own in this namespace arm them, which can be killed. */
  armElsewhere: async (options: NetfilterOptions, armed: Stopped[]): Promise<void> => {
    const child = fork(fileURLToPath(import.meta.url));
    others.set('elsewhere', child);
    await new Promise((resolve) => child.once('message', resolve));
    for (const [action, ...parameters] of [['open', options] as const, ['arm', armed] as const]) {
      child.send({ number: 0, action, parameters });
      await new Promise((resolve) => child.once('message', resolve));
    }
  },
  killElsewhere: (): void => {
    others.get('elsewhere')?.kill('SIGKILL');
  },
  forget: (endpoints: readonly Endpoint[]): number => opened().forgetConnections(new Set(endpoints.map(endpointKey))),
  held: (): { readonly packet: number; readonly bytes: string }[] => held,
  warnings: (): string[] => warnings,
  /** Which tables of an instance have recorded packets of a service. */
  seenBy: async (instance: number, endpoint: Endpoint): Promise<string[]> => {
    using socket = NetlinkSocket.open(await loadSystemCalls());
    return (['INET', 'BRIDGE'] as const).filter((family) => {
      const set = setFor('active', endpoint);
      try {
        const question = elementQuestion(Family[family], `jitsu_${instance}`, set, endpointKey(endpoint));
        socket.question('look', NftMessage.GET_ELEMENT, question);
        return true;
      } catch {
        return false;
      }
    });
  },
  /** Whether a device is found to belong to the bridge. */
  isOnBridge: async (device: string): Promise<boolean> => {
    const calls = await loadSystemCalls();
    return bridgeOf(calls, calls.if_nametoindex(device)) === calls.if_nametoindex('br0');
  },
  /** From now on what is held goes on at once. */
  deliverAtOnce: (): void => {
    isDelivering = true;
  },
  /**
   * Sends a packet again and again, as if it were forwarded.
   * @returns the processor time that each took, in µs
   */
  flood: async (packet: string, count: number): Promise<number> => {
    using sender = PacketSender.open(await loadSystemCalls());
    const bytes = Buffer.from(packet, 'hex');
    const before = process.cpuUsage();
    for (let sent = 0; sent < count; sent++) sender.send(bytes, 0);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  },
  /** Says what becomes of all that is held. */
  end: (how: 'deliver' | 'refuse' | 'drop'): void => {
    opened()[how](held.splice(0).map(({ packet }) => packet));
  },

  listen: async (protocol: 'tcp' | 'udp', address: string, port: number): Promise<number> => {
    const number = ++count;
    if (protocol === 'udp') {
      const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', reuseAddr: true });
      socket.on('message', (message, from) => {
        if (message.toString() !== 'silence') socket.send(message, from.port, from.address);
      });
      await new Promise<void>((resolve) => socket.bind(port, address, resolve));
      servers.set(number, socket);
      return number;
    }
    const server = createServer({ allowHalfOpen: false }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        if (data.toString() === 'bye') socket.end();
        else if (data.toString() !== 'silence') socket.write(data);
      });
    });
    await new Promise<void>((resolve) => server.listen(port, address, resolve));
    servers.set(number, server);
    return number;
  },
  unlisten: (number: number): void => {
    servers.get(number)?.close();
  },

  /** Connects, and says how long it took in milliseconds, or which error came. */
  connect: async (address: string, port: number): Promise<{ number: number; took: number; error?: string }> => {
    const number = ++count;
    const started = performance.now();
    const socket = connect(port, address);
    connections.set(number, socket);
    const error = await new Promise<string | undefined>((resolve) => {
      socket.once('connect', () => {
        resolve(undefined);
      });
      socket.once('error', (failure: NodeJS.ErrnoException) => {
        resolve(failure.code);
      });
    });
    socket.on('error', () => undefined);
    return { number, took: performance.now() - started, ...(error !== undefined && { error }) };
  },
  /** The same over IPv4 with a mark, as probes have it. */
  connectMarked: async (address: string, port: number, mark: number): Promise<number> => {
    const { socket: open, setsockopt } = await loadSystemCalls();
    const descriptor = open(Linux.AF_INET, SOCK_STREAM | Linux.SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const value = Buffer.alloc(4);
    value.writeUInt32LE(mark);
    if (setsockopt(descriptor, Linux.SOL_SOCKET, Linux.SO_MARK, value, 4) < 0) throw new Error('it cannot be marked');
    const socket = new Socket({ fd: descriptor });
    const number = ++count;
    connections.set(number, socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, resolve);
    });
    return number;
  },
  /** Sends text on a connection. @returns what came back within the time given, or the error that came */
  say: async (number: number, text: string, patience = 500): Promise<string> => {
    const socket = connections.get(number) as Socket;
    socket.write(text);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve('');
      }, patience);
      const end = (result: string): void => {
        clearTimeout(timer);
        socket.removeAllListeners('data');
        resolve(result);
      };
      socket.once('data', (data) => {
        end(data.toString());
      });
      socket.once('error', (error: NodeJS.ErrnoException) => {
        end(error.code ?? '');
      });
    });
  },
  hangUp: (number: number): void => {
    connections.get(number)?.destroy();
  },
  /**
   * Sends datagrams of one flow.
   * @param from their port; 0 for one that is free
   * @returns what came back within the time given, or the error that came
   */
  ask: async (address: string, port: number, texts: string[], patience = 2_000, from = 0): Promise<string[]> => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const answers: string[] = [];
    await new Promise<void>((resolve) => {
      socket.bind(from, resolve);
    });
    await new Promise<void>((resolve) => {
      socket.connect(port, address, resolve);
    });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patience);
      const add = (answer: string): void => {
        answers.push(answer);
        if (answers.length < texts.length && !answer.startsWith('E')) return;
        clearTimeout(timer);
        resolve();
      };
      socket.on('message', (message) => {
        add(message.toString());
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        add(error.code ?? 'E');
      });
      for (const text of texts) socket.send(text);
    });
    socket.close();
    return answers;
  },
};

export type Actions = typeof actions;

interface Order {
  readonly number: number;
  readonly place?: string;
  readonly action: keyof Actions;
  readonly parameters: readonly unknown[];
}

process.on('message', (order: Order) => {
  const { number, place, action, parameters } = order;
  if (place !== undefined) {
    const child = others.get(place) as ChildProcess;
    const pass = (answer: { number: number }): void => {
      if (answer.number !== number) return;
      child.off('message', pass as () => void);
      process.send?.(answer);
    };
    child.on('message', pass as () => void);
    child.send({ number, action, parameters });
    return;
  }
  const work = async (): Promise<unknown> =>
    (actions[action] as (...all: readonly unknown[]) => unknown)(...parameters);
  work().then(
    (result) => process.send?.({ number, result }),
    (error: unknown) => {
      const { message, code } = error as NodeJS.ErrnoException;
      process.send?.({ number, failure: message, code });
    },
  );
});
process.on('disconnect', () => {
  for (const child of others.values()) child.kill('SIGKILL');
  process.exit();
});
process.send?.('ready');
