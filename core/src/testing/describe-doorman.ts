import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArmedService, Doorman, Knock, KnockVerdict } from '../contracts/doorman.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import { deepFreeze } from './deep-freeze.js';
import { eventually, GLANCE, inTime, PATIENCE } from './eventually.js';
import { useHarness, type Harness } from './harness.js';

/** A client that has sent its first packet. */
export interface KnockingClient {
  /** `reached` once the service has got its packet, `refused` once it was told that nobody is there. */
  readonly outcome: 'waits' | 'reached' | 'refused';
  /** Ends it. */
  close(): Promise<void> | void;
}

/**
 * The harness of {@link describeDoorman}. The optional member `unguarded` is a capability switch.
 *
 * @example
 * ```ts
 * describeDoorman('the listen doorman', {
 *   doorman: () => backend.doorman,
 *   guarded: () => endpoints,
 *   serve: () => program.start(),
 *   connect: () => Client.connect(port),
 * });
 * ```
 */
export interface DoormanHarness extends Harness {
  /** Creates a doorman without opening it: the suite opens and closes it. */
  doorman(): Doorman | Promise<Doorman>;
  /** Where a unikernel is reached that it guards, and that does not run yet. Called after `setUp`. */
  guarded(): ServiceEndpoints;
  /** Where one is reached that it does not guard. */
  unguarded?(): ServiceEndpoints;
  /** Has the service of the unikernel answer from now on, as after a boot. */
  serve(): Promise<void> | void;
  /** Sends the first packet of a new client to the first of the guarded ports. */
  connect(): Promise<KnockingClient> | KnockingClient;
}

/** Defines the mocha tests of the doorman contract, with mocha's global `describe` and `it`. */
export function describeDoorman(name: string, harness: DoormanHarness): void {
  describe(`${name} (doorman contract)`, function () {
    this.timeout(3 * PATIENCE);
    let doorman: Doorman;
    let service: ArmedService;
    let subscription: Disposable;
    let knocks: Knock[];
    let verdict: KnockVerdict;
    const clients: KnockingClient[] = [];

    useHarness(
      harness,
      async () => {
        knocks = [];
        verdict = 'hold';
        doorman = await harness.doorman();
        await doorman.open?.();
        subscription = doorman.onKnock((knock) => (knocks.push(knock), verdict));
        service = deepFreeze<ArmedService>({ ...structuredClone(harness.guarded()), connections: 'refuse' });
      },
      async () => {
        subscription[Symbol.dispose]();
        for (const client of clients.splice(0)) await client.close();
        await doorman.close?.();
      },
    );

    const act = (action: Promise<void>): Promise<void> => inTime(action, 'it does not get done', harness.patience);
    const connect = async (): Promise<KnockingClient> => {
      const client = await harness.connect();
      clients.push(client);
      return client;
    };
    const becomes = (client: KnockingClient, outcome: KnockingClient['outcome']): Promise<void> =>
      eventually(() => assert.equal(client.outcome, outcome), harness.patience);
    const stays = async (client: KnockingClient, outcome: KnockingClient['outcome']): Promise<void> => {
      await sleep(GLANCE);
      assert.equal(client.outcome, outcome);
    };
    const knockCount = (count: number): Promise<void> =>
      eventually(() => assert.ok(knocks.length >= count, `${knocks.length} knocks, not ${count}`), harness.patience);

    it('says at once what it guards', () => {
      assert.equal(doorman.guards(service), true);
      if (harness.unguarded !== undefined) {
        assert.equal(doorman.guards(deepFreeze(structuredClone(harness.unguarded()))), false);
      }
      assert.equal(
        typeof doorman.guards({ ...service, addresses: [], ports: [], macs: [], domainId: undefined }),
        'boolean',
      );
    });

    it('holds the first packet of a client for what is armed, reports it, and delivers it', async () => {
      await act(doorman.arm([service]));
      const client = await connect();
      await knockCount(1);
      const [{ unikernel, protocol, port, from }] = knocks as [Knock];
      assert.deepEqual({ unikernel, ...service.ports[0] }, { unikernel: service.unikernel, protocol, port });
      assert.notEqual(isIP(from), 0, `'${from}' is no address`);
      await stays(client, 'waits');
      await harness.serve();
      await act(doorman.release(service.unikernel, 'deliver'));
      await becomes(client, 'reached');
    });

    it('holds nothing any more once it has delivered', async () => {
      await act(doorman.arm([service]));
      await harness.serve();
      await act(doorman.release(service.unikernel, 'deliver'));
      const client = await connect();
      await becomes(client, 'reached');
      assert.deepEqual(knocks, []);
    });

    it('holds for several clients at once', async () => {
      await act(doorman.arm([service]));
      const several = await Promise.all([connect(), connect(), connect()]);
      await knockCount(1);
      await harness.serve();
      await act(doorman.release(service.unikernel, 'deliver'));
      for (const client of several) await becomes(client, 'reached');
    });

    it('arms again what is armed, and takes over what has changed, without losing what it holds', async () => {
      await act(doorman.arm([{ ...service, connections: 'hold' }]));
      const client = await connect();
      await knockCount(1);
      await act(doorman.arm([{ ...service, connections: 'pass' }, service]));
      await act(doorman.arm([]));
      await stays(client, 'waits');
      await harness.serve();
      await act(doorman.release(service.unikernel, 'deliver'));
      await becomes(client, 'reached');
    });

    it('refuses at once whom the verdict refuses, and stays armed', async () => {
      await act(doorman.arm([service]));
      verdict = 'refuse';
      await becomes(await connect(), 'refused');
      verdict = 'hold';
      const before = knocks.length;
      const client = await connect();
      await knockCount(before + 1);
      await stays(client, 'waits');
    });

    it('says nothing to whom the verdict drops', async () => {
      await act(doorman.arm([service]));
      verdict = 'drop';
      const client = await connect();
      await knockCount(1);
      await stays(client, 'waits');
    });

    it('ends what it holds after a boot that has failed, and reports who comes next', async () => {
      await act(doorman.arm([service]));
      const client = await connect();
      await knockCount(1);
      await act(doorman.release(service.unikernel, 'refuse'));
      await becomes(client, 'refused');
      const before = knocks.length;
      const next = await connect();
      await knockCount(before + 1);
      await act(doorman.release(service.unikernel, 'drop'));
      await stays(next, 'waits');
    });

    it('changes nothing where it releases what is not armed', async () => {
      for (const outcome of ['deliver', 'refuse', 'drop'] as const) await act(doorman.release('nobody', outcome));
      await act(doorman.arm([service]));
      const client = await connect();
      await knockCount(1);
      await act(doorman.release('nobody', 'deliver'));
      await stays(client, 'waits');
    });

    it('is closed again, also one that was never opened', async () => {
      await act(doorman.arm([service]));
      await doorman.close?.();
      await doorman.close?.();
      const fresh = await harness.doorman();
      await fresh.close?.();
    });
  });
}
