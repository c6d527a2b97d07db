import assert from 'node:assert/strict';
import type { LifecycleEvent, LifecycleEventKind } from '../contracts/lifecycle-event.js';
import type { StateStore, StoredCounters, StoredRegistration } from '../contracts/state-store.js';
import { PATIENCE } from './eventually.js';
import { useHarness, type Harness } from './harness.js';

/**
 * The harness of {@link describeStateStore}. The optional member `bounded` is a capability switch.
 *
 * @example
 * ```ts
 * let path: string;
 * describeStateStore('the SQLite store', {
 *   setUp: () => { path = mkdtempSync(join(tmpdir(), 'store-')); },
 *   tearDown: () => rmSync(path, { recursive: true }),
 *   store: () => new SqliteStateStore({ path }),
 *   bounded: (historyLimit) => new SqliteStateStore({ path, historyLimit }),
 * });
 * ```
 */
export interface StateStoreHarness extends Harness {
  /** Creates an instance at this test's place, which `setUp` has made and which is empty. The suite opens and closes it. */
  store(): StateStore | Promise<StateStore>;
  /** Creates an instance that keeps the newest `limit` events of the history, and at most a tenth more. */
  bounded?(limit: number): StateStore | Promise<StateStore>;
}

/** Defines the mocha tests of the state store contract, with mocha's global `describe` and `it`. */
export function describeStateStore(name: string, harness: StateStoreHarness): void {
  describe(`${name} (state store contract)`, function () {
    // Some tests write hundreds of events, which is slow on some disks.
    this.timeout(3 * PATIENCE);
    let store: StateStore;
    const opened: StateStore[] = [];

    const open = async (make = harness.store.bind(harness)): Promise<StateStore> => {
      const next = await make();
      await next.open();
      opened.push(next);
      return next;
    };
    const close = async (): Promise<void> => {
      while (opened.length > 0) await opened.pop()?.close();
    };

    useHarness(harness, async () => void (store = await open()), close);

    it('is empty at first', async () => {
      assert.deepEqual(await store.registrations(), []);
      assert.deepEqual(await store.counters(), []);
      assert.deepEqual(await store.history({}), []);
    });

    describe('registrations', () => {
      it('gives them back as they were, whatever their names hold', async () => {
        const registrations = [registration('alpha'), { ...registration('wörld "2"/x'), names: ['*.example.org'] }];
        await store.saveRegistrations(registrations);
        assert.deepEqual(byName(await store.registrations()), registrations);
      });

      it('replaces the registration of a unikernel that is saved again', async () => {
        await store.saveRegistrations([registration('alpha')]);
        const changed = { ...registration('alpha'), addresses: ['192.0.2.99'], stopMode: 'shutdown' };
        await store.saveRegistrations([changed]);
        assert.deepEqual(await store.registrations(), [changed]);
      });

      it('keeps those of unikernels that are not configured any more', async () => {
        await store.saveRegistrations([registration('alpha')]);
        await store.saveRegistrations([registration('beta')]);
        assert.deepEqual(byName(await store.registrations()), [registration('alpha'), registration('beta')]);
        await store.saveRegistrations([{ ...registration('alpha'), ttl: 5_000 }]);
        assert.deepEqual(byName(await store.registrations()), [
          { ...registration('alpha'), ttl: 5_000 },
          registration('beta'),
        ]);
      });

      it('keeps the last of several that are saved side by side', async () => {
        const withTtl = (ttl: number): StoredRegistration => ({ ...registration('alpha'), ttl });
        await store.saveRegistrations([withTtl(1)]);
        await Promise.all([store.saveRegistrations([withTtl(2)]), store.saveRegistrations([withTtl(1)])]);
        assert.deepEqual(await store.registrations(), [withTtl(1)]);
      });

      it('keeps what it was given, whatever becomes of that later', async () => {
        const names = ['alpha.test'];
        await store.saveRegistrations([{ ...registration('alpha'), names }]);
        names.push('other.test');
        assert.deepEqual((await store.registrations())[0]?.names, ['alpha.test']);
      });
    });

    describe('counters', () => {
      it('replaces those of the given unikernels and keeps the others', async () => {
        await store.saveCounters([counters('alpha', 1), counters('beta', 2)]);
        await store.saveCounters([counters('beta', 3)]);
        assert.deepEqual(byName(await store.counters()), [counters('alpha', 1), counters('beta', 3)]);
      });

      it('remembers until when a unikernel is kept, and forgets it with the next counters', async () => {
        const kept: StoredCounters = { ...counters('alpha', 1), keptUntil: 1_900_000_000_000 };
        await store.saveCounters([kept]);
        assert.deepEqual(await store.counters(), [kept]);
        await store.saveCounters([counters('alpha', 1)]);
        assert.deepEqual(await store.counters(), [counters('alpha', 1)]);
      });

      it('remembers how long the last boots took', async () => {
        const slow: StoredCounters = { ...counters('alpha', 1), readyTimes: { start: [3_200, 12.5], resume: [] } };
        await store.saveCounters([slow]);
        assert.deepEqual(await store.counters(), [slow]);
      });

      it('remembers a unikernel that was never started and never asked for', async () => {
        const untouched: StoredCounters = {
          unikernel: 'alpha',
          totalStarts: 0,
          names: [{ name: 'alpha.test', requests: 0 }],
        };
        const nameless: StoredCounters = { ...untouched, unikernel: 'beta', names: [] };
        await store.saveCounters([untouched, nameless]);
        assert.deepEqual(byName(await store.counters()), [untouched, nameless]);
      });

      it('keeps what it was given, whatever becomes of that later', async () => {
        const given = { ...counters('alpha', 1), names: [{ name: 'alpha.test', requests: 1 }] };
        await store.saveCounters([given]);
        given.names.push({ name: 'other.test', requests: 9 });
        assert.equal((await store.counters())[0]?.names.length, 1);
      });
    });

    describe('history', () => {
      it('tells events oldest first, also those of the same millisecond in the order of their coming', async () => {
        const events = [event('summoning', 'alpha', 5), event('started', 'alpha', 5), event('ready', 'alpha', 9)];
        for (const each of events) await store.appendEvent(each);
        assert.deepEqual(await store.history({}), events);
      });

      it('keeps the order of events that are appended without waiting', async () => {
        const events = Array.from({ length: 50 }, (_, index) => event('started', `machine-${index}`, 7));
        await Promise.all(events.map((each) => store.appendEvent(each)));
        assert.deepEqual(await store.history({}), events);
      });

      it('tells the newest ones where there is a limit', async () => {
        const events = [1, 2, 3, 4].map((at) => event('started', 'alpha', at));
        for (const each of events) await store.appendEvent(each);
        assert.deepEqual(await store.history({ limit: 2 }), events.slice(-2));
        assert.deepEqual(await store.history({ limit: 9 }), events);
        assert.deepEqual(await store.history({ limit: 0 }), []);
      });

      it('tells those of one unikernel, and the limit counts only them', async () => {
        const [first, second, third] = ([1, 2, 3] as const).map((at) => event('started', 'alpha', at));
        for (const each of [first, second, event('started', 'beta', 2), third, event('stopped', 'beta', 4)]) {
          if (each) await store.appendEvent(each);
        }
        assert.deepEqual(await store.history({ unikernel: 'alpha' }), [first, second, third]);
        assert.deepEqual(await store.history({ unikernel: 'alpha', limit: 2 }), [second, third]);
        assert.deepEqual(await store.history({ unikernel: 'nobody' }), []);
      });

      if (harness.bounded !== undefined) {
        it('drops the oldest events when there are too many, and never more than it must keep', async () => {
          await close();
          const bounded = await open(async () => harness.bounded?.(20) ?? assert.fail());
          for (let at = 1; at <= 50; at += 1) {
            await bounded.appendEvent(event('started', 'alpha', at));
            const kept = (await bounded.history({})).length;
            assert.ok(kept >= Math.min(at, 20) && kept <= 22, `${kept} kept after ${at}`);
          }
          assert.equal((await bounded.history({})).at(-1)?.at, 50);
        });

        it('drops each event once, also where many come at the same time', async () => {
          await close();
          const bounded = await open(async () => harness.bounded?.(20) ?? assert.fail());
          for (let burst = 0; burst < 3; burst += 1) {
            await Promise.all(
              Array.from({ length: 100 }, (_, at) => bounded.appendEvent(event('started', 'alpha', at))),
            );
            for (let at = 100; at < 120; at += 1) {
              await bounded.appendEvent(event('started', 'alpha', at));
              const kept = (await bounded.history({})).length;
              assert.ok(kept >= 20 && kept <= 22, `${kept} kept after ${at} of burst ${burst}`);
            }
          }
        });
      }

      it('keeps every fact of an event', async () => {
        const whole: LifecycleEvent = {
          ...event('failed', 'alpha', 3),
          cause: { kind: 'query', name: 'alpha.test', type: 'AAAA', client: '2001:db8::1' },
          code: 'JITSU_SUMMON_DEADLINE',
          reason: 'its service did not answer – within 5 s',
          duration: 5_000.5,
          domainId: 12,
          macs: ['00:16:3e:00:00:01'],
        };
        await store.appendEvent(whole);
        assert.deepEqual(await store.history({}), [whole]);
      });
    });

    it('opens again after it was closed', async () => {
      await store.close();
      await store.open();
      await store.saveRegistrations([registration('alpha')]);
      assert.deepEqual(byName(await store.registrations()), [registration('alpha')]);
    });

    it('keeps its promise of durability: a new instance finds everything again and goes on, or finds nothing', async () => {
      await store.saveRegistrations([registration('alpha')]);
      await store.saveCounters([counters('alpha', 4)]);
      await store.appendEvent(event('started', 'alpha', 1));
      await close();
      const next = await open();
      const { durable } = store;
      assert.deepEqual(await next.registrations(), durable ? [registration('alpha')] : []);
      assert.deepEqual(await next.counters(), durable ? [counters('alpha', 4)] : []);
      await next.appendEvent(event('stopped', 'alpha', 2));
      const before = durable ? [event('started', 'alpha', 1)] : [];
      assert.deepEqual(await next.history({}), [...before, event('stopped', 'alpha', 2)]);
    });
  });
}

function registration(unikernel: string): StoredRegistration {
  const id = `${unikernel.padEnd(8, '0').slice(0, 8)}-0000-5000-8000-000000000000`;
  const names = [`${unikernel}.test`, `*.${unikernel}.test`];
  return {
    unikernel,
    id,
    backend: 'example',
    names,
    addresses: ['192.0.2.1', '2001:db8::1'],
    ttl: 60_000,
    stopMode: 'destroy',
  };
}

function counters(unikernel: string, totalStarts: number): StoredCounters {
  const names = [{ name: `${unikernel}.test`, requests: 10 * totalStarts, lastAsked: 2_000.25 }];
  return { unikernel, startedAt: 1_000.5, totalStarts, names };
}

function event(kind: LifecycleEventKind, unikernel: string, at: number): LifecycleEvent {
  const { id, backend, addresses } = registration(unikernel);
  return { kind, at, unikernel, id, backend, state: 'running', addresses, macs: [] };
}

function byName<T extends { readonly unikernel: string }>(entries: readonly T[]): readonly T[] {
  return [...entries].sort((one, other) => one.unikernel.localeCompare(other.unikernel));
}
