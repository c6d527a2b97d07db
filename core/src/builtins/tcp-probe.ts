import { z } from 'zod';
import type { Clock } from '../contracts/clock.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { endpointText } from '../net/endpoint.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { CLOCK } from '../plugins/tokens.js';
import { connectUntil } from './connect-until.js';

const PORT = 'A port from 1 to 65535 expected.';

export const tcpPort = z.coerce.number({ error: PORT }).int(PORT).min(1, PORT).max(65_535, PORT);

/**
 * Ready when a TCP port accepts connections on each of the unikernel's addresses: `ready=tcp:8080`. Where Jitsu itself
 * listens there, the service has to have accepted one.
 */
export class TcpProbe implements ReadinessProbe {
  constructor(
    @inject(optionsOf(tcpPort)) readonly port: number,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  async untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    const { addresses, report } = target;
    await Promise.all(
      addresses.map(async (address) => {
        const socket = await connectUntil(address, this.port, this.clock, signal, { report });
        socket.on('error', () => undefined);
        try {
          const held = target.listener?.(address, this.port);
          if (held === undefined) return;
          report?.(`${endpointText({ address, port: this.port })} is open, and no connection is accepted there`);
          await held.untilAccepted(signal);
        } finally {
          socket.destroy();
        }
      }),
    );
  }
}
