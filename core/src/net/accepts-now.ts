import type { Socket } from 'node:net';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Endpoint } from './endpoint.js';
import { InstantConnector } from './instant-connector.js';
import { rememberProbe } from './own-probes.js';
import { connectForProbe } from './probe-mark.js';
import { isSelfConnected } from './self-connected.js';
import { loadedSocketCalls } from './socket-calls.js';

/** On this machine an attempt is decided at once, unless a filter drops it. */
const ATTEMPT_LIMIT: Milliseconds = 250;

/** Whether something accepts TCP connections at an address of this machine at this moment. */
export async function acceptsNow(endpoint: Endpoint, clock: Clock, calls = loadedSocketCalls()): Promise<boolean> {
  const outcome = calls === undefined ? 'undecided' : new InstantConnector(calls, endpoint).attempt();
  if (outcome === 'refused') return false;
  if (outcome === 'undecided') return acceptsWithin(endpoint, ATTEMPT_LIMIT, clock);
  rememberProbe(outcome);
  const accepted = !isSelfConnected(outcome);
  outcome.on('error', () => undefined).destroy();
  return accepted;
}

/** Whether something accepts a TCP connection there within that time. */
export async function acceptsWithin(endpoint: Endpoint, limit: Milliseconds, clock: Clock): Promise<boolean> {
  // Where the clock has ended, nothing ends the attempt, which must not keep the process either.
  const socket = connectForProbe(endpoint).unref();
  try {
    return await connects(socket, limit, clock);
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

function connects(socket: Socket, limit: Milliseconds, clock: Clock): Promise<boolean> {
  const latest = clock.now() + limit;
  return new Promise((resolve) => {
    const timer = clock.after(limit, () => resolve(false));
    const end = (accepted: boolean): void => (timer[Symbol.dispose](), resolve(accepted && clock.now() <= latest));
    socket
      .once('connect', () => {
        rememberProbe(socket);
        end(!isSelfConnected(socket));
      })
      .once('error', () => end(false));
  });
}
