import assert from 'node:assert/strict';
import type { ActivitySource, Traffic } from '../contracts/activity-source.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import { deepFreeze } from './deep-freeze.js';
import { eventually, inTime, PATIENCE } from './eventually.js';
import { useHarness, type Harness } from './harness.js';

/**
 * The harness of {@link describeActivitySource}. The optional members `send`, `connect` and `breakDown` are capability
 * switches.
 *
 * @example
 * ```ts
 * describeActivitySource('the process activity source', {
 *   source: () => new ProcessActivitySource(new SystemClock()),
 *   seen: () => ({ ...endpoints, addresses: ['127.0.0.1'], ports: [{ protocol: 'tcp', port: server.port }] }),
 *   now: () => clock.now(),
 *   connect: () => server.connect(),
 * });
 * ```
 */
export interface ActivitySourceHarness extends Harness {
  /** Creates a source without opening it: the suite opens and closes it. */
  source(): ActivitySource | Promise<ActivitySource>;
  /** Where a unikernel is reached that it sees; nobody uses it yet. Called after `setUp`. */
  seen(): ServiceEndpoints;
  /** Where one is reached that it does not see. */
  unseen?(): ServiceEndpoints;
  /** The time by the clock of the source. */
  now(): number;
  /** Sends a packet to what is seen that counts as use, in both directions where that is needed. */
  send?(): Promise<void> | void;
  /** Opens a connection to what is seen that counts as use. Returns what closes it. */
  connect?(): Promise<() => Promise<void> | void>;
  /** Sees to it that nothing can be known. */
  breakDown?(): Promise<void> | void;
}

/** Defines the mocha tests of the activity source contract, with mocha's global `describe` and `it`. */
export function describeActivitySource(name: string, harness: ActivitySourceHarness): void {
  describe(`${name} (activity source contract)`, function () {
    this.timeout(3 * PATIENCE);
    let source: ActivitySource;
    let seen: ServiceEndpoints;

    useHarness(
      harness,
      async () => {
        source = await harness.source();
        await source.open?.();
        seen = deepFreeze(structuredClone(harness.seen()));
        await source.watch?.([seen]);
      },
      async () => source.close?.(),
    );

    const observe = async (): Promise<Traffic> => {
      const traffic = await inTime(
        source.observe(seen, new AbortController().signal),
        'it says nothing in time',
        harness.patience,
      );
      checkTraffic(traffic, harness.now());
      return traffic;
    };

    it('says at once what it sees', () => {
      assert.equal(source.sees(seen), true);
      if (harness.unseen !== undefined) assert.equal(source.sees(deepFreeze(structuredClone(harness.unseen()))), false);
      // What is not known yet is no reason to throw.
      assert.equal(typeof source.sees({ ...seen, addresses: [], ports: [], macs: [], domainId: undefined }), 'boolean');
    });

    it('knows of no use of what nobody uses, and says something about it', async () => {
      const { connections, lastPacket } = await observe();
      assert.ok(connections !== undefined || lastPacket !== undefined, 'nothing is known, and it has not rejected');
      assert.equal(connections ?? 0, 0);
    });

    it('is told of the same again, and of others, to no effect on what it knows', async () => {
      await source.watch?.([seen]);
      await source.watch?.([{ ...seen, unikernel: 'another', macs: [] }, seen]);
      await source.watch?.([]);
      assert.equal((await observe()).connections ?? 0, 0);
    });

    it('answers many at once', async () => {
      const all = Array.from({ length: 20 }, () => observe());
      assert.equal((await Promise.all(all)).length, 20);
    });

    it('rejects with the reason of a signal that has aborted', async () => {
      const reason = new Error('enough');
      const late = source.observe(seen, AbortSignal.abort(reason));
      const error = await late.then(
        () => assert.fail('it has answered'),
        (given: unknown) => given,
      );
      assert.equal(error, reason);
    });

    if (harness.send !== undefined) {
      const send = harness.send.bind(harness);
      it('knows when the last packet came', async () => {
        const before = harness.now();
        await send();
        await eventually(async () => {
          const { lastPacket } = await observe();
          // A source may count whole seconds.
          assert.ok(lastPacket !== undefined && lastPacket >= before - 1_000, `it says ${String(lastPacket)}`);
        }, harness.patience);
      });
    }

    if (harness.connect !== undefined) {
      const connect = harness.connect.bind(harness);
      it('counts the connections that are open, and no others', async () => {
        const counted = async (expected: number): Promise<void> =>
          eventually(async () => assert.equal((await observe()).connections, expected), harness.patience);
        const close = await connect();
        await counted(1);
        const closeOther = await connect();
        await counted(2);
        await close();
        await counted(1);
        await closeOther();
        await counted(0);
      });
    }

    if (harness.breakDown !== undefined) {
      const breakDown = harness.breakDown.bind(harness);
      it('rejects where nothing can be known, in place of knowing of no use', async () => {
        await breakDown();
        const observed = source.observe(seen, new AbortController().signal);
        const error = await inTime(
          observed.then(
            () => assert.fail('it has answered'),
            (reason: unknown) => reason,
          ),
          'it has not settled in time',
          harness.patience,
        );
        assert.ok(error instanceof Error);
        assert.notEqual(error.message.trim(), '', 'it does not say why');
      });
    }

    it('is closed again, also one that was never opened', async () => {
      await source.close?.();
      await source.close?.();
      const fresh = await harness.source();
      await fresh.close?.();
    });
  });
}

function checkTraffic({ connections, lastPacket, detail }: Traffic, now: number): void {
  if (connections !== undefined) {
    assert.ok(Number.isSafeInteger(connections) && connections >= 0, `${connections} connections`);
  }
  if (lastPacket !== undefined) assert.ok(lastPacket <= now, `a packet at ${lastPacket}, and it is ${now}`);
  if (detail !== undefined) assert.notEqual(detail.trim(), '');
}
