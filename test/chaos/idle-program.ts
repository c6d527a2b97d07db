/** See IdleProcess, which forks it. */
import { connect } from 'node:net';
import { percentile } from '../bench/percentile.js';
import { now } from './patient-query.js';

/** In milliseconds. */
export interface IdleLag {
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly longest: number;
}

/** What it says: that it has connected, when the connection has ended, or how late its timers were. */
export type IdleMessage = { readonly id: number; readonly endedAt?: number } | IdleLag;

const INTERVAL = 20;
const lags: number[] = [];

function tick(): void {
  const due = performance.now() + INTERVAL;
  setTimeout(() => {
    lags.push(Math.max(0, performance.now() - due));
    tick();
  }, INTERVAL);
}

function send(message: IdleMessage): void {
  process.send?.(message);
}

process.on('message', ({ id, address }: { id?: number; address?: string }) => {
  if (id === undefined || address === undefined) {
    const sorted = lags.toSorted((one, other) => one - other);
    const [median, p90, p99, longest] = [50, 90, 99, 100].map((percent) => percentile(sorted, percent)) as [
      number,
      number,
      number,
      number,
    ];
    send({ median, p90, p99, longest });
    return;
  }
  const socket = connect({ port: 8080, host: address }, () => send({ id }));
  // A program that dies closes its connections; which of the two is heard first depends on what it has read.
  const end = (): void => {
    socket.destroy();
    send({ id, endedAt: now() });
  };
  socket.once('end', end).once('error', end).resume();
});
process.once('disconnect', () => process.exit());
tick();
