import { request } from 'node:http';
import { inject, injectable } from '../plugins/injection.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { CLOCK, OPTIONS } from '../plugins/tokens.js';
import { connectUntil } from './connect-until.js';
import { pollUntil } from './poll-until.js';

export interface HttpProbeOptions {
  readonly port: number;
  readonly path: string;
}

/** How long a server that has taken the connection may take to answer before it is asked again. */
const PATIENCE: Milliseconds = 10_000;

/** Ready when `GET` of a path gets a status from 200 to 399, on each of the unikernel's addresses: `ready=http:8080/healthz`. */
@injectable()
export class HttpProbe implements ReadinessProbe {
  constructor(
    @inject(OPTIONS) private readonly options: HttpProbeOptions,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  async untilReady({ addresses }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    await Promise.all(addresses.map((address) => pollUntil(() => this.#answers(address, signal), this.clock, signal)));
  }

  async #answers(address: string, signal: AbortSignal): Promise<boolean> {
    const { port, path } = this.options;
    const socket = await connectUntil(address, port, this.clock, signal);
    const patience = new AbortController();
    using _timer = this.clock.after(PATIENCE, () => patience.abort());
    try {
      const status = await new Promise<number>((resolve, reject) => {
        // The request itself overlooks a connection that was cut before it took hold of it.
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
      // Reset, cut short or too slow: all of them mean "not yet", and the poll goes on.
      return false;
    } finally {
      socket.destroy();
    }
  }
}
