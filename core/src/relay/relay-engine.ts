import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage } from '../errors.js';
import { RelayBudget } from './relay-budget.js';
import type { ArmedRelay, AskVerdict, ListenFailure, RelayCalls, RelayedTraffic, RelayOrder } from './relay-order.js';
import type { ConnectionContext } from './relayed-connection.js';
import { RelayedService } from './relayed-service.js';
import { TcpRelay } from './tcp-relay.js';
import { UdpRelay } from './udp-relay.js';

/** How often connections and flows that are over are looked for, while there are any. */
const SWEEP_EVERY: Milliseconds = 10_000;

/** All relays: listens, relays, and holds what comes for unikernels that are armed. It needs no other part of Jitsu. */
export class RelayEngine implements RelayCalls {
  readonly #services = new Map<string, RelayedService>();
  readonly #tcp: TcpRelay[] = [];
  readonly #udp: UdpRelay[] = [];
  readonly #context: ConnectionContext;
  #sweeping: Disposable | undefined;
  #isClosed = false;

  constructor(
    private readonly order: RelayOrder,
    private readonly clock: Pick<Clock, 'now' | 'after'>,
    ask: AskVerdict,
    budget = new RelayBudget(clock),
  ) {
    this.#context = { clock, budget, ignore: order.ignore, taken: () => this.#sweepLater() };
    for (const unikernel of order.unikernels) {
      this.#services.set(unikernel.unikernel, new RelayedService(unikernel, clock, ask));
    }
  }

  /** Opens all ports that it can, and resolves with those that it cannot. */
  async open(): Promise<readonly ListenFailure[]> {
    const failures: ListenFailure[] = [];
    for (const { unikernel, ports } of this.order.unikernels) {
      const service = this.#services.get(unikernel) as RelayedService;
      for (const port of ports) {
        try {
          if (port.protocol === 'tcp') this.#tcp.push(await TcpRelay.open(port, service, this.#context));
          else this.#udp.push(await UdpRelay.open(port, service, this.#context));
        } catch (error) {
          const { protocol, listen } = port;
          failures.push({ unikernel, protocol, listen, code: errorCode(error), message: errorMessage(error) });
        }
      }
    }
    return failures;
  }

  arm(services: readonly ArmedRelay[]): void {
    for (const { unikernel, connections } of services) this.#services.get(unikernel)?.arm(connections);
  }

  release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop'): void {
    this.#services.get(unikernel)?.release(outcome);
  }

  observe(unikernel: string): RelayedTraffic {
    return this.#services.get(unikernel)?.observe() ?? { connections: 0, clients: [] };
  }

  /** Cuts all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sweeping?.[Symbol.dispose]();
    for (const relay of [...this.#tcp, ...this.#udp]) relay.close();
    for (const { connections } of this.#services.values()) for (const connection of connections) connection.cut();
    return Promise.resolve();
  }

  #sweepLater(): void {
    if (!this.#isClosed) this.#sweeping ??= this.clock.after(SWEEP_EVERY, () => this.#sweep());
  }

  #sweep(): void {
    this.#sweeping = undefined;
    const since = this.clock.now() - this.order.idle;
    for (const service of this.#services.values()) service.cutIdle(since);
    for (const relay of this.#udp) relay.sweep();
    if (this.#context.budget.isUsed) this.#sweepLater();
  }
}
