import {
  errorCode,
  errorMessage,
  JitsuError,
  pollUntil,
  type Clock,
  type HeldListener,
  type LaunchSocket,
  type Logger,
  type MachineId,
  type Milliseconds,
} from '@jitsud/core/plugin';
import { endpointWords, listenEndpoints, plainText, type ListenEndpoint, type ListenOption } from './listen-option.js';
import type { ListeningSocket, ListeningSockets } from './listening-socket.js';
import { NativeListeningSockets } from './native-listening-sockets.js';
import { NodeListeningSockets } from './node-listening-sockets.js';

/** How often, and how long after each other, an endpoint is tried that may be one of a Jitsu which has just ended. */
const TRIES = 20;
const PAUSE = 50;

/** A unikernel with sockets, or one that is to have them. */
export interface ListeningUnikernel {
  readonly id: MachineId;
  readonly name: string;
  readonly ip?: readonly string[] | undefined;
  readonly confinement?: { readonly listen?: readonly ListenOption[] | undefined } | undefined;
}

interface Held {
  readonly unikernel: ListeningUnikernel;
  readonly endpoints: readonly ListenEndpoint[];
  /** Empty while its program, which an earlier Jitsu has started, keeps them to itself. */
  sockets: readonly ListeningSocket[];
}

/** The sockets of all unikernels that have some: opened when they are registered, and open as long as Jitsu runs. */
export class HeldListeners {
  readonly #held = new Map<MachineId, Held>();
  #ways: Promise<ListeningSockets> | undefined;

