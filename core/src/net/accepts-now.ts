import { connect, type Socket } from 'node:net';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Endpoint } from './endpoint.js';
import { InstantConnector } from './instant-connector.js';
import { isOwnAddress, plainAddress } from './own-address.js';
import { isSelfConnected } from './self-connected.js';
import { loadedSocketCalls } from './socket-calls.js';

/** On this machine an attempt is decided at once, unless a filter drops it. */
const ATTEMPT_LIMIT: Milliseconds = 250;

/** Whether something accepts TCP connections there at this moment; `false` for addresses that this machine does not have. */
export async function acceptsNow(endpoint: Endpoint, clock: Clock, calls = loadedSocketCalls()): Promise<boolean> {
  if (!isOwnAddress(plainAddress(endpoint.address))) return false;
  const outcome = calls === undefined ? 'undecided' : new InstantConnector(calls, endpoint).attempt();
  if (outcome === 'refused') return false;
  const socket = outcome === 'undecided' ? connect({ host: endpoint.address, port: endpoint.port }) : outcome;
  try {
    return outcome === 'undecided' ? await connects(socket, clock) : !isSelfConnected(socket);
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

function connects(socket: Socket, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const limit = clock.after(ATTEMPT_LIMIT, () => resolve(false));
    const end = (accepted: boolean): void => (limit[Symbol.dispose](), resolve(accepted));
    socket.once('connect', () => end(!isSelfConnected(socket))).once('error', () => end(false));
  });
}
