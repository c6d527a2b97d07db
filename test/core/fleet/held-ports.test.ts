import assert from 'node:assert/strict';
import type { Settings, UnikernelSettings } from '#core/config/settings.js';
import { heldBy, keptByQueriesAlone, sharedPorts } from '#core/fleet/held-ports.js';

const tcp = (address: string, port: number) => ({ protocol: 'tcp' as const, address, port });

/** Of a backend that listens for a unikernel wherever its options say. */
const settingsOf = (doormen: readonly string[], ...unikernels: readonly Partial<UnikernelSettings>[]): Settings =>
  ({
    connections: [{ name: 'own', contribution: { listens: (options: readonly object[]) => options } }],
    doormen: doormen.map((name) => ({ contribution: { name } })),
    unikernels: unikernels.map((given) => ({
      ...{
        backend: 'own',
        options: [],
        addresses: ['192.0.2.1'],
        relays: [],
        ports: [],
        ready: [],
        stopPolicies: [],
        ...given,
      },
    })),
  }) as unknown as Settings;

describe('who holds the first packets of clients', () => {
  const said = (doormen: readonly string[], given: Partial<UnikernelSettings>): readonly string[] => {
    const settings = settingsOf(doormen, given);
    return heldBy(settings, settings.unikernels[0]!, ({ words }) => Number(/\d+/.exec(words)?.[0] ?? 0) || undefined);
  };

  it('is a relay, a backend that listens, and what is configured under doormen, each with its ports', () => {
    const to = { address: '127.0.0.1', port: 9_000 };
    const relays = [{ protocol: 'tcp', listen: { address: '::1', port: 80 }, to, proxyProtocol: false }] as const;
    const ports = [{ protocol: 'tcp', port: 443 } as const, { protocol: 'udp', port: 53 } as const];
    assert.deepEqual(said(['netfilter'], { relays, options: [tcp('192.0.2.1', 8_080)], ports }), [
      'relay tcp [::1]:80 -> 127.0.0.1:9000',
      'listen tcp 192.0.2.1:8080',
      'netfilter tcp/443, udp/53',
    ]);
  });

  it('holds at the ports of the probes where there are no others, and nothing without either', () => {
    const ready = ['tcp:8080', 'http:8080/healthz', 'ping'].map((words) => ({ words })) as never;
    assert.deepEqual(said(['netfilter'], { ready }), ['netfilter tcp/8080']);
    assert.deepEqual(said(['netfilter'], { ready, ports: [{ protocol: 'udp', port: 53 }] }), ['netfilter udp/53']);
    assert.deepEqual(said(['netfilter'], {}), ['netfilter nothing: it has no ports']);
  });

  it('is nobody where nothing of the kind is configured', () => {
    assert.deepEqual(said([], { ports: [{ protocol: 'tcp', port: 443 }] }), []);
    assert.deepEqual(said([], { backend: 'other', options: [tcp('192.0.2.1', 1)] }), []);
  });
});

describe('what would have to be held for two unikernels', () => {
  const shared = (doormen: readonly string[], ...unikernels: readonly Partial<UnikernelSettings>[]): string[] =>
    sharedPorts(settingsOf(doormen, ...unikernels)).map(
      ({ endpoint, unikernels: both }) => `${endpoint}: ${both.join()}`,
    );

  it('is a port of both at one address, by whatever it is held', () => {
    const ports = [{ protocol: 'udp', port: 53 } as const, { protocol: 'tcp', port: 80 } as const];
    const one = { name: 'one', ports };
    assert.deepEqual(shared(['netfilter'], one, { name: 'two', ports: ports.slice(0, 1) }), [
      'udp 192.0.2.1:53: one,two',
    ]);
    const listens = { name: 'three', options: [tcp('192.0.2.1', 80)] };
    assert.deepEqual(shared(['netfilter'], one, listens), ['tcp 192.0.2.1:80: one,three']);
    assert.deepEqual(shared([], listens, { ...listens, name: 'four' }), ['tcp 192.0.2.1:80: three,four']);
  });

  it('is no port of another address or protocol, and none that nobody holds', () => {
    const ports = [{ protocol: 'tcp', port: 80 } as const];
    const one = { name: 'one', ports };
    assert.deepEqual(shared([], one, { ...one, name: 'two' }), []);
    assert.deepEqual(shared(['netfilter'], one, { ...one, name: 'two', addresses: ['192.0.2.2'] }), []);
    assert.deepEqual(shared(['netfilter'], one, { name: 'two', ports: [{ protocol: 'udp', port: 80 }] }), []);
    assert.deepEqual(shared(['netfilter'], { ...one, ports: [...ports, ...ports] }), []);
  });
});

describe('what nothing but queries keeps', () => {
  const policy = (name: string) => ({ contribution: { name }, words: name });
  const kept = (policies: readonly string[], isSeen = true, relays: readonly object[] = []): readonly string[] =>
    keptByQueriesAlone(
      settingsOf([], { name: 'web', stopPolicies: policies.map(policy), relays } as never).unikernels,
      () => isSeen,
    );

  it('is what is stopped by policies without connections and traffic, although these are known', () => {
    assert.deepEqual(kept(['ttl']), ['web']);
    assert.deepEqual(kept(['max-lifetime', 'ttl']), ['web']);
    assert.deepEqual(kept(['ttl'], false, [{}]), ['web'], 'a relay knows them');
    for (const policies of [['connections', 'ttl'], ['traffic', 'ttl'], ['keep-alive'], []]) {
      assert.deepEqual(kept(policies), [], policies.join());
    }
  });

  it('is nothing where nobody knows more', () => assert.deepEqual(kept(['ttl'], false), []));
});
