import assert from 'node:assert/strict';
import { ConfigProblems } from '#core/config/config-problems.js';
import type { Settings, UnikernelSettings } from '#core/config/settings.js';
import { Fleet } from '#core/fleet/fleet.js';
import type { Instances } from '#core/fleet/instances.js';
import { settingsProblems } from '#core/fleet/settings-problems.js';
import type { GuardedBackend } from '#core/lifecycle/guarded-backend.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { FakeBackend } from '../../support/fake-backend.js';
import { aContext, READY } from '../../support/fleet.js';

describe('what is wrong with the settings of unikernels', () => {
  const backend = { capabilities: { stopModes: ['destroy', 'shutdown'] } } as unknown as GuardedBackend;
  const backends = new Map([['near', backend]]);
  const portOf = ({ words }: { readonly words: string }): number => Number(words.replace('tcp:', ''));
  const pathsOf = (...unikernels: readonly object[]): readonly string[] =>
    settingsProblems(
      {
        connections: [],
        unikernels: unikernels.map((one) => ({
          backend: 'near',
          stopMode: 'destroy',
          relays: [],
          ready: [],
          ...one,
        })) as never,
      },
      backends,
      portOf as (probe: UnikernelSettings['ready'][number]) => number,
    ).map(({ path }) => path);

  it('is a stop mode that the backend lacks', () => {
    const paths = pathsOf({ name: 'web', stopMode: 'suspend' }, { name: 'db', stopMode: 'fastest' }, { name: 'mail' });
    assert.deepEqual(paths, ['the stop mode of web']);
  });

  it('is a probe that asks a relay, which answers always, unless another one leads to that port', () => {
    const relay = { protocol: 'tcp', listen: { port: 80 }, to: { port: 8_080 } };
    const probe = (port: number): object => ({ words: `tcp:${port}` });
    assert.deepEqual(pathsOf({ name: 'web', relays: [relay], ready: [probe(8_080)] }), []);
    assert.deepEqual(pathsOf({ name: 'web', relays: [relay], ready: [probe(80)] }), ['web.ready']);
    const behind = { ...relay, listen: { port: 443 }, to: { port: 80 } };
    assert.deepEqual(pathsOf({ name: 'web', relays: [relay, behind], ready: [probe(80)] }), []);
    const datagrams = { ...relay, protocol: 'udp' };
    assert.deepEqual(pathsOf({ name: 'web', relays: [datagrams], ready: [probe(80)] }), []);
  });

  it('is to answer at once for what has no port at which its first packets could be held', () => {
    const at = (name: string, more: object): object => ({
      ...{
        name,
        backend: 'near',
        options: { name },
        names: [],
        addresses: ['192.0.2.1'],
        ready: [{ words: 'exec:true' }],
      },
      ...{
        ports: [],
        relays: [],
        stopPolicies: [],
        stopMode: 'destroy',
        answersAtOnce: true,
        wakesOn: 'query',
        ...more,
      },
    });
    const unikernels = [
      at('none', {}),
      at('nobody', { wakesOn: 'connection' }),
      at('declared', { ports: [{ protocol: 'udp', port: 53 }] }),
      at('asked', { ready: READY }),
      at('own', { backend: 'holder' }),
      at('late', { answersAtOnce: false }),
    ];
    const probe = ({ words }: { words: string }): object => (words === 'tcp:8080' ? { port: 8_080 } : {});
    const instances = { backend: () => new FakeBackend(new ManualClock()), bootConfigurators: [], probe };
    const connections = [
      { name: 'near', contribution: {} },
      { name: 'holder', contribution: { holds: () => true } },
    ];
    const settings = { connections, unikernels } as unknown as Settings;
    assert.throws(
      () => new Fleet(settings, instances as unknown as Instances, aContext()),
      (error) => {
        assert.ok(error instanceof ConfigProblems);
        const why =
          "It is answered at once only where the first packets of its clients can be held until it is ready: name its ports, as in ports: ['tcp/443'].";
        assert.deepEqual(
          error.problems.map(({ path, given, expected }) => `${path}: ${String(given)}: ${expected}`),
          [`none.wake.answer: at-once: ${why}`, `nobody.wake.on: connection: ${why}`],
        );
        return true;
      },
    );
  });
});
