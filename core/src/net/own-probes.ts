import type { Socket } from 'node:net';
import type { Milliseconds } from '../contracts/milliseconds.js';

/** How long a system still knows a connection that has ended; Linux does for a minute (TCP_TIMEWAIT_LEN). */
const REMEMBERED: Milliseconds = 120_000;

/** The most ends of probes that are remembered. */
const MOST = 16_384;

/** When each was connected, oldest first, by its own end: `127.0.0.1 40000`. */
const ends = new Map<string, Milliseconds>();

/** Remembers a socket that has connected to find out whether a service answers. */
export function rememberProbe({ localAddress, localPort }: Socket): void {
  if (localAddress === undefined || localPort === undefined) return;
  const now = performance.now();
  const end = endOf(localAddress, localPort);
  ends.delete(end);
  ends.set(end, now);
  for (const [oldest, at] of ends) {
    if (ends.size <= MOST && now - at <= REMEMBERED) break;
    ends.delete(oldest);
  }
}

/** Whether a connection from this end was one of this process's own probes a moment ago: those are no use of a service. */
export function isOwnProbe(address: string, port: number): boolean {
  const at = ends.get(endOf(address, port));
  return at !== undefined && performance.now() - at <= REMEMBERED;
}

function endOf(address: string, port: number): string {
  return `${address} ${port}`;
}
