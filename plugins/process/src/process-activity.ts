import {
  addressBytes,
  errorMessage,
  isOwnProbe,
  JitsuError,
  Networks,
  type ActivitySource,
  type Clock,
  type MachineId,
  type Milliseconds,
  type ServiceEndpoints,
  type Traffic,
  type UseRules,
} from '@jitsud/core/plugin';
import { statSync } from 'node:fs';
import { ProcNetTcp } from './proc-net-tcp.js';
import { SocketDiagnosis } from './socket-diagnosis.js';
import type { TcpConnection, TcpTable } from './tcp-table.js';

/** Where Jitsu holds no sockets. */
const NO_DATAGRAMS = { lastDatagram: () => undefined };

/** How many clients are named. */
const MOST_NAMED = 3;

/**
 * Knows the TCP connections to programs of this system, as the system itself does; it costs nothing while nobody asks. Of
 * UDP it knows the last datagram that came to a socket which Jitsu holds for a program.
 */
export class ProcessActivity implements ActivitySource {
  #table: Promise<TcpTable> | undefined;
  readonly #ignored = new WeakMap<UseRules, Networks>();

  /**
   * @param datagrams when the last one came, by the wall clock
   * @param openTable opens the connections of the system
   */
  constructor(
    private readonly clock: Pick<Clock, 'now' | 'wallTime'>,
    private readonly datagrams: { lastDatagram(machine: MachineId): Milliseconds | undefined } = NO_DATAGRAMS,
    private readonly openTable: () => Promise<TcpTable> = openTcpTable,
  ) {}

  sees(endpoints: ServiceEndpoints): boolean {
    return seesConnections(endpoints) || this.datagrams.lastDatagram(endpoints.machine) !== undefined;
  }

  /** @throws JITSU_BACKEND_FAILED where the system does not tell its connections, or nothing any more */
  async observe(endpoints: ServiceEndpoints, signal: AbortSignal): Promise<Traffic> {
    signal.throwIfAborted();
    const at = this.datagrams.lastDatagram(endpoints.machine);
    // The wall clock may have been set back meanwhile.
    const age = at === undefined ? undefined : Math.max(0, this.clock.wallTime() - at);
    const datagrams = age === undefined ? undefined : { lastPacket: this.clock.now() - age };
    if (seesConnections(endpoints)) return { ...datagrams, ...(await this.#connections(endpoints)) };
    if (datagrams !== undefined) return datagrams;
    throw new JitsuError('JITSU_BACKEND_FAILED', `The datagrams to ${endpoints.unikernel} are not known any more.`);
  }

  async #connections({ unikernel, addresses, ports, rules }: ServiceEndpoints): Promise<Traffic> {
    let all: readonly TcpConnection[];
    try {
      const table = await (this.#table ??= this.openTable());
      const tcp = ports.filter(({ protocol }) => protocol === 'tcp');
      all = tcp.flatMap(({ port }) => table.connectionsTo(addresses, port));
    } catch (error) {
      const message = `The connections to ${unikernel} are not known: ${errorMessage(error)}.`;
      throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
    }
    const used = all.filter(({ peer, peerPort }) => !this.#isIgnored(rules, peer) && !isOwnProbe(peer, peerPort));
    const open = used.filter(({ closed, idle = 0 }) => closed === undefined && idle <= rules.idle);
    const closed = used.flatMap((connection) => connection.closed ?? []);
    return {
      connections: open.length,
      ...(closed.length > 0 && { lastClosed: this.clock.now() - Math.min(...closed) }),
      ...(open.length > 0 && { detail: detailOf(open) }),
    };
  }

  async close(): Promise<void> {
    const table = await this.#table?.catch(() => undefined);
    this.#table = undefined;
    if (table instanceof SocketDiagnosis) table[Symbol.dispose]();
  }

  #isIgnored(rules: UseRules, peer: string): boolean {
    if (rules.ignored.length === 0) return false;
    let ignored = this.#ignored.get(rules);
    if (ignored === undefined) {
      ignored = new Networks(rules.ignored);
      this.#ignored.set(rules, ignored);
    }
    const bytes = addressBytes(peer);
    return bytes !== undefined && ignored.has(bytes);
  }
}

function seesConnections({ addresses, ports, domainId }: ServiceEndpoints): boolean {
  const isKnown = addresses.length > 0 && ports.some(({ protocol }) => protocol === 'tcp');
  return process.platform === 'linux' && isKnown && (domainId === undefined || isInOurNetwork(domainId));
}

async function openTcpTable(): Promise<TcpTable> {
  return (await SocketDiagnosis.open()) ?? new ProcNetTcp();
}

/**
 * Whether a process has the same network as Jitsu, whose connections are the only ones that it is told. Everybody may see
 * the numbers of the files in /proc/PID/net, of which each network has its own; /proc/PID/ns only the process's user may.
 */
function isInOurNetwork(pid: number): boolean {
  try {
    return statSync(`/proc/${pid}/net/tcp`).ino === statSync('/proc/self/net/tcp').ino;
  } catch {
    // It has ended, or /proc does not show it (hidepid). It was started from here.
    return true;
  }
}

function detailOf(connections: readonly TcpConnection[]): string {
  const peers = [...new Set(connections.map(({ peer }) => peer))];
  const more = peers.length - MOST_NAMED;
  const names = [...peers.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])];
  const last = names.length > 1 ? ` and ${names.pop() ?? ''}` : '';
  const count = connections.length === 1 ? '1 connection' : `${connections.length} connections`;
  return `${count}, from ${names.join(', ')}${last}`;
}
