import assert from 'node:assert/strict';
import type { UnikernelSettings } from '#core/config/settings.js';
import { settingsProblems } from '#core/fleet/settings-problems.js';
import type { GuardedBackend } from '#core/lifecycle/guarded-backend.js';

describe('what is wrong with the settings of unikernels', () => {
  const backend = { capabilities: { stopModes: ['destroy', 'shutdown'] } } as unknown as GuardedBackend;
  const backends = new Map([['near', backend]]);
  const portOf = ({ words }: { readonly words: string }): number => Number(words.replace('tcp:', ''));
  const pathsOf = (...unikernels: readonly object[]): readonly string[] =>
    settingsProblems(
      unikernels.map((one) => ({ backend: 'near', stopMode: 'destroy', relays: [], ready: [], ...one })) as never,
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
});
