import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { RecordsAnswer } from '#core/contracts/resolver.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anAccessControl } from '../../../support/dns-admission.js';
import { aQuery } from '../../../support/dns-query.js';
import { FakeLease } from '../../../support/fake-lease.js';

const ASKER = fileURLToPath(new URL('../../../support/packet-cache-client.js', import.meta.url));
const ROUNDS = 3_000;

/** All records carry the same number: an answer that is a mixture of two would show. */
const answerOf = (round: number, lease: FakeLease): RecordsAnswer => ({
  rcode: 0,
  answers: Array.from({ length: 1 + (round % 20) }, (_, index) => ({
    ...{ name: 'www.test', type: 'A', ttl: round },
    address: `10.${index}.${round >> 8}.${round & 0xff}`,
  })),
  lease,
});

describe('answers of the packet cache in another thread', function () {
  this.timeout(60_000);

  it('are whole or not given at all, and every one that was given is told at the end of its lease', async () => {
    const hot = new PacketCache(false, new ManualClock(), 8);
    const query = aQuery('www.test', { edns: {} });
    const state = new Int32Array(new SharedArrayBuffer(8));
    const order = { memory: hot.memory, access: anAccessControl().shared, query: query.message, state };
    const worker = new Worker(ASKER, { workerData: order });
    try {
      await once(worker, 'message');
      let told = 0;
      // On a busy machine the thread may have had no processor until now.
      const isEnough = (): boolean => Atomics.load(state, 0) > 100;
      for (let round = 1; round <= ROUNDS || (!isEnough() && round < 0xffff); round += 1) {
        const lease = new FakeLease();
        hot.keep(query, answerOf(round, lease));
        // What was given until now must be among what is told then.
        for (let spin = 0; spin < 200; spin += 1) Atomics.load(state, 0);
        const givenBefore = Atomics.load(state, 0);
        lease.end();
        told += lease.uses;
        assert.ok(told >= givenBefore, `${givenBefore} answers were given, ${told} were told`);
      }
      Atomics.store(state, 1, 1);
      const [{ given, torn }] = (await once(worker, 'message')) as [{ given: number; torn: number }];
      assert.equal(torn, 0);
      assert.ok(given > 100, `only ${given} answers`);
      assert.ok(told >= given);
    } finally {
      await worker.terminate();
    }
  });
});