  /** @param load finds the best way to have sockets here */
  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly load = loadWays,
  ) {}

  /**
   * Opens the sockets of a unikernel, unless they are open.
   * @param pids its processes, where an earlier Jitsu has started it: they have the sockets
   * @throws JITSU_UNIKERNEL_INVALID for what Jitsu may not open, JITSU_UNIKERNEL_UNAVAILABLE where somebody else has it
   */
  async open(unikernel: ListeningUnikernel, pids: readonly number[] = []): Promise<void> {
    const { id, name, ip = [], confinement: { listen } = {} } = unikernel;
    if (listen === undefined) return;
    const known = this.#held.get(id);
    if (known !== undefined && (known.sockets.length > 0 || pids.length > 0)) return;
    const endpoints = known?.endpoints ?? listenEndpoints(listen, ip);
    const ways = await (this.#ways ??= this.load());
    const opened: ListeningSocket[] = [];
    try {
      for (const endpoint of endpoints) opened.push(await this.#openOne(name, endpoint, pids, ways));
      this.#held.set(id, { unikernel, endpoints, sockets: opened });
    } catch (error) {
      for (const socket of opened) socket.close();
      if (!(error instanceof KeptByProgram)) throw error;
      this.#held.set(id, { unikernel, endpoints, sockets: [] });
      this.logger.warn({ unikernel: name }, error.message);
    }
  }

  /** To be called when a program has ended that kept its sockets to itself. */
  async reopen(id: MachineId): Promise<void> {
    const held = this.#held.get(id);
    if (held?.sockets.length !== 0) return;
    // The next start tries again, and says why.
    await this.open(held.unikernel).catch(() => undefined);
  }

  /** Absent where it has none, or its program keeps them to itself. */
  of(id: MachineId): readonly ListeningSocket[] | undefined {
    const sockets = this.#held.get(id)?.sockets;
    return sockets?.length === 0 ? undefined : sockets;
  }

  /** The same for a program to be started with. */
  forLaunch(id: MachineId): readonly LaunchSocket[] | undefined {
    return this.of(id)?.map((socket) => socket.forLaunch());
  }

  /** Its program has been started with them. */
  launched(id: MachineId): void {
    for (const socket of this.of(id) ?? []) socket.launched();
  }

  /**
   * When the last datagram came that its program has read, by the wall clock: `-Infinity` where there was none, `undefined`
   * where nobody can tell.
   */
  lastDatagram(id: MachineId): Milliseconds | undefined {
    const sockets = (this.of(id) ?? []).filter(({ protocol }) => protocol === 'udp');
    const known = sockets.flatMap((socket) => socket.lastDatagram?.() ?? []);
    const last = Math.max(...known);
    // That none came to some of them tells nothing of the others.
    return last === -Infinity && known.length < Math.max(1, sockets.length) ? undefined : last;
  }

  /** What listens at a TCP port for a machine. */
  listenerOf(id: MachineId, address: string, port: number): HeldListener | undefined {
    const socket = this.of(id)?.find((each) => {
      return each.protocol === 'tcp' && each.port === port && each.address === plainText(address);
    });
    return socket && { untilAccepted: (signal) => this.#untilAccepted(socket, signal) };
  }

  async #untilAccepted(socket: ListeningSocket, signal: AbortSignal): Promise<void> {
    let before: number | undefined;
    const hasAccepted = (): boolean => {
      const waiting = socket.backlog();
      // A connection counts as open to its client a moment before it waits here.
      if (before !== undefined && (waiting === 0 ? before === 0 : waiting < before)) return true;
      before = waiting;
      return false;
    };
    await pollUntil(() => Promise.resolve(hasAccepted()), this.clock, signal);
  }

  close(): void {
    for (const { sockets } of this.#held.values()) for (const socket of sockets) socket.close();
    this.#held.clear();
    void this.#ways?.then((ways) => ways.close());
    this.#ways = undefined;
  }

  async #openOne(
    name: string,
    endpoint: ListenEndpoint,
    pids: readonly number[],
    ways: ListeningSockets,
  ): Promise<ListeningSocket> {
    const words = endpointWords(endpoint);
    if (pids.length > 0) {
      try {
        const socket = ways.takeBack(endpoint, pids);
        if (socket !== undefined) return socket;
      } catch (error) {
        throw new KeptByProgram(
          `${name} runs since before this Jitsu, which may not have its socket ${words} (${errorMessage(error)}): connections that come while it stops are refused this once. Jitsu has it again when ${name} has ended.`,
        );
      }
    }
    for (let tries = 1; ; tries += 1) {
      try {
        return await ways.open(endpoint);
      } catch (error) {
        const code = errorCode(error);
        // The processes of a Jitsu that has just been killed end a moment after it.
        if (code === 'EADDRINUSE' && tries < TRIES) {
          await this.clock.sleep(PAUSE);
          continue;
        }
        throw new JitsuError(...failureOf(name, words, code, error), { cause: error });
      }
    }
  }
}

/** Without koffi, and on other systems than Linux, Node does it as well as it can. */
function loadWays(): Promise<ListeningSockets> {
  return NativeListeningSockets.load().catch(() => new NodeListeningSockets());
}

function failureOf(
  name: string,
  words: string,
  code: string | undefined,
  error: unknown,
): ['JITSU_UNIKERNEL_INVALID' | 'JITSU_UNIKERNEL_UNAVAILABLE', string] {
  const cannot = `${name} cannot be run. listen: ${words} cannot be opened`;
  if (code === 'EADDRINUSE') {
    const advice = 'Another program has it: end that, or give the unikernel another address or port';
    return ['JITSU_UNIKERNEL_UNAVAILABLE', `${cannot}: ${advice}.`];
  }
  if (code === 'ENOSYS') return ['JITSU_UNIKERNEL_INVALID', `${cannot}: ${errorMessage(error)}.`];
  if (code === 'EACCES' || code === 'EPERM') {
    const advice = 'for a port below 1024, start Jitsu as root or with CAP_NET_BIND_SERVICE';
    return ['JITSU_UNIKERNEL_INVALID', `${cannot}: ${errorMessage(error)}; ${advice}.`];
  }
  return ['JITSU_UNIKERNEL_UNAVAILABLE', `${cannot}: ${errorMessage(error)}.`];
}

/** The socket of a running program cannot be had. */
class KeptByProgram extends Error {}
