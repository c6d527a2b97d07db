import { inject, injectable } from '../plugins/injection.js';
import type { Clock } from '../contracts/clock.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { CLOCK, OPTIONS } from '../plugins/tokens.js';
import { connectUntil } from './connect-until.js';

/** Ready when a TCP port accepts connections, on each of the unikernel's addresses: `ready=tcp:8080`. */
@injectable()
export class TcpProbe implements ReadinessProbe {
  constructor(
    @inject(OPTIONS) private readonly port: number,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  async untilReady({ addresses }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    await Promise.all(
      addresses.map(async (address) => {
        const socket = await connectUntil(address, this.port, this.clock, signal);
        socket.destroy();
      }),
    );
  }
}
