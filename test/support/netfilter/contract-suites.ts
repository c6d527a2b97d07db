/** The suites of the contracts, for mocha in a network namespace of its own: the doorman changes its packet filter. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { SystemClock, type ServiceEndpoints } from '@jitsud/core/plugin';
import { describeActivitySource, describeDoorman, type KnockingClient } from '@jitsud/core/testing';
import { doormanOptions } from '#netfilter/doorman-options.js';
import { NetfilterDoorman } from '#netfilter/netfilter-doorman.js';

const ADDRESS = '127.0.0.80';
const PORT = 8_080;

const clock = new SystemClock();
const log = (): void => undefined;
const logger = { debug: log, info: log, warn: log, error: log } as never;
const make = (): NetfilterDoorman => new NetfilterDoorman(doormanOptions.parse({}), clock, logger);

const endpoints: ServiceEndpoints = {
  unikernel: 'www',
  machine: 'www',
  addresses: [ADDRESS],
  ports: [{ protocol: 'tcp', port: PORT }],
  macs: [],
  rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
};

let server: Server | undefined;
const sockets = new Set<Socket>();

async function serve(): Promise<void> {
  const listening = createServer((socket) => {
    sockets.add(socket.on('error', log).on('close', () => sockets.delete(socket)));
    socket.write('hello');
    socket.pipe(socket);
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(PORT, ADDRESS, resolve));
}

async function endServing(): Promise<void> {
  const ended = server;
  server = undefined;
  for (const socket of sockets) socket.destroy();
  if (ended !== undefined) await new Promise((resolve) => ended.close(resolve));
}

class Client implements KnockingClient {
  outcome: KnockingClient['outcome'] = 'waits';
  readonly #socket = connect(PORT, ADDRESS);

  constructor() {
    this.#socket.on('data', () => (this.outcome = 'reached'));
    this.#socket.on('error', () => (this.outcome = 'refused'));
  }

  close(): void {
    this.#socket.destroy();
  }
}

describeDoorman('the netfilter doorman', {
  doorman: make,
  guarded: () => endpoints,
  unguarded: () => ({ ...endpoints, ports: [] }),
  serve,
  connect: () => new Client(),
  tearDown: endServing,
});

let doorman: NetfilterDoorman | undefined;

describeActivitySource('what the gate sees of traffic', {
  source: () => doorman?.activity as NetfilterDoorman['activity'],
  seen: () => endpoints,
  unseen: () => ({ ...endpoints, addresses: [] }),
  now: () => clock.now(),
  connect: async () => {
    const socket = connect(PORT, ADDRESS);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write('question');
    await new Promise((resolve) => socket.once('data', resolve));
    return async () => {
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.end();
      await closed;
    };
  },
  breakDown: async () => doorman?.close(),
  setUp: async () => {
    doorman = make();
    await doorman.open();
    await serve();
  },
  tearDown: async () => {
    await endServing();
    await doorman?.close();
  },
});
