import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorMessage, JitsuError } from '../errors.js';
import { EchoSocket } from '../net/echo-socket.js';
import { NeighbourTable, TICK } from '../net/neighbour-table.js';
import { numericLookup } from '../net/numeric-lookup.js';
import { isOwnAddress, plainAddress } from '../net/own-address.js';
import { loadSocketCalls, type SocketCalls } from '../net/socket-calls.js';
import { pauseAfter } from '../plugin-kit/poll-until.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import { inject } from '../plugins/injection.js';
import { CLOCK } from '../plugins/tokens.js';

/** The port that throws away what it gets (RFC 863), and on which hardly anybody listens. */
const DISCARD = 9;

/** A way to ask an address whether it is there. */
interface Attempts extends Disposable {
  attempt(waited: Milliseconds): void;
}

/** The number of addresses that are asked, which share the rate of attempts. */
let waiting = 0;

/**
 * Ready when each of the addresses answers an echo request: `ready=ping`. Where the system lets Jitsu have no socket
 * for that (net.ipv4.ping_group_range), an address counts that is known by ARP or neighbour discovery, or that refuses
 * a datagram.
 * @throws JITSU_UNIKERNEL_INVALID where Jitsu cannot ping at all
 */
export class PingProbe implements ReadinessProbe {
  constructor(@inject(CLOCK) private readonly clock: Clock) {}

  async untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    const { name, addresses } = target;
    const calls = await loadSocketCalls().catch((error: unknown) => {
      const message = `The readiness probe of ${name}, "ping", cannot be had here: ${errorMessage(error)}. Use tcp:PORT or exec:COMMAND.`;
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', message, { cause: error });
    });
    await Promise.all(addresses.map((address) => this.#untilAnswer(address, calls, signal, target)));
  }

  /** Rejects with the signal's reason if it aborts first. */
  async #untilAnswer(
    address: string,
    calls: SocketCalls,
    signal: AbortSignal,
    { report, leaveNeighbours }: ReadinessTarget,
  ): Promise<void> {
    let answered = (): void => undefined;
    const answer = new Promise<void>((resolve) => (answered = resolve));
    const asks = echoes(address, calls, answered);
    if (asks === undefined) leaveNeighbours?.();
    using attempts = asks ?? neighbours(address, calls, answered);
    signal.throwIfAborted();
    const begin = this.clock.now();
    let next: Disposable | undefined;
    // The first attempt has no outcome before the second one.
    let isRepeated = false;
    const attempt = (): void => {
      if (isRepeated) report?.(`${address} has not answered`);
      isRepeated = true;
      const waited = this.clock.now() - begin;
      next = this.clock.after(pauseAfter(waited, waiting), attempt);
      attempts.attempt(waited);
    };
    waiting += 1;
    attempt();
    try {
      await untilAborted(answer, signal);
    } finally {
      waiting -= 1;
      next?.[Symbol.dispose]();
    }
  }
}

/** @param answered called when the address answers */
function echoes(address: string, calls: SocketCalls, answered: () => void): Attempts | undefined {
  const echo = EchoSocket.open(address, calls, answered);
  return echo && { attempt: () => echo.send(), [Symbol.dispose]: () => echo[Symbol.dispose]() };
}

/** A datagram makes the kernel look for the machine, unless it is this one, which is there. */
function neighbours(address: string, calls: SocketCalls, answered: () => void): Attempts {
  if (isOwnAddress(plainAddress(address))) return { attempt: answered, [Symbol.dispose]: () => undefined };
  const version = isIPv6(address) ? 6 : 4;
  const table = NeighbourTable.open(calls);
  const socket = createSocket({ type: `udp${version}`, lookup: numericLookup(version) });
  let state: 'idle' | 'connecting' | 'connected' = 'idle';
  // What cannot be sent now may be sent later.
  const send = (): void => socket.send('', () => undefined);
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'ECONNREFUSED') answered();
  });
  /** Whether the kernel knew it before the first datagram. */
  let wasKnown: boolean | undefined;
  const hasAnswered = (waited: Milliseconds): boolean => {
    const since = table?.sinceAnswer(address);
    wasKnown ??= since !== undefined;
    // The kernel's times are too coarse for a machine that answers at once: it counts that it was not known before.
    return since !== undefined && (!wasKnown || since + TICK <= waited);
  };
  return {
    attempt: (waited) => {
      try {
        if (hasAnswered(waited)) return answered();
      } catch {
        // Where the kernel is out of memory for its answer, the next look may show more.
      }
      if (state === 'connected') send();
      if (state === 'idle') {
        state = 'connecting';
        socket.connect(DISCARD, address, (error?: Error) => {
          state = error === undefined ? 'connected' : 'idle';
          if (error === undefined) send();
        });
      }
    },
    [Symbol.dispose]: () => {
      table?.[Symbol.dispose]();
      socket.close();
    },
  };
}
