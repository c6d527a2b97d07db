import { request } from 'node:http';
import { z } from 'zod';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { CLOCK } from '../plugins/tokens.js';
import { connectUntil } from './connect-until.js';
import { pollUntil } from '../plugin-kit/poll-until.js';
import { tcpPort } from './tcp-probe.js';

const EXPECTED = "A port and a path expected, such as '8080/healthz'.";

interface HttpAddress {
  readonly port: number;
  readonly path: string;
}

/** `8080/healthz`; the path defaults to `/`. */
export const httpAddress = z.string({ error: EXPECTED }).transform((text, context): HttpAddress => {
  const slash = text.indexOf('/');
  const port = tcpPort.safeParse(slash < 0 ? text : text.slice(0, slash));
  if (port.success) return { port: port.data, path: slash < 0 ? '/' : text.slice(slash) };
  context.addIssue(EXPECTED);
  return z.NEVER;
});

/** How long a server may take to respond on an accepted connection before the request is repeated. */
const RESPONSE_TIMEOUT: Milliseconds = 10_000;

/** Ready when `GET` of a path returns a status from 200 to 399 on each of the addresses: `ready=http:8080/healthz`. */
export class HttpProbe implements ReadinessProbe {
  constructor(
    @inject(optionsOf(httpAddress)) private readonly where: HttpAddress,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  get port(): number {
    return this.where.port;
  }

  async untilReady({ addresses }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    await Promise.all(addresses.map((address) => pollUntil(() => this.#answers(address, signal), this.clock, signal)));
  }

  async #answers(address: string, signal: AbortSignal): Promise<boolean> {
    const { port, path } = this.where;
    const socket = await connectUntil(address, port, this.clock, signal);
    const patience = new AbortController();
    using _timer = this.clock.after(RESPONSE_TIMEOUT, () => patience.abort());
    try {
      const status = await new Promise<number>((resolve, reject) => {
        // The request does not report a connection that was closed before it was attached.
        socket.on('close', () => reject(new Error('cut')));
        if (socket.destroyed) reject(new Error('cut'));
        const get = request({
          host: address,
          port,
          path,
          headers: { 'user-agent': 'jitsu', connection: 'close' },
          createConnection: () => socket,
          signal: AbortSignal.any([signal, patience.signal]),
        });
        get.on('response', (response) => {
          response.on('error', reject);
          resolve(response.statusCode ?? 0);
        });
        get.on('error', reject);
        get.end();
      });
      return status >= 200 && status < 400;
    } catch {
      // A reset, truncated or slow response means "not yet", and the poll continues.
      return false;
    } finally {
      socket.destroy();
    }
  }
}
