import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#core/contracts/clock.js';
import type { Knock, KnockVerdict } from '#core/contracts/doorman.js';
import { RelayEngine } from '#core/relay/relay-engine.js';
import { RelayBudget } from '#core/relay/relay-budget.js';
import type { RelayedUnikernel, RelayOrder } from '#core/relay/relay-order.js';
import type { RelayedPort } from '#core/config/relay.js';
import { SystemClock } from '#core/clock.js';
import { freePort } from './free-port.js';

export const HERE = '127.0.0.1';

/** A TCP client that remembers what becomes of it. */
export class RelayClient {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  /** The code of its error, `end` for the end of the other side, absent while neither has come. */
  fate: string | undefined;
  hasEnded = false;

  constructor(port: number, address = HERE, localAddress?: string) {
    this.socket = connect({ host: address, port, allowHalfOpen: true, ...(localAddress && { localAddress }) });
    this.socket.on('data', (chunk) => (this.received = Buffer.concat([this.received, chunk])));
    this.socket.on('end', () => ((this.fate ??= 'end'), (this.hasEnded = true)));
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.fate ??= error.code));
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  say(text: string): this {
    this.socket.write(text);
    return this;
  }
}

export interface SettingOptions {
  readonly clock?: Pick<Clock, 'now' | 'after'>;
  readonly order?: Partial<Omit<RelayOrder, 'unikernels'>>;
  readonly unikernel?: Partial<RelayedUnikernel>;
  readonly port?: Partial<RelayedPort>;
  readonly budget?: RelayBudget;
}

/** One relay with its program, both on this machine. */
export class RelaySetting {
  readonly knocks: Knock[] = [];
  verdict: KnockVerdict | Promise<KnockVerdict> = 'hold';
  readonly #clients: RelayClient[] = [];
  readonly #served = new Set<Socket>();
  #server: Server | undefined;

  private constructor(
    readonly engine: RelayEngine,
    /** Where clients connect. */
    readonly port: number,
    /** Where the program listens. */
    readonly programPort: number,
  ) {}

  static async open(options: SettingOptions = {}): Promise<RelaySetting> {
    for (;;) {
      const setting = await RelaySetting.#attempt(options);
      if (setting !== undefined) return setting;
    }
  }

  static async #attempt(options: SettingOptions): Promise<RelaySetting | undefined> {
    const { clock = new SystemClock(), order = {}, unikernel = {}, port = {}, budget } = options;
    const [listen, program] = [await freePort(), await freePort()];
    const to = { address: HERE, port: program };
    const ports: RelayedPort[] = [
      { protocol: 'tcp', listen: { address: HERE, port: listen }, to, proxyProtocol: false, ...port },
    ];
    const ask = (knock: Knock): Promise<KnockVerdict> => {
      setting.knocks.push(knock);
      return Promise.resolve(setting.verdict);
    };
    const whole: RelayOrder = {
      unikernels: [{ unikernel: 'web', ports, idle: 900_000, ignored: [], ...unikernel }],
      idle: 7_500_000,
      ...order,
    };
    const engine = new RelayEngine(whole, clock, ask, budget ?? new RelayBudget(clock));
    const setting = new RelaySetting(engine, listen, program);
    const failures = await engine.open();
    if (failures.length === 0) return setting;
    await engine.close();
    return undefined;
  }

  arm(connections: 'pass' | 'hold' | 'refuse' = 'pass'): void {
    this.engine.arm([{ unikernel: 'web', connections }]);
  }

  deliver(): void {
    this.engine.release('web', 'deliver');
  }

  client(localAddress?: string, address = HERE): RelayClient {
    const client = new RelayClient(this.port, address, localAddress);
    this.#clients.push(client);
    return client;
  }

  /** Starts the program. */
  async serve(onConnection: (socket: Socket) => void = echo): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#served.add(socket);
      socket.on('close', () => this.#served.delete(socket));
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    server.listen(this.programPort, HERE);
    await once(server, 'listening');
    this.#server = server;
  }

  /** Ends the program, and its connections. */
  async endProgram(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#served) socket.destroy();
    await closed;
  }

  async close(): Promise<void> {
    for (const { socket } of this.#clients) socket.destroy();
    await this.engine.close();
    await this.endProgram();
    await sleep(1);
  }
}

function echo(socket: Socket): void {
  socket.pipe(socket);
}
