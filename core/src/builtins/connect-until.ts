import { isIP, type Socket } from 'node:net';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { isOwnAddress, plainAddress } from '../net/own-address.js';
import { errorCode } from '../errors.js';
import { endpointText } from '../net/endpoint.js';
import { InstantConnector } from '../net/instant-connector.js';
import { rememberProbe } from '../net/own-probes.js';
import { connectForProbe } from '../net/probe-mark.js';
import { isSelfConnected } from '../net/self-connected.js';
import { loadedSocketCalls } from '../net/socket-calls.js';
import { pauseAfter } from '../plugin-kit/poll-until.js';

/** The time until a new attempt: a SYN to a machine that is not up yet is lost, and TCP repeats it only after 1 s. */
const ATTEMPT_TIMEOUT: Milliseconds = 250;

/** The number of attempts under way from which on each begins some time after the last one. */
const MANY_ATTEMPTS = 8;

/** That time: what is lost while a machine comes up must not keep the next attempt from being made soon after. */
const SPACING: Milliseconds = 10;

/** The number of calls in progress, which share the rate of attempts. */
let waiting = 0;

interface ConnectOptions {
  readonly calls?: ReturnType<typeof loadedSocketCalls>;
  /** Told why it has not connected yet, whenever that changes. */
  readonly report?: ((outcome: string) => void) | undefined;
}

const SAID_OF_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ETIMEDOUT: 'does not take connections',
};

/**
 * Connects to a TCP port as soon as a service listens there, by overlapping attempts, and resolves to the open socket.
 * Rejects with the signal's reason if it aborts first. The caller destroys the socket.
 */
export function connectUntil(
  address: string,
  port: number,
  clock: Clock,
  signal: AbortSignal,
  { calls = loadedSocketCalls(), report }: ConnectOptions = {},
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const attempts = new Map<Socket, Disposable>();
    const begin = clock.now();
    // Set while attempts complete within the call, which only local addresses do; remote ones are not tried that way.
    const isLocal = calls !== undefined && isIP(address) !== 0 && isOwnAddress(plainAddress(address));
    let instant = isLocal ? new InstantConnector(calls, { address, port }) : undefined;
    let next: Disposable | undefined;
    let lastBegan = begin;

    let lastCode: string | undefined;
    const tell = (code: string): void => {
      if (code === lastCode) return;
      lastCode = code;
      report?.(`${endpointText({ address, port })} ${SAID_OF_ERRORS[code] ?? `cannot be reached (${code})`}`);
    };
    const forget = (socket: Socket): void => {
      attempts.get(socket)?.[Symbol.dispose]();
      attempts.delete(socket);
    };
    const finish = (): void => {
      waiting -= 1;
      signal.removeEventListener('abort', onAbort);
      next?.[Symbol.dispose]();
      for (const socket of [...attempts.keys()]) {
        forget(socket);
        socket.destroy();
      }
    };
    const connected = (socket: Socket): void => {
      if (isSelfConnected(socket)) {
        socket.destroy();
        return;
      }
      finish();
      rememberProbe(socket);
      resolve(socket);
    };
    const onAbort = (): void => {
      finish();
      reject(signal.reason as Error);
    };
    const attempt = (): void => {
      const now = clock.now();
      next = clock.after(pauseAfter(now - begin, waiting), attempt);
      const outcome = instant?.attempt() ?? 'undecided';
      if (outcome === 'refused') return tell('ECONNREFUSED');
      if (outcome !== 'undecided') return connected(outcome.on('error', ignore).setNoDelay());
      instant = undefined;
      if (attempts.size >= MANY_ATTEMPTS && now - lastBegan < SPACING) return;
      lastBegan = now;
      const socket = connectForProbe({ address, port });
      const giveUp = clock.after(ATTEMPT_TIMEOUT, () => {
        forget(socket);
        socket.destroy();
        tell('ETIMEDOUT');
      });
      attempts.set(socket, giveUp);
      // A refused attempt is expected: the service is not up yet.
      socket.on('error', (error) => {
        forget(socket);
        tell(errorCode(error) ?? error.message);
      });
      socket.on('connect', () => {
        forget(socket);
        connected(socket);
      });
    };

    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    waiting += 1;
    attempt();
  });
}

const ignore = (): void => {};
