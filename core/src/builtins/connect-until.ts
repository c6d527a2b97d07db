import { connect, isIP, type Socket } from 'node:net';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { isOwnAddress, plainAddress } from '../net/own-address.js';
import { InstantConnector } from '../net/instant-connector.js';
import { loadedSocketCalls } from '../net/socket-calls.js';
import { pauseAfter } from './poll-until.js';

/** A machine that is not on the network yet swallows a SYN, which TCP repeats only after a second: try afresh sooner. */
const PATIENCE: Milliseconds = 250;
const MOST_AT_ONCE = 8;

/** How many wait for a service at this moment. */
let waiting = 0;

/**
 * Connects to a TCP port as soon as something listens there, with attempts that overlap, and resolves to the open
 * socket; rejects with the signal's reason when it aborts first. The caller destroys the socket.
 */
export function connectUntil(
  address: string,
  port: number,
  clock: Clock,
  signal: AbortSignal,
  calls = loadedSocketCalls(),
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const attempts = new Map<Socket, Disposable>();
    const begin = clock.now();
    // As long as attempts are decided at once. Another machine is not asked in vain.
    const isNear = calls !== undefined && isIP(address) !== 0 && isOwnAddress(plainAddress(address));
    let instant = isNear ? new InstantConnector(calls, { address, port }) : undefined;
    let next: Disposable | undefined;

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
      if (isWithItself(socket)) {
        socket.destroy();
        return;
      }
      finish();
      resolve(socket);
    };
    const onAbort = (): void => {
      finish();
      reject(signal.reason as Error);
    };
    const attempt = (): void => {
      next = clock.after(pauseAfter(clock.now() - begin, waiting), attempt);
      const outcome = instant?.attempt() ?? 'undecided';
      if (outcome === 'refused') return;
      if (outcome !== 'undecided') return connected(outcome.on('error', ignore).setNoDelay());
      instant = undefined;
      if (attempts.size >= MOST_AT_ONCE) return;
      const socket = connect({ host: address, port, noDelay: true });
      const giveUp = clock.after(PATIENCE, () => {
        forget(socket);
        socket.destroy();
      });
      attempts.set(socket, giveUp);
      // A refused attempt is the expected course; it says nothing beyond "not yet".
      socket.on('error', () => forget(socket));
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

/** On this machine an attempt may come from the very port that it goes to, and TCP then connects it with itself. */
function isWithItself({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  return localPort === remotePort && localAddress === remoteAddress;
}

const ignore = (): void => {};
