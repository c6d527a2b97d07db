import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Settings, Worded } from '#core/config/settings.js';
import type { ReadinessProbe } from '#core/contracts/readiness-probe.js';
import { builtins } from '#core/builtins/builtins.js';
import { Instances } from '#core/fleet/instances.js';
import { sharedEndpoints } from '#core/fleet/shared-endpoints.js';
import { Contributions } from '#core/plugins/contributions.js';
import { WordedReader } from '#core/config/worded-reader.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { MemoryLogger } from '../../support/memory-logger.js';

describe('what two unikernels cannot have at once', () => {
  const contributions = new Contributions();
  const reader = new WordedReader(contributions.readinessProbes);
  const settings = { bootConfigurators: [], runtimeDirectory: '/nowhere' } as unknown as Settings;
  const instances = new Instances(settings, new ManualClock(), new MemoryLogger());

  before(() => {
    class Echo implements ReadinessProbe {
      readonly port = 7;
      async untilReady(): Promise<void> {}
    }
    contributions.register('Jitsu itself', (registry) => builtins.register(registry));
    const argument = z.undefined();
    contributions.register('a plugin', (registry) =>
      registry.readinessProbe({ name: 'echo', useClass: Echo, description: 'It answers', argument }),
    );
  });

  const asked = (name: string, addresses: readonly string[], ...words: string[]) => {
    const ready: readonly Worded<ReadinessProbe>[] = reader.read(
      words,
      () => '',
      ({ given }) => assert.fail(given),
    );
    return { name, addresses, ready };
  };
  const shared = (...unikernels: ReturnType<typeof asked>[]): string[] =>
    sharedEndpoints(unikernels, (probe) => instances.probe(probe).port).map(
      ({ endpoint, unikernels: [one, other] }) => `${endpoint}: ${one} and ${other}`,
    );

  it('is an address and port at which both are asked, whatever the probe', () => {
    for (const words of [
      'tcp:8080',
      'http:8080/x',
      'http://www.example.org:8080/x 200',
      'https:8080',
      'https://h:8080/',
    ]) {
      const unikernels = [asked('one', ['127.0.0.80'], 'tcp:8080'), asked('two', ['127.0.0.80'], words)];
      assert.deepEqual(shared(...unikernels), ['127.0.0.80:8080: one and two'], words);
    }
    const usual = [asked('one', ['127.0.0.80'], 'https://h/'), asked('two', ['127.0.0.80'], 'tcp:443')];
    assert.deepEqual(shared(...usual), ['127.0.0.80:443: one and two']);
    const ofPlugin = [asked('one', ['127.0.0.80'], 'echo'), asked('two', ['127.0.0.80'], 'tcp:7')];
    assert.deepEqual(shared(...ofPlugin), ['127.0.0.80:7: one and two']);
  });

  it('is said once for two, and of an address however it is written', () => {
    const both = ['tcp:80', 'http:80/'];
    assert.deepEqual(shared(asked('one', ['2001:DB8::1'], ...both), asked('two', ['2001:db8:0::1'], ...both)), [
      '[2001:db8::1]:80: one and two',
    ]);
  });

  it('is no other port, no other address, and nothing that asks no port', () => {
    assert.deepEqual(
      shared(
        asked('one', ['127.0.0.80'], 'tcp:80', 'http:80/'),
        asked('two', ['127.0.0.80'], 'tcp:81', 'exec:tcp:80', 'ping'),
        asked('three', ['127.0.0.81'], 'tcp:80'),
        asked('four', [], 'tcp:80'),
      ),
      [],
    );
  });
});
