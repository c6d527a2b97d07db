import type { SecureContext } from 'node:tls';
import type { UpstreamSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { Deadlines } from './deadlines.js';
import type { PortSockets } from './port-sockets.js';
import type { RandomSource } from './random-source.js';
import { tcpConnector, tlsConnector } from './stream-connector.js';
import { StreamPool } from './stream-pool.js';
import { UdpPool } from './udp-pool.js';
import { UpstreamHabits } from './upstream-habits.js';
import { UpstreamHealth } from './upstream-health.js';
import { upstreamText } from './upstream-text.js';

/** What all upstreams share. */
export interface UpstreamSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: RandomSource;
  readonly deadlines: Deadlines;
  /** How long one of them may take for an answer. */
  readonly timeout: Milliseconds;
  /** What sockets for UDP are opened by. */
  readonly portSockets: () => PortSockets;
  /** Who vouches for certificates; those of Node where absent. */
  readonly trust: () => SecureContext | undefined;
  /** One of them has gone down or come up. */
  readonly onHealthChange: () => void;
}

/** A server that queries are forwarded to, with its ports, its connections, and what has been learnt of it. */
export class Upstream {
  /** As people write it. */
  readonly text: string;
  readonly health: UpstreamHealth;
  readonly habits: UpstreamHabits;
  /** Absent where it must be asked over connections only. */
  readonly udp: UdpPool | undefined;
  readonly streams: StreamPool;

  constructor(
    readonly settings: UpstreamSettings,
    readonly around: UpstreamSurroundings,
  ) {
    const { random, logger, onHealthChange, portSockets, trust } = around;
    const { transport = 'udp' } = settings;
    this.text = upstreamText(settings);
    this.health = new UpstreamHealth(this.text, logger, onHealthChange);
    this.habits = new UpstreamHabits(this.text, around);
    this.udp = transport === 'udp' ? new UdpPool(settings, random, portSockets()) : undefined;
    this.streams = new StreamPool(transport === 'tls' ? tlsConnector(settings, trust) : tcpConnector(settings), around);
  }

  /** Ends everything with it, at once. */
  close(reason: Error): void {
    this.udp?.close(reason);
    this.streams.close(reason);
  }
}
