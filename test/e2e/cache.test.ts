import assert from 'node:assert/strict';
import { addressFor, FakeUpstream, replyTo } from '../support/dns-upstream.js';
import { RunningJitsu } from '../support/running-jitsu.js';

describe('the cache of a running Jitsu', function () {
  this.timeout(60_000);

  it('answers in place of the forwarder, shows in the status, and is emptied by command', async () => {
    await using upstream = await FakeUpstream.start((query) => [replyTo(query, addressFor(query, '192.0.2.1'))]);
    const { address, port } = upstream.endpoint;
    await using jitsu = new RunningJitsu([], { dns: { forwarders: [`${address}:${port}`] } });
    await jitsu.start();
    const asked = (): number =>
      upstream.queries.filter(({ decoded }) => decoded.questions?.[0]?.name.toLowerCase() === 'a.test').length;

    for (let round = 0; round < 3; round++) assert.deepEqual((await jitsu.ask('a.test')).addresses, ['192.0.2.1']);
    assert.equal(asked(), 1);
    const { cache } = (await jitsu.report()).dns;
    assert.deepEqual([cache.misses, cache.entries, cache.size], [1, 1, 33_554_432]);

    assert.deepEqual(await jitsu.control.flush('other.test'), { flushed: 0 });
    assert.deepEqual(await jitsu.control.flush('test'), { flushed: 1 });
    await assert.rejects(jitsu.control.flush('a..test'), { code: 'JITSU_CONTROL_FAILED', message: /empty label/ });
    await jitsu.ask('a.test');
    assert.equal(asked(), 2);
    assert.deepEqual(await jitsu.control.flush(), { flushed: 1 });
  });
});
