import { SystemClock } from '#core/clock.js';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';
import { RelayDoorman } from '#core/relay/relay-doorman.js';
import { describeActivitySource } from '#core/testing/describe-activity-source.js';
import { describeDoorman, type KnockingClient } from '#core/testing/describe-doorman.js';
import { eventually } from '#core/testing/eventually.js';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import assert from 'node:assert/strict';
import { freePort } from '../../support/free-port.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { HERE, RelayClient } from '../../support/relay-setting.js';

const clock = new SystemClock();

/** A relay of a service that answers each byte with the same. */
class Setting {
  port = 0;
  #programPort = 0;
  #server: Server | undefined;
  #clients = 0;

  async setUp(): Promise<void> {
    [this.port, this.#programPort] = [await freePort(), await freePort()];
  }

  doorman(): RelayDoorman {
    const listen = { address: HERE, port: this.port };
    const to = { address: HERE, port: this.#programPort };
    const ports = [{ protocol: 'tcp', listen, to, proxyProtocol: false }] as const;
    const unikernels = [{ unikernel: 'web', ports, idle: 900_000, ignored: [] }];
    return new RelayDoorman({ unikernels, idle: 7_500_000 }, clock, new MemoryLogger());
  }

  endpoints(unikernel = 'web'): ServiceEndpoints {
    return {
      ...{ unikernel, machine: 'a machine', addresses: [HERE], macs: [] },
      ports: [{ protocol: 'tcp', port: this.port }],
      rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
    };
  }

  async serve(): Promise<void> {
    this.#server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    this.#server.listen(this.#programPort, HERE);
    await once(this.#server, 'listening');
  }

  /** Each has an address of its own. */
  client(): RelayClient {
    this.#clients += 1;
    return new RelayClient(this.port, HERE, `127.0.1.${this.#clients}`).say('x');
  }

  tearDown(): void {
    this.#server?.close();
    this.#server = undefined;
  }
}

const doors = new Setting();

describeDoorman('the relay', {
  setUp: () => doors.setUp(),
  tearDown: () => doors.tearDown(),
  doorman: () => doors.doorman(),
  guarded: () => doors.endpoints(),
  unguarded: () => doors.endpoints('db'),
  serve: () => doors.serve(),
  connect: (): KnockingClient => {
    const client = doors.client();
    return {
      get outcome() {
        if (client.fate !== undefined) return 'refused';
        return client.text === 'x' ? 'reached' : 'waits';
      },
      close: () => void client.socket.destroy(),
    };
  },
});

const sources = new Setting();

describeActivitySource('the relay', {
  setUp: async () => {
    await sources.setUp();
    await sources.serve();
  },
  tearDown: () => sources.tearDown(),
  source: () => {
    const doorman = sources.doorman();
    const { activity } = doorman;
    return {
      sees: (endpoints) => activity.sees(endpoints),
      observe: (endpoints, signal) => activity.observe(endpoints, signal),
      open: () => doorman.open(),
      close: () => doorman.close(),
    };
  },
  seen: () => sources.endpoints(),
  unseen: () => sources.endpoints('db'),
  now: () => clock.now(),
  connect: async () => {
    const client = sources.client();
    await eventually(() => assert.equal(client.text, 'x'));
    return () => {
      client.socket.end();
      client.socket.destroy();
    };
  },
});
