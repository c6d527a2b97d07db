import assert from 'node:assert/strict';
import type { StateStore } from '#core/contracts/state-store.js';
import { aRegistration, anEvent, someCounters } from '../../support/store-records.js';

export interface StoreUnderTest {
  readonly store: StateStore;
  dispose(): void;
}

/** What every state store does. `make` gives an empty one that keeps at least so many events. */
export function describeStoreBehaviour(name: string, make: (historyLimit: number) => StoreUnderTest): void {
  describe(name, () => {
    let underTest: StoreUnderTest;
    let store: StateStore;

    beforeEach(async () => {
      underTest = make(20);
      store = underTest.store;
      await store.open();
    });

    afterEach(async () => {
      await store.close();
      underTest.dispose();
    });

    it('is empty at first', async () => {
      assert.deepEqual(await store.registrations(), []);
      assert.deepEqual(await store.counters(), []);
      assert.deepEqual(await store.history({}), []);
    });

    it('gives registrations back as they were', async () => {
      const both = [aRegistration(), aRegistration({ unikernel: 'wörld "2"/x', names: ['*.example.org'] })];
      await store.saveRegistrations(both);
      assert.deepEqual(await store.registrations(), both);
    });

    it('remembers only the last registration of a unikernel, and keeps the others', async () => {
      await store.saveRegistrations([aRegistration(), aRegistration({ unikernel: 'world' })]);
      await store.saveRegistrations([aRegistration({ ttl: 5_000 })]);
      assert.deepEqual(await store.registrations(), [
        aRegistration({ ttl: 5_000 }),
        aRegistration({ unikernel: 'world' }),
      ]);
    });

    it('keeps the last of several registrations that are saved side by side', async () => {
      await store.saveRegistrations([aRegistration({ ttl: 1 })]);
      await Promise.all([
        store.saveRegistrations([aRegistration({ ttl: 2 })]),
        store.saveRegistrations([aRegistration({ ttl: 1 })]),
      ]);
      assert.deepEqual(await store.registrations(), [aRegistration({ ttl: 1 })]);
    });

    it('replaces the counters of a unikernel, and no others', async () => {
      const world = someCounters({ unikernel: 'world', names: [] });
      await store.saveCounters([someCounters(), world]);
      await store.saveCounters([someCounters({ totalStarts: 9 })]);
      assert.deepEqual(await store.counters(), [someCounters({ totalStarts: 9 }), world]);
    });

    it('tells the history oldest first, in the order of the calls', async () => {
      const events = [1, 2, 3, 4, 5].map((at) => anEvent({ at }));
      await Promise.all(events.map((event) => store.appendEvent(event)));
      assert.deepEqual(await store.history({}), events);
    });

    it('tells the newest so many of one unikernel', async () => {
      for (let at = 1; at <= 9; at += 1) await store.appendEvent(anEvent({ at, unikernel: at % 2 ? 'odd' : 'even' }));
      const told = await store.history({ unikernel: 'odd', limit: 2 });
      assert.deepEqual(
        told.map(({ at }) => at),
        [7, 9],
      );
      assert.deepEqual(await store.history({ limit: 0 }), []);
      assert.deepEqual(await store.history({ unikernel: 'nobody' }), []);
    });

    it('drops the oldest events when there are too many, and never more than it must keep', async () => {
      for (let at = 1; at <= 50; at += 1) {
        await store.appendEvent(anEvent({ at }));
        const kept = (await store.history({})).length;
        assert.ok(kept >= Math.min(at, 20) && kept <= 22, `${kept} kept after ${at}`);
      }
      assert.equal((await store.history({})).at(-1)?.at, 50);
    });

    it('drops each event once, also where many come at the same time', async () => {
      for (let burst = 0; burst < 3; burst += 1) {
        await Promise.all(Array.from({ length: 100 }, (_, at) => store.appendEvent(anEvent({ at }))));
        for (let at = 100; at < 120; at += 1) {
          await store.appendEvent(anEvent({ at }));
          const kept = (await store.history({})).length;
          assert.ok(kept >= 20 && kept <= 22, `${kept} kept after ${at} of burst ${burst}`);
        }
      }
    });

    it('keeps what it was given, whatever becomes of that later', async () => {
      const names = ['hello.example.org'];
      await store.saveRegistrations([aRegistration({ names })]);
      names.push('other.example.org');
      assert.deepEqual(await store.registrations(), [aRegistration()]);
    });
  });
}
