import assert from 'node:assert/strict';
import { z } from 'zod';
import type { StartFlags } from '@jitsud/core';
import { ConfigProblems } from '#core/config/config-problems.js';
import { readSettings, type SettingsContext } from '#core/config/read-settings.js';
import type { Settings, UnikernelSettings } from '#core/config/settings.js';
import { ConfigFolder } from '../../support/config-folder.js';
import { settingsContext } from '../../support/settings-context.js';

interface Written {
  readonly words?: readonly string[];
  readonly flags?: StartFlags;
}

/** One backend more, which finds addresses, and whose doorman holds packets where a unikernel says so. */
const holding = (): SettingsContext =>
  settingsContext((registry) =>
    registry.backend({
      name: 'holder',
      useClass: class {} as never,
      description: 'Holds packets',
      unikernel: z.strictObject({ holds: z.boolean().optional() }),
      findsAddresses: true,
      holds: (options) => (options as { readonly holds?: boolean }).holds === true,
      listens: (options, addresses) =>
        (options as { readonly holds?: boolean }).holds === true
          ? addresses.map((address) => ({ protocol: 'tcp', address, port: 80 }))
          : [],
    }),
  );

const read = (config: unknown, written: Written = {}, context = settingsContext()): Promise<Settings> =>
  readSettings({ config, directory: '/nowhere', ...written }, context);

const toy = (more: object): object => ({ backend: 'toy', unikernels: [{ dns: 'a.test', ip: '192.0.2.1', ...more }] });

async function first(config: unknown, written?: Written, context?: SettingsContext): Promise<UnikernelSettings> {
  const [unikernel] = (await read(config, written, context)).unikernels;
  assert.ok(unikernel);
  return unikernel;
}

async function problemsOf(config: unknown, written?: Written, context?: SettingsContext): Promise<readonly string[]> {
  const error: unknown = await read(config, written, context).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigProblems, String(error));
  assert.equal(error.code, 'JITSU_CONFIG_INVALID');
  return error.problems.map(({ path, given, expected }) => `${path}: ${given ?? 'missing'}. ${expected}`);
}

const LOCAL = [
  ...['127.0.0.0/8', '::1/128'],
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
];

describe('the settings', () => {
  it('have a default for everything', async () => {
    const { dns, wake, boot, stateStore, readUnikernel, ...settings } = await read({});
    assert.deepEqual([stateStore.contribution.name, stateStore.options], ['memory', {}]);
    assert.deepEqual(dns, {
      bind: ['127.0.0.1'],
      port: 53,
      transport: 'auto',
      workers: 1,
      allow: LOCAL,
      deny: [],
      details: LOCAL.slice(0, 2),
      ttl: 60_000,
      forwarders: 'system',
      forwarderPort: 53,
      forwardTimeout: 2_000,
      forwardOrder: 'sequential',
      forwardExcept: [],
      rebindProtection: false,
      allowForwarding: LOCAL,
      cache: {
        size: 33_554_432,
        longestTtl: 86_400_000,
        negativeTtl: 3_600_000,
        failureTtl: 5_000,
        stale: 86_400_000,
        prefetch: true,
      },
      rateLimit: { perSecond: 100, slip: 2, exempt: LOCAL },
      zones: [],
      limits: {
        pendingQueries: 10_000,
        forwardedQueries: 1_000,
        tcpConnections: 256,
        tcpConnectionsPerClient: 64,
        tcpIdle: 10_000,
      },
    });
    assert.deepEqual(wake, {
      answer: 'ready',
      on: 'query',
      proof: 'cookie-or-tcp',
      trusted: LOCAL,
      allow: ['0.0.0.0/0', '::/0'],
      deny: [],
      types: ['A', 'AAAA', 'HTTPS', 'SVCB'],
      hours: [],
      budget: { perClient: 0, perPrefix: 0, interval: 60_000 },
      knocks: { unproven: 0 },
    });
    assert.deepEqual(boot, {
      limit: 8,
      queue: 1_000,
      deadline: 30_000,
      delay: 100,
      firstBackOff: 1_000,
      longestBackOff: 300_000,
    });
    assert.equal(typeof readUnikernel, 'function');
    assert.deepEqual(settings, {
      relay: { idle: 7_500_000, ignore: { paths: [], userAgents: [] } },
      onExit: 'keep',
      stateRequired: false,
      usualStop: { mode: undefined, grace: 10_000 },
      controlSocket: '/run/for-tests/control.sock',
      privileges: {},
      pluginFiles: [],
      runtimeDirectory: '/run/for-tests',
      logLevel: 'info',
      logFormat: 'auto',
      connections: [],
      unikernels: [],
      activitySources: [],
      doormen: [],
      notifiers: [],
      resolvers: [],
      bootConfigurators: [],
    });
  });

  it('trust nobody for the proof of a query where the configuration asks for it', async () => {
    const { wake } = await read({ wake: { proof: 'cookie-or-tcp' } });
    assert.deepEqual(wake.trusted, []);
    const { wake: some } = await read({ wake: { proof: 'cookie-or-tcp', trusted: ['loopback', '192.0.2.1'] } });
    assert.deepEqual(some.trusted, ['127.0.0.0/8', '::1/128', '192.0.2.1/32']);
  });

  it('say of each network, size and hour that is none what was expected', async () => {
    const problems = await problemsOf({
      dns: { allow: ['10.0.0.0/33', 'private'], cache: { size: '3 stones' } },
      wake: { hours: ['7-9'] },
    });
    assert.deepEqual(problems, [
      "dns.allow[0]: '10.0.0.0/33'. A network such as '192.0.2.0/24' or '2001:db8::/32', or 'loopback', 'private' or 'any' expected.",
      "dns.cache.size: '3 stones'. A number of bytes, or a size such as '512KiB', '32MiB' or '1GiB' expected.",
      "wake.hours[0]: '7-9'. A span of the day such as '07:00-22:30' expected; it may pass midnight.",
    ]);
  });

  it('hold a unikernel with every default', async () => {
    const { stopPolicies, ...unikernel } = await first(toy({ name: 'a' }));
    assert.deepEqual(unikernel, {
      name: 'a',
      names: ['a.test'],
      addresses: ['192.0.2.1'],
      ttl: 60_000,
      backend: 'toy',
      options: { name: 'a' },
      stopMode: 'destroy',
      replace: 'idle',
      ready: [],
      delay: 100,
      deadline: 30_000,
      grace: 10_000,
      answersAtOnce: false,
      wakesOn: 'query',
      awake: undefined,
      keepWhile: undefined,
      watch: undefined,
      ports: [],
      useRules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
      relays: [],
      addedKeys: {},
      needs: undefined,
      group: undefined,
      https: [],
      svcb: [],
    });
    assert.deepEqual(
      stopPolicies.map(({ words }) => words),
      ['connections', 'traffic', 'ttl'],
    );
  });

  it('hold the hours in which a unikernel is kept, one object for the same hours, and refuse what are none', async () => {
    const awake = ['Mon-Fri 08:00-18:00', 'Sat'];
    const three = ['a.test', 'b.test', 'c.test'].map((dns) => ({ dns, ip: '192.0.2.1', awake: [...awake] }));
    const [, one, other] = (await read({ backend: 'toy', unikernels: three })).unikernels;
    assert.deepEqual(
      one?.awake?.map(({ text }) => text),
      awake,
    );
    assert.equal(one?.awake, other?.awake);
    const expected =
      "A span such as 'Mon-Fri 08:00-18:00', 'Sat,Sun' or '22:00-06:00' expected, with the days Mon, Tue, Wed, Thu, Fri, Sat and Sun.";
    assert.deepEqual(await problemsOf(toy({ awake: 'always' })), [`unikernels[0].awake: 'always'. ${expected}`]);
  });

  it('hold the relays of a unikernel, which is ready when what they go to listens', async () => {
    const { relays, ready, delay } = await first(toy({ relay: ['tcp:80 -> 127.0.0.1:8080', 'udp:80 -> 8080'] }));
    assert.deepEqual(
      relays.map(({ protocol, listen, to }) => [protocol, listen.address, listen.port, to.address, to.port]),
      [
        ['tcp', '192.0.2.1', 80, '127.0.0.1', 8080],
        ['udp', '192.0.2.1', 80, '192.0.2.1', 8080],
      ],
    );
    assert.deepEqual([ready.map(({ words }) => words), delay], [['tcp:8080'], 0]);
  });

  it('let a unikernel with a relay say itself when it is ready', async () => {
    const { ready } = await first(toy({ relay: 'tcp:80 -> 127.0.0.1:8080', ready: 'tcp:8081' }));
    assert.deepEqual(
      ready.map(({ words }) => words),
      ['tcp:8081'],
    );
    const { ready: none, delay } = await first(toy({ relay: 'udp:53 -> 5353' }));
    assert.deepEqual([none, delay], [[], 100]);
  });

  it('refuse relays that listen at the same place, or cannot be', async () => {
    const relay = 'tcp:80 -> 127.0.0.1:8080';
    const two = ['a.test', 'b.test'].map((dns) => ({ dns, ip: '192.0.2.1', relay }));
    const taken = 'Another port or address expected: tcp 192.0.2.1:80 is relayed to unikernels[0] already.';
    assert.deepEqual(await problemsOf({ backend: 'toy', unikernels: two }), [
      `unikernels[1].relay: '${relay}'. ${taken}`,
    ]);
    const expected =
      "A relay such as 'tcp:8080 -> 127.0.0.1:9000' or 'udp:5353 -> 9053', { listen: 'tcp:8080', to: '127.0.0.1:9000' }, or a list of them expected.";
    for (const wrong of ['tcp:80', 80]) {
      const given = typeof wrong === 'string' ? `'${wrong}'` : String(wrong);
      assert.deepEqual(await problemsOf(toy({ relay: wrong })), [`unikernels[0].relay: ${given}. ${expected}`]);
    }
  });

  it('refuse a relay where the backend listens for the same unikernel itself', async () => {
    const of = (relay: string, more: object = {}): Promise<readonly string[]> => {
      const unikernel = { dns: 'a.test', ip: '192.0.2.1', holds: true, relay, ...more };
      return problemsOf({ backend: 'holder', unikernels: [unikernel] }, {}, holding());
    };
    const relay = 'tcp:80 -> 127.0.0.1:8080';
    assert.deepEqual(await of(relay), [
      `unikernels[0].relay: '${relay}'. Another port or address expected: the backend holder listens at tcp 192.0.2.1:80 for it itself.`,
    ]);
    assert.equal(
      (
        await first(
          {
            backend: 'holder',
            unikernels: [{ dns: 'a.test', ip: '192.0.2.1', holds: true, relay: 'udp:80 -> 127.0.0.1:8080' }],
          },
          {},
          holding(),
        )
      ).relays.length,
      1,
    );
  });

  it('refuse a place at which something listens for another unikernel already', async () => {
    const configOf = (all: readonly object[]): object => ({
      backend: 'holder',
      unikernels: all.map((more, index) => ({ dns: `n${index}.test`, ip: '192.0.2.1', ...more })),
    });
    const of = (...all: object[]): Promise<readonly string[]> => problemsOf(configOf(all), {}, holding());
    const [listens, relay] = [{ holds: true }, 'tcp:80 -> 127.0.0.1:8080'];
    const expected = 'Another port or address expected: tcp 192.0.2.1:80 is';
    const problems = await of(listens, listens);
    assert.equal(problems.length, 1);
    assert.match(
      problems[0]!,
      new RegExp(`^unikernels\\[1\\]\\.listen: .*${expected} listened at for unikernels\\[0\\] already\\.$`),
    );
    assert.deepEqual(await of(listens, { relay }), [
      `unikernels[1].relay: '${relay}'. ${expected} listened at for unikernels[0] already.`,
    ]);
    const reversed = await of({ relay }, listens);
    assert.equal(reversed.length, 1);
    assert.ok(reversed[0]!.endsWith(`${expected} relayed to unikernels[0] already.`), reversed[0]);
    await read(configOf([listens, { ...listens, ip: '192.0.2.2' }]), {}, holding());
  });

  it('advise `listen` too where the backend has it', async () => {
    const unikernel = { dns: 'a.test', ip: '192.0.2.1', wake: { answer: 'at-once' } };
    const [problem] = await problemsOf({ backend: 'holder', unikernels: [unikernel] }, {}, holding());
    assert.ok(problem?.includes('give it `listen` or `relay`, or name something'), problem);
  });

  it('answer at once, and boot by connections alone, as the whole configuration or one unikernel says', async () => {
    const wake = async (usual: object, own?: object): Promise<readonly unknown[]> => {
      const unikernel = { dns: 'a.test', ip: '192.0.2.1', holds: true, ...(own && { wake: own }) };
      const { answersAtOnce, wakesOn } = await first(
        { backend: 'holder', wake: usual, unikernels: [unikernel] },
        {},
        holding(),
      );
      return [answersAtOnce, wakesOn];
    };
    assert.deepEqual(await wake({}), [false, 'query']);
    assert.deepEqual(await wake({ answer: 'at-once' }), [true, 'query']);
    assert.deepEqual(await wake({}, { answer: 'at-once' }), [true, 'query']);
    assert.deepEqual(await wake({}, { on: 'connection' }), [true, 'connection']);
    assert.deepEqual(await wake({ on: 'connection' }), [true, 'connection']);
    assert.deepEqual(await wake({ on: 'connection' }, { answer: 'ready' }), [false, 'query']);
    assert.deepEqual(await wake({ answer: 'at-once' }, { answer: 'ready' }), [false, 'query']);
  });

  it('refuse an answer at once where nothing would hold first packets, or the address is not known', async () => {
    const nobody =
      'Nothing here would hold the first packets of its clients until it is ready: give it `relay`, or name something that does under `doormen`';
    assert.deepEqual(await problemsOf(toy({ wake: { answer: 'at-once' } })), [
      `unikernels[0].wake.answer: 'at-once'. ${nobody}.`,
    ]);
    assert.deepEqual(await problemsOf(toy({ wake: { on: 'connection' } })), [
      `unikernels[0].wake.on: 'connection'. ${nobody}.`,
    ]);
    const both = ['a.test', 'b.test'].map((dns) => ({ dns, ip: '192.0.2.1' }));
    assert.deepEqual(await problemsOf({ backend: 'toy', wake: { answer: 'at-once' }, unikernels: both }), [
      `wake.answer: 'at-once'. ${nobody}, as for unikernels[0].`,
    ]);
    const of = (unikernel: object): Promise<readonly string[]> =>
      problemsOf({ backend: 'holder', unikernels: [{ dns: 'a.test', holds: true, ...unikernel }] }, {}, holding());
    assert.deepEqual(await of({ ip: '192.0.2.1', wake: { answer: 'ready', on: 'connection' } }), [
      "unikernels[0].wake.answer: 'ready'. With on: 'connection', no question boots it, and each is answered at once: leave one of the two out.",
    ]);
    assert.deepEqual(await of({ wake: { answer: 'at-once' } }), [
      "unikernels[0].wake.answer: 'at-once'. It is answered at once only where its address is configured: give it `ip`.",
    ]);
  });

  it('refuse a port that is none', async () => {
    const expected = "A port such as 'tcp/443' or 'udp/53' expected.";
    for (const port of ['443', 'tcp/0', 'tcp/65536', 'sctp/80', 'tcp/80 ']) {
      assert.deepEqual(await problemsOf(toy({ ports: [port] })), [`unikernels[0].ports[0]: '${port}'. ${expected}`]);
    }
  });

  it('have what a unikernel needs by its name, each once, and its group', async () => {
    const at = (name: string, more: object = {}): object => ({ name, dns: `${name}.test`, ip: '192.0.2.1', ...more });
    const unikernels = [
      at('web', { needs: ['db', 'mail', 'db'], group: 'shop' }),
      at('db'),
      at('mail', { needs: 'db' }),
    ];
    const settings = await read(
      { backend: 'toy', unikernels },
      { words: ['dns=x.test,ip=192.0.2.2,needs=web,group=shop'] },
    );
    assert.deepEqual(
      settings.unikernels.map(({ name, needs, group }) => [name, needs, group]),
      [
        ['web', ['db', 'mail'], 'shop'],
        ['db', undefined, undefined],
        ['mail', ['db'], undefined],
        ['x.test', ['web'], 'shop'],
      ],
    );
  });

  it('refuse needs that nobody has, and those that lead back, with the way', async () => {
    const at = (name: string, needs: unknown = []): object => ({ name, dns: `${name}.test`, ip: '192.0.2.1', needs });
    const back = 'A need that does not lead back expected: each of these would wait for another for ever.';
    assert.deepEqual(
      await problemsOf({
        backend: 'toy',
        unikernels: [
          at('web', ['datebase', 'xyz']),
          at('database'),
          at('a', 'b'),
          at('b', ['database', 'c']),
          at('c', ['a']),
          at('me', 'me'),
        ],
      }),
      [
        "unikernels[0].needs[0]: 'datebase'. The name of another unikernel expected. Did you mean 'database'?",
        "unikernels[0].needs[1]: 'xyz'. The name of another unikernel expected.",
        `unikernels[4].needs[0]: a → b → c → a. ${back}`,
        `unikernels[5].needs: me → me. ${back}`,
      ],
    );
    assert.deepEqual(await problemsOf(toy({ needs: [7], group: '' })), [
      'unikernels[0].needs[0]: 7. The name of another unikernel, or a list of names, expected.',
      "unikernels[0].group: ''. The name of a group, of 1 to 200 printable characters, expected.",
    ]);
  });

  it('refuse a group with the name of a unikernel, since commands take either', async () => {
    const at = (name: string, group?: string): object => ({ name, dns: `${name}.test`, ip: '192.0.2.1', group });
    const unikernels = [at('a', 'shop'), at('b', 'shop'), at('shop'), at('c', 'other')];
    assert.deepEqual(await problemsOf({ backend: 'toy', unikernels }), [
      "unikernels[1].group: 'shop'. The name of a group that no unikernel has expected: `jitsu summon` and `jitsu stop` take either, and would not know which.",
    ]);
  });

  it('find the way back in a chain that is too long for recursion', async () => {
    const count = 20_000;
    const unikernels = Array.from({ length: count }, (_, index) => ({
      ...{ name: `u${index}`, dns: `u${index}.test`, ip: '192.0.2.1', needs: [`u${(index + 1) % count}`] },
    }));
    const [problem] = await problemsOf({ backend: 'toy', unikernels });
    assert.match(problem!, /^unikernels\[19999\]\.needs\[0\]: u0 → u1 → .* → u7 → 19992 more → u0\. A need/);
  });

  it('let a unikernel override what all have', async () => {
    const unikernel = await first(
      toy({
        ttl: '5m',
        mode: 'suspend',
        replace: 'now',
        responseDelay: '1s',
        deadline: 5,
        grace: '500ms',
        ready: 'tcp:80',
        watch: '10s',
        ports: ['tcp/80', 'udp/80', 'tcp/80'],
        traffic: { idle: '1m', outgoing: 'keep' },
        stopPolicies: ['keep-alive', 'ttl'],
        useSynjitsu: 0,
      }),
    );
    const { ttl, stopMode, replace, delay, deadline, grace, watch, stopPolicies, addedKeys } = unikernel;
    const { ports, useRules } = unikernel;
    assert.deepEqual(
      {
        ttl,
        stopMode,
        replace,
        delay,
        deadline,
        grace,
        watch,
        ports,
        useRules,
        addedKeys,
        policies: stopPolicies.map(({ words }) => words),
      },
      {
        ttl: 300_000,
        stopMode: 'suspend',
        replace: 'now',
        delay: 1_000,
        deadline: 5_000,
        grace: 500,
        watch: 10_000,
        ports: [
          { protocol: 'tcp', port: 80 },
          { protocol: 'udp', port: 80 },
        ],
        useRules: { idle: 60_000, outgoing: true, conntrack: false, ignored: [] },
        addedKeys: { useSynjitsu: false },
        policies: ['keep-alive', 'ttl'],
      },
    );
  });

  it('hold the HTTPS and SVCB records of a unikernel as their data, from a file and from words', async () => {
    const { https, svcb } = await first(toy({ https: true, svcb: ['1 . port=8443', '2 b.test'] }));
    assert.deepEqual(https, [Uint8Array.of(0, 1, 0)]);
    assert.deepEqual(svcb.length, 2);
    const words = ['dns=a.test,ip=192.0.2.1,https=1 . alpn=h2\\,h3 port=8443,https=2 .'];
    const { https: inWords } = await first({ backend: 'toy' }, { words });
    assert.deepEqual(
      inWords.map((data) => Buffer.from(data).toString('latin1')),
      ['\0\x01\0\0\x01\0\x06\x02h2\x02h3\0\x03\0\x02\x20\xfb', '\0\x02\0'],
    );
  });

  it('want a probe where a service is to be looked at again, and a second between two looks', async () => {
    assert.deepEqual(await problemsOf(toy({ watch: '10s' })), [
      "unikernels[0].watch: no probe to look by. One under `ready` expected, such as 'tcp:80'.",
    ]);
    assert.deepEqual(await problemsOf(toy({ ready: 'tcp:80', watch: '500ms' })), [
      "unikernels[0].watch: '500ms'. At least 1 second expected.",
    ]);
  });

  it('say what is wrong with a service binding', async () => {
    const problems = await problemsOf(toy({ https: ['1 .', '1 . prot=2'], svcb: false }));
    assert.deepEqual(problems, [
      "unikernels[0].https[1]: '1 . prot=2'. 'prot' is no parameter: mandatory, alpn, no-default-alpn, port, ipv4hint, ech, ipv6hint, or keyNNNNN with a number below 65535. A record such as '1 . alpn=h2,h3 port=8443', a list, or true for '1 .' expected.",
      "unikernels[0].svcb: false. A record such as '1 . alpn=h2,h3 port=8443', a list, or true for '1 .' expected.",
    ]);
  });

  it('call a unikernel by its name, else its uuid, else its first DNS name', async () => {
    assert.equal((await first(toy({ name: 'n', uuid: 'u' }))).name, 'n');
    assert.equal((await first(toy({ uuid: 'u' }))).name, 'u');
    assert.equal((await first(toy({ dns: ['B.test.', 'c.test'] }))).name, 'b.test');
  });

  it('take snake_case in unikernels', async () => {
    const { delay, options } = await first(toy({ response_delay: 2, rumprun_config: 'x.json' }));
    assert.deepEqual({ delay, options }, { delay: 2_000, options: { rumprunConfig: 'x.json' } });
  });

  it('drop the common pause where there is a probe, and keep one that is asked for', async () => {
    assert.equal((await first(toy({ ready: 'tcp:80' }))).delay, 0);
    assert.equal((await first(toy({ ready: 'tcp:80', responseDelay: 0.2 }))).delay, 200);
    assert.equal((await first(toy({ ready: [] }))).delay, 100);
  });

  it('share a probe among all who write the same words', async () => {
    const unikernels = ['a', 'b'].map((name) => ({
      name,
      dns: `${name}.test`,
      ip: '::1',
      ready: ['tcp:80', 'exec:a:b'],
    }));
    const [a, b] = (await read({ backend: 'toy', unikernels })).unikernels;
    assert.ok(a && b);
    assert.deepEqual(
      a.ready.map(({ options }) => options),
      [80, 'a:b'],
    );
    assert.equal(a.ready[0], b.ready[0]);
  });

  it('give forwarders without a port the common one', async () => {
    const { dns } = await read({ dns: { forwarders: ['9.9.9.9', '[::1]:5353'], forwarderPort: 99 } });
    assert.deepEqual(dns.forwarders, [
      { address: '9.9.9.9', port: 99, transport: 'udp' },
      { address: '::1', port: 5_353, transport: 'udp' },
    ]);
    assert.equal((await read({ dns: { forwarders: 'off' } })).dns.forwarders, 'off');
  });

  it('give forwarders over TLS the port of DNS over TLS', async () => {
    const { dns } = await read({ dns: { forwarders: ['tls://9.9.9.9#dns.quad9.net', 'tcp://9.9.9.9'] } });
    assert.deepEqual(dns.forwarders, [
      { address: '9.9.9.9', port: 853, transport: 'tls', name: 'dns.quad9.net' },
      { address: '9.9.9.9', port: 53, transport: 'tcp' },
    ]);
  });

  it('say of a forwarder what its kind is written like', async () => {
    const expected = [
      ['tls://dns.quad9.net', /^dns\.forwarders: .*An address such as 'tls:\/\/9\.9\.9\.9'.* name in its certificate/],
      ['tcp://dns.test', /An address such as 'tcp:\/\/9\.9\.9\.9'/],
      ['9.9.9.9#dns.quad9.net', /A server without a name expected/],
    ] as const;
    for (const [forwarder, problem] of expected) {
      const [told = ''] = await problemsOf({ dns: { forwarders: [forwarder] } });
      assert.match(told.replace('[0]', ''), problem);
    }
  });

  it('resolve paths from the folder of the file', async () => {
    const { statePath, controlSocket, runtimeDirectory } = await read({
      state: { path: 'state' },
      control: { socket: 'c.sock' },
      runtimeDirectory: 'run',
    });
    assert.deepEqual(
      [statePath, controlSocket, runtimeDirectory],
      ['/nowhere/state', '/nowhere/c.sock', '/nowhere/run'],
    );
  });

  it('hold the connections that unikernels use, by their own names', async () => {
    const { connections, unikernels } = await read({
      backends: { near: { use: 'toy', connect: 'toy:///near', retries: 3 }, idle: { use: 'toy' } },
      unikernels: [
        { dns: 'a.test', ip: '::1', backend: 'near' },
        { dns: 'b.test', ip: '::1', backend: 'toy' },
      ],
    });
    assert.deepEqual(
      connections.map(({ name, contribution, options }) => [name, contribution.name, options]),
      [
        ['near', 'toy', { connect: 'toy:///near', retries: 3 }],
        ['toy', 'toy', {}],
      ],
    );
    assert.deepEqual(
      unikernels.map(({ backend }) => backend),
      ['near', 'toy'],
    );
  });

  it('hold the notifiers and resolvers that have an entry', async () => {
    const options = z.object({ url: z.string(), retries: z.int().default(3) });
    const context = settingsContext((registry) => {
      registry.notifier({ name: 'hook', useClass: class {} as never, description: 'A hook', options });
      registry.notifier({ name: 'quiet', useClass: class {} as never, description: 'Not configured', options });
      registry.resolver({ name: 'table', useClass: class {} as never, description: 'A table', options });
    });
    const config = { notifiers: { hook: { url: 'x' } }, resolvers: { table: { url: 'y', retries: 1 } } };
    const { notifiers, resolvers } = await readSettings({ config, directory: '/nowhere' }, context);
    assert.deepEqual(
      notifiers.map((one) => [one.contribution.name, one.options]),
      [['hook', { url: 'x', retries: 3 }]],
    );
    assert.deepEqual(
      resolvers.map((one) => [one.contribution.name, one.options]),
      [['table', { url: 'y', retries: 1 }]],
    );
  });

  it('hold the state store that is named, with its options; else sqlite with a path, and memory without one', async () => {
    const context = settingsContext((registry) => {
      const options = z.object({ path: z.string(), flushEvery: z.int().default(5) });
      registry.stateStore({ name: 'json-file', useClass: class {} as never, description: 'A file', options });
    });
    const stateOf = async (state: object) => {
      const { stateStore } = await readSettings({ config: { state }, directory: '/nowhere' }, context);
      return [stateStore.contribution.name, stateStore.options];
    };
    assert.deepEqual(await stateOf({}), ['memory', {}]);
    assert.deepEqual(await stateOf({ path: 'state' }), ['sqlite', { path: '/nowhere/state' }]);
    const named = { use: 'json-file', path: 'state.json', flushEvery: 1 };
    assert.deepEqual(await stateOf(named), ['json-file', { path: '/nowhere/state.json', flushEvery: 1 }]);
    assert.deepEqual(await problemsOf({ state: { use: 'sqlite' } }), ['state.path: missing. Text expected.']);
    assert.match(
      (await problemsOf({ state: { use: 'mem' } }))[0] ?? '',
      /^state\.use: 'mem'\. No state store of that name/,
    );
    assert.match((await problemsOf({ state: { pth: 'x' } }))[0] ?? '', /^state\.pth: 'x'\. No such key; did you mean/);
  });

  it('make a probe of a key that a plugin adds, after which the common pause applies', async () => {
    const context = settingsContext((registry) => {
      registry.readinessProbe({
        name: 'lamp',
        useClass: class {} as never,
        description: 'A lamp',
        argument: z.string(),
      });
      registry.unikernelKeys({
        keys: z.object({ waitForLamp: z.string().optional(), lamps: z.coerce.number().optional() }),
        probes: { waitForLamp: 'lamp' },
      });
    });
    const config = toy({ wait_for_lamp: 'green', lamps: '3' });
    const [unikernel] = (await readSettings({ config, directory: '/nowhere' }, context)).unikernels;
    assert.ok(unikernel);
    assert.deepEqual(
      unikernel.ready.map(({ words, options }) => [words, options]),
      [['lamp:green', 'green']],
    );
    assert.equal(unikernel.delay, 100);
    assert.deepEqual(unikernel.addedKeys, { waitForLamp: 'green', lamps: 3 });
    assert.deepEqual(unikernel.options, {});

    const alike = ['first', 'a', 'b'].map((name) => ({
      name,
      dns: `${name}.test`,
      ip: '::1',
      waitForLamp: 'red',
      ready: 'tcp:80',
    }));
    const [, one, other] = (
      await readSettings({ config: { backend: 'toy', unikernels: alike }, directory: '/nowhere' }, context)
    ).unikernels;
    assert.equal(one?.ready, other?.ready, 'a million of them share one list');
    assert.equal(one?.addedKeys, other?.addedKeys);
    assert.deepEqual(
      one?.ready.map(({ words }) => words),
      ['tcp:80', 'lamp:red'],
    );
  });

  it('keep the keys of Jitsu itself: a plugin that adds one is refused', async () => {
    const context = settingsContext((registry) => {
      registry.unikernelKeys({ keys: z.object({ lamps: z.string().optional(), ttl: z.string().optional() }) });
    });
    await assert.rejects(readSettings({ config: toy({ ttl: 5 }), directory: '/nowhere' }, context), {
      code: 'JITSU_PLUGIN_INVALID',
      message: /registers the unikernel key 'ttl', which Jitsu itself has\. Give it another name\.$/,
    });
  });

  it('let a unikernel do without an address only where its backend finds that out', async () => {
    const context = settingsContext((registry) =>
      registry.backend({
        name: 'finder',
        useClass: class {} as never,
        description: 'Finds addresses',
        unikernel: z.object({}),
        findsAddresses: true,
      }),
    );
    const config = { unikernels: [{ dns: 'a.test', backend: 'finder' }] };
    const { unikernels } = await readSettings({ config, directory: '/nowhere' }, context);
    assert.deepEqual(unikernels[0]?.addresses, []);
    assert.deepEqual(await problemsOf({ unikernels: [{ dns: 'a.test', backend: 'toy' }] }), [
      'unikernels[0].ip: missing. An IPv4 or IPv6 address expected.',
    ]);
  });

  it('tell which connections in use are as good as root, and refuse a backend that tells it in no sentence', async () => {
    const config = {
      unikernels: [{ dns: 'a.test', ip: '::1', backend: 'near' }],
      backends: { near: { use: 'socket' } },
    };
    const context = (rootEquivalent: (options: unknown) => unknown) =>
      settingsContext((registry) =>
        registry.backend({
          name: 'socket',
          useClass: class {} as never,
          description: 'A daemon',
          unikernel: z.object({ name: z.string().optional() }),
          connection: z.object({ path: z.string().default('/run/socket') }),
          rootEquivalent: rootEquivalent as () => string,
        }),
      );
    const told = async (rootEquivalent: (options: unknown) => unknown) => {
      const { connections } = await readSettings({ config, directory: '/nowhere' }, context(rootEquivalent));
      return connections.map((connection) => connection.rootEquivalent);
    };
    assert.deepEqual(await told((options) => `It is: ${JSON.stringify(options)}.`), ['It is: {"path":"/run/socket"}.']);
    assert.deepEqual(await told(() => undefined), [undefined]);
    for (const [wrong, how] of [
      [() => true, 'returned true, and a sentence or undefined was expected'],
      [() => '', "returned '', and a sentence or undefined was expected"],
      [() => assert.fail('oh no'), 'failed: oh no'],
    ] as const) {
      await assert.rejects(told(wrong), {
        message: new RegExp(`The backend 'socket' cannot be used: its rootEquivalent ${how}\\.`),
      });
    }
  });

  it('bring in the plugin behind waitForKey, beside all that `ready` says, and behind the name of its probe', async () => {
    for (const written of [{ wait_for_key: 'data/up' }, { ready: ['tcp:80', 'xenstore-key:data/up'] }]) {
      const { ready } = await first(toy(written));
      assert.deepEqual(ready.at(-1)?.options, { key: 'data/up', timeout: 2_000 });
    }
    const { ready, delay } = await first(toy({ wait_for_key: 'data/up', ready: ['tcp:80', 'exec:x'] }));
    assert.deepEqual([ready.map(({ words }) => words), delay], [['tcp:80', 'exec:x', 'xenstore-key:data/up'], 0]);
    assert.deepEqual(await problemsOf(toy({ wait_for_key: '/up' })), [
      "unikernels[0].wait_for_key: 'xenstore-key:/up'. A key below /local/domain/DOMID/ expected, such as 'data/ready', or 'data/ready:5s' to wait for longer than 2 s.",
    ]);
  });
});

describe('words', () => {
  it('describe a unikernel, as numbers, booleans and lists where the backend wants them', async () => {
    const { options, delay, addedKeys } = await first(
      {},
      {
        words: ['dns=a.test,ip=192.0.2.1,name=7,memory=64000,vcpus=2,fast=1,nic=br0,response_delay=0.5,use_synjitsu=0'],
        flags: { backend: 'toy' },
      },
    );
    assert.deepEqual(options, { name: '7', memory: 64_000, vcpus: 2, fast: true, nic: ['br0'] });
    assert.deepEqual({ delay, addedKeys }, { delay: 500, addedKeys: { useSynjitsu: false } });
  });

  it('come after the unikernels of the file', async () => {
    const { unikernels } = await read(toy({ name: 'a' }), { words: ['dns=b.test,ip=::1,name=b'] });
    assert.deepEqual(
      unikernels.map(({ name }) => name),
      ['a', 'b'],
    );
  });

  it('have problems with the words as path and the key as it was written', async () => {
    assert.deepEqual(
      await problemsOf({ backend: 'toy' }, { words: ['dns=a.test,ip=x,response_delay=soon,memory=lots,junk'] }),
      [
        `"dns=a.test,ip=x,response_delay=soon,memory=lots,junk": 'junk'. key=value expected; a comma inside a value is written \\, with a backslash.`,
        `"dns=a.test,ip=x,response_delay=soon,memory=lots,junk" → ip: 'x'. An IPv4 or IPv6 address expected.`,
        `"dns=a.test,ip=x,response_delay=soon,memory=lots,junk" → response_delay: 'soon'. A number of seconds, or a duration such as '500ms', '2s', '5m', '1h' or '1d' expected.`,
        `"dns=a.test,ip=x,response_delay=soon,memory=lots,junk" → memory: 'lots'. A size such as 64000 (KiB) expected.`,
      ],
    );
  });
});

describe('flags', () => {
  it('override the file', async () => {
    const file = {
      dns: { bind: '127.0.0.2', port: 1, ttl: 1, forwarders: 'off', forwarderPort: 1 },
      boot: { delay: 1 },
      stop: { mode: 'destroy' },
      state: { path: 'file' },
      control: { socket: 'file' },
      log: { level: 'info' },
      backend: 'bare',
      backends: { toy: { connect: 'file', retries: 2 } },
      unikernels: [{ dns: 'a.test', ip: '::1' }],
    };
    const flags: StartFlags = {
      bind: ['::1', '127.0.0.3'],
      listen: 5_300,
      ttl: 2,
      forwarder: ['9.9.9.9', '[::1]:54'],
      port: 99,
      delay: 0.2,
      mode: 'suspend',
      persistdb: '/flag/db',
      control: '/flag/sock',
      logLevel: 'debug',
      backend: 'toy',
      connect: 'toy:///flag',
    };
    const { dns, statePath, controlSocket, logLevel, connections, unikernels } = await read(file, { flags });
    assert.deepEqual(
      [dns.bind, dns.port, dns.ttl, dns.forwarders, statePath, controlSocket, logLevel],
      [
        ['::1', '127.0.0.3'],
        5_300,
        2_000,
        [
          { address: '9.9.9.9', port: 99, transport: 'udp' },
          { address: '::1', port: 54, transport: 'udp' },
        ],
        '/flag/db',
        '/flag/sock',
        'debug',
      ],
    );
    assert.deepEqual(
      connections.map(({ options }) => options),
      [{ connect: 'toy:///flag', retries: 2 }],
    );
    assert.deepEqual(
      unikernels.map(({ delay, stopMode }) => [delay, stopMode]),
      [[200, 'suspend']],
    );
  });

  it('turn forwarding off with the address 0.0.0.0', async () => {
    assert.equal((await read({}, { flags: { forwarder: ['0.0.0.0'] } })).dns.forwarders, 'off');
  });

  it('have problems under their own names', async () => {
    assert.deepEqual(await problemsOf({}, { flags: { ttl: -1, forwarder: ['x'], listen: 65_536, logLevel: 'loud' } }), [
      '--listen: 65536. A number of at most 65535 expected.',
      "--ttl: -1. A number of seconds, or a duration such as '500ms', '2s', '5m', '1h' or '1d' expected.",
      "--forwarder: 'x'. A server such as '9.9.9.9', '[2620:fe::fe]:53', 'tcp://9.9.9.9' or 'tls://9.9.9.9#dns.quad9.net' expected.",
      "--log-level: 'loud'. One of 'debug', 'info', 'warn', 'error', 'silent' expected.",
    ]);
  });

  it('give a URI only to a backend that takes one', async () => {
    assert.deepEqual(await problemsOf({}, { flags: { backend: 'bare', connect: 'x:///' } }), [
      "--connect: 'x:///'. The backend 'bare' takes no connection URI.",
    ]);
  });

  it('bring in the boot configurator that one of their keys is for, and no other', async () => {
    const configurators = async (more: object) => (await read(toy(more))).bootConfigurators.map(({ name }) => name);
    assert.deepEqual(await configurators({}), []);
    assert.deepEqual(await configurators({ rumprun_config: 'x.json' }), ['rumprun-config']);
    assert.deepEqual(await configurators({ rumprunConfig: 'x.json' }), ['rumprun-config']);
  });

  it('bring in the plugin of Synjitsu for --synjitsu, which wants a UUID', async () => {
    const uuid = '6695EB01-F6A4-8304-79AA-97F2502E193F';
    const { notifiers } = await read({}, { flags: { synjitsu: uuid } });
    assert.deepEqual(
      notifiers.map(({ contribution, options }) => [contribution.name, options]),
      [['synjitsu', { uuid: uuid.toLowerCase() }]],
    );
    const [problem] = await problemsOf({}, { flags: { synjitsu: 'u' } });
    assert.match(problem ?? '', /^--synjitsu: 'u'\. A UUID such as /);
  });

  it('that nobody declares are told', async () => {
    assert.deepEqual(await problemsOf({}, { flags: { noSuch: 'x' } }), [
      "--no-such: 'x'. No such flag, and no installed plugin has it.",
    ]);
  });
});

describe('a unikernel without a name', () => {
  const named = async (unikernel: object, more: object = {}): Promise<readonly [string, unknown]> => {
    const { name, options } = await first({ ...more, unikernels: [{ ip: '::1', ...unikernel }] });
    return [name, (options as { readonly name?: unknown }).name];
  };

  it('has its first DNS name for one with every backend', async () => {
    const dns = ['a.test', 'b.test'];
    const pool = { backends: { xapi: { connect: 'https://root@pool.test' } } };
    assert.deepEqual(await named({ dns, backend: 'process', command: 'x' }), ['a.test', 'a.test']);
    assert.deepEqual(await named({ dns, backend: 'libxl', kernel: 'k', memory: '64MiB' }), ['a.test', 'a.test']);
    assert.deepEqual(await named({ dns, backend: 'libvirt' }), ['a.test', 'a.test']);
    assert.deepEqual(await named({ dns, backend: 'xapi' }, pool), ['a.test', 'a.test']);
    assert.deepEqual(await named({ dns, backend: 'bare' }), ['a.test', undefined]);
    const { name } = await first({}, { words: ['dns=a.test,ip=::1,backend=process,command=x'] });
    assert.equal(name, 'a.test');
  });

  it('is found by its UUID where that is enough for its backend', async () => {
    const uuid = '6695eb01-f6a4-8304-79aa-97f2502e193f';
    assert.deepEqual(await named({ dns: 'a.test', uuid, backend: 'libvirt' }), [uuid, undefined]);
    const guest = { dns: 'a.test', uuid, kernel: 'k', memory: '64MiB', backend: 'libxl' };
    assert.deepEqual(await named(guest), ['a.test', 'a.test']);
  });

  it('is told of its DNS name alone, where that is wrong', async () => {
    assert.deepEqual(await problemsOf({ unikernels: [{ dns: 'a..b', ip: '::1', backend: 'process', command: 'x' }] }), [
      "unikernels[0].dns: 'a..b'. A DNS name such as 'www.example.org' or '*.example.org' expected.",
    ]);
  });
});

describe('a wrong configuration', () => {
  it('may be that a plugin lacks that a key needs: told once, and nothing else of that key', async () => {
    const folder = await ConfigFolder.make();
    try {
      const name = 'jitsu-plugin-lamps';
      const json = { name, keywords: ['jitsu-plugin'], jitsu: { api: '^99.0.0', unikernelKeys: ['waitForLamp'] } };
      await folder.write(`node_modules/${name}/package.json`, JSON.stringify(json));
      const unikernels = ['a', 'b'].map((one) => ({ name: one, dns: `${one}.test`, ip: '::1', wait_for_lamp: 'red' }));
      const problems = await readSettings(
        { config: { backend: 'toy', unikernels }, directory: folder.path },
        settingsContext(),
      ).then(
        () => assert.fail('it was taken'),
        (error: unknown) => (error as ConfigProblems).problems,
      );
      assert.deepEqual(
        problems.map(({ path, given, code }) => [path, given, code]),
        [['unikernels[0].wait_for_lamp', "'red'", 'JITSU_PLUGIN_INCOMPATIBLE']],
      );
    } finally {
      await folder.remove();
    }
  });

  it('is told in one go, with paths, what was given and what was expected', async () => {
    const config = {
      dsn: {},
      dns: { port: 'x', prt: 5, zones: [{}] },
      backend: 'toy',
      backends: { near: { use: 'toy', retries: 'x' }, far: { use: 'tyo' } },
      stop: { policies: ['tt1'] },
      unikernels: [
        5,
        {},
        { name: 'a', dns: 'a..b', ip: 'x', ready: ['tcp:99999', 'tpc:80'] },
        { name: 'a', dns: ['a.test', '-b.test'], ip: '::1', memory: 'lots', vcpu: 2 },
      ],
    };
    const problems = await problemsOf(config);
    assert.deepEqual(
      problems.map((problem) => problem.replace(/(not installed\.).*/, '$1')),
      [
        "dsn: {}. No such key; did you mean 'dns'?",
        "dns.port: 'x'. A number expected.",
        "dns.zones[0].name: missing. A DNS name such as 'www.example.org' or '*.example.org' expected.",
        "dns.prt: 5. No such key; did you mean 'port'?",
        'unikernels[0]: 5. A unikernel such as { name, dns, ip } expected.',
        "backends.near.retries: 'x'. A number expected.",
        "backends.far.use: 'tyo'. No backend of that name. Did you mean 'toy'? The plugin 'tyo' is not installed.",
        "stop.policies[0]: 'tt1'. No such stop policy; did you mean 'ttl'? There are: ttl, connections, traffic, keep-alive.",
        "unikernels[1].dns: missing. A DNS name such as 'www.example.org' or '*.example.org' expected.",
        'unikernels[1].ip: missing. An IPv4 or IPv6 address expected.',
        "unikernels[2].dns: 'a..b'. A DNS name such as 'www.example.org' or '*.example.org' expected.",
        "unikernels[2].ip: 'x'. An IPv4 or IPv6 address expected.",
        "unikernels[2].ready[0]: 'tcp:99999'. A number of at most 65535 expected.",
        "unikernels[2].ready[1]: 'tpc:80'. No such readiness probe; did you mean 'tcp'? There are: tcp, exec.",
        "unikernels[3].dns[1]: '-b.test'. A DNS name such as 'www.example.org' or '*.example.org' expected.",
        "unikernels[3].vcpu: 2. No such key; did you mean 'vcpus'?",
        "unikernels[3].memory: 'lots'. A size such as 64000 (KiB) expected.",
        "unikernels[3].name: 'a'. Already the name of unikernels[2]; give each unikernel a name of its own.",
      ],
    );
  });

  it('names the default backend where its plugin is missing, once for all its unikernels', async () => {
    const problems = await problemsOf({
      backend: 'proces',
      unikernels: [
        { dns: 'a.test', ip: '::1' },
        { dns: 'b.test', ip: '::1' },
      ],
    });
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^backend: 'proces'\. No backend of that name\. Did you mean 'process'\?/);
  });

  it('names the backend whose key it is, where another one is asked for it', async () => {
    const unikernel = { name: 'a', dns: 'a.test', ip: '::1' };
    assert.deepEqual(await problemsOf({ backend: 'toy', unikernels: [{ ...unikernel, command: 'server' }] }), [
      "unikernels[0].command: 'server'. No key of the backend toy, but of process: add backend: 'process'.",
    ]);
    assert.deepEqual(
      await problemsOf(
        { unikernels: [{ ...unikernel, backend: 'bare', vcpus: 2 }] },
        { words: ['backend=bare,dns=b.test,ip=::2,nic=x'] },
      ),
      [
        "unikernels[0].vcpus: 2. No key of the backend bare, but of toy and libxl: add backend: 'toy'.",
        "\"backend=bare,dns=b.test,ip=::2,nic=x\" → nic: 'x'. No key of the backend bare, but of toy and libxl: add backend: 'toy'.",
      ],
    );
  });

  it('names the backend that is meant where nobody has named one, once, and nothing else of its options', async () => {
    const unikernels = [
      { dns: 'a.test', ip: '::1', command: 'server', cwd: '/' },
      { dns: 'b.test', ip: '::1', command: 'server' },
    ];
    assert.deepEqual(await problemsOf({ unikernels }), [
      "unikernels[0].command: 'server'. A key of the backend process, not of libvirt: add backend: 'process'.",
    ]);
    assert.deepEqual(await problemsOf({}, { words: ['dns=a.test,ip=::1,kernel=k,memory=64MiB'] }), [
      '"dns=a.test,ip=::1,kernel=k,memory=64MiB" → kernel: \'k\'. A key of the backend libxl, not of libvirt: add -x libxl, or backend=libxl to the words.',
    ]);
  });

  it('suggests a key of another backend where none of its own is near', async () => {
    const unikernel = { name: 'a', dns: 'a.test', ip: '::1' };
    assert.deepEqual(await problemsOf({ unikernels: [{ ...unikernel, comand: 'server' }] }), [
      "unikernels[0].comand: 'server'. No such key; 'command' is one of the backend process.",
    ]);
  });

  it('has what a backend says of keys that people know from elsewhere', async () => {
    const context = settingsContext((registry) => {
      const [useClass, description, unikernel] = [class {} as never, '', z.object({ cmdline: z.string() })];
      const foreignKeys = { onCrash: 'It is removed.', extra: "'cmdline' is the key for that." };
      registry.backend({ name: 'xenlike', useClass, description, unikernel, foreignKeys });
    });
    const unikernels = [{ dns: 'a.test', ip: '::1', cmdline: 'x', extra: 'y', on_crash: 'z', toString: 'q' }];
    const config = { backend: 'xenlike', unikernels };
    const { problems } = await readSettings({ config, directory: '/nowhere' }, context).then(
      () => assert.fail('it was taken'),
      (error: unknown) => error as ConfigProblems,
    );
    assert.deepEqual(
      problems.map(({ path, expected }) => [path, expected]),
      [
        ['unikernels[0].extra', "'cmdline' is the key for that."],
        ['unikernels[0].on_crash', 'It is removed.'],
        ['unikernels[0].toString', 'No such key.'],
      ],
    );
  });

  it('tells a misspelt key once, and not that the right one is missing', async () => {
    assert.deepEqual(
      await problemsOf({
        backend: 'toy',
        dns: { zones: [{ nmae: 'a.test' }] },
        unikernels: [{ dns: 'a.test', ipp: '::1' }],
      }),
      [
        "dns.zones[0].nmae: 'a.test'. No such key; did you mean 'name'?",
        "unikernels[0].ipp: '::1'. No such key; did you mean 'ip'?",
      ],
    );
    assert.deepEqual(await problemsOf({ backend: 'toy' }, { words: ['dns=a.test,i-p=::1'] }), [
      "\"dns=a.test,i-p=::1\" → i-p: '::1'. No such key; did you mean 'ip'?",
    ]);
  });

  it('tells a name that is none once, whatever the backend', async () => {
    const unikernel = { dns: 'a.test', ip: '::1', name: 12 };
    const expected = 'unikernels[0].name: 12. A name of 1 to 200 printable characters expected.';
    for (const options of [
      { backend: 'toy' },
      { backend: 'process', command: 'x' },
      { backend: 'libxl', kernel: 'k', memory: '64MiB' },
      { backend: 'libvirt' },
    ]) {
      assert.deepEqual(await problemsOf({ unikernels: [{ ...unikernel, ...options }] }), [expected]);
    }
  });

  it('says where a key belongs that stands elsewhere, or has the name of a flag', async () => {
    assert.deepEqual(
      await problemsOf({ port: 5, on_exit: 'stop', 'forwarder-port': 5, persistdb: 'x', dns: { listen: 5 }, x: 1 }),
      [
        "port: 5. No such key; did you mean 'dns.port'?",
        "on_exit: 'stop'. No such key; did you mean 'stop.onExit'?",
        "forwarder-port: 5. No such key; did you mean 'dns.forwarderPort'?",
        "persistdb: 'x'. No such key; did you mean 'state.path'?",
        'x: 1. No such key.',
        "dns.listen: 5. No such key; did you mean 'dns.port'?",
      ],
    );
  });

  it('lists the backends that there are where none of that name is', async () => {
    const [problem] = await problemsOf({}, { flags: { backend: 'qemu' }, words: ['dns=a.test,ip=::1'] });
    assert.match(
      problem ?? '',
      /^--backend: 'qemu'\. No backend of that name\. There are: bare; libvirt \(.*QEMU.*\); .*toy; .*\. The plugin 'qemu' is not installed\./,
    );
  });

  it('suggests a plugin that is near', async () => {
    const [problem] = await problemsOf({ plugins: ['rumprun-confg'] });
    assert.match(problem ?? '', /^plugins\[0\]: 'rumprun-confg'\. Did you mean 'rumprun-config'\? The plugin /);
  });

  it('stop as their backend usually does, where neither they nor all have a mode', async () => {
    const context = settingsContext((registry) => {
      const [useClass, description, unikernel] = [class {} as never, '', z.object({})];
      registry.backend({ name: 'plain', useClass, description, unikernel });
      registry.backend({ name: 'gentle', useClass, description, unikernel, defaultStopMode: 'shutdown' });
    });
    const unikernels = [
      { name: 'a', backend: 'plain' },
      { name: 'b', backend: 'gentle' },
      { name: 'c', backend: 'gentle', mode: 'suspend' },
    ].map((unikernel) => ({ ...unikernel, dns: `${unikernel.name}.test`, ip: '192.0.2.1' }));
    const modes = async (stop: object): Promise<readonly string[]> => {
      const settings = await readSettings({ config: { stop, unikernels }, directory: '/nowhere' }, context);
      return settings.unikernels.map(({ stopMode }) => stopMode);
    };
    assert.deepEqual(await modes({}), ['destroy', 'shutdown', 'suspend']);
    assert.deepEqual(
      await modes({ mode: 'fastest' }),
      ['fastest', 'fastest', 'suspend'],
      'also where none can suspend',
    );
    assert.deepEqual(await modes({ mode: 'managedsave' }), ['managedsave', 'managedsave', 'suspend']);
  });

  it('may be a stop mode that the backend lacks, told at its key, or once where it is the common one', async () => {
    const context = settingsContext((registry) => {
      const stopModes = ['destroy', 'shutdown'];
      const [useClass, description, unikernel] = [class {} as never, 'Cannot suspend', z.object({})];
      registry.backend({ name: 'awake', useClass, description, unikernel, stopModes });
    });
    const unikernels = ['a', 'b', 'c', 'd'].map((name, index) => ({
      ...{ name, dns: `${name}.test`, ip: '::1', backend: index === 3 ? 'toy' : 'awake' },
      ...(index === 2 && { mode: 'pause', ttl: 0 }),
    }));
    const error = await readSettings(
      { config: { stop: { mode: 'suspend' }, unikernels }, directory: '/nowhere' },
      context,
    ).then(
      () => assert.fail('it was taken'),
      (problems: unknown) => problems as ConfigProblems,
    );
    const expected = 'The backend awake can stop a unikernel by: destroy, shutdown.';
    assert.deepEqual(
      error.problems.filter(({ code }) => code !== undefined),
      [
        { path: 'stop.mode', given: "'suspend'", expected, code: 'JITSU_STOP_MODE_UNSUPPORTED' },
        { path: 'unikernels[2].mode', given: "'pause'", expected, code: 'JITSU_STOP_MODE_UNSUPPORTED', unikernel: 'c' },
      ],
    );
    assert.deepEqual(
      error.problems.map(({ path }) => path),
      ['stop.mode', 'unikernels[2].ttl', 'unikernels[2].mode'],
    );
  });

  it('does not take a key in both its spellings', async () => {
    const [problem] = await problemsOf(toy({ response_delay: 1, responseDelay: 2 }));
    assert.match(problem ?? '', /^unikernels\[0\]\.responseDelay: /);
  });

  it('is told with an example of what should stand there', async () => {
    const problems = await problemsOf({
      plugins: 'toy',
      dns: { bind: 'nowhere0', zones: 'a.test' },
      backends: { toy: 5 },
      stop: { policies: 'keep-alive' },
      log: 'debug',
      unikernels: [{ dns: 'a.test', ip: '127.0.0.1', backend: 'toy', ready: 8080, stopPolicies: [5] }],
    });
    assert.deepEqual(
      problems.map((problem) => problem.replace(/(There are:).*/, '$1')),
      [
        "plugins: 'toy'. A list of plugins such as ['my-plugin'] expected.",
        "dns.bind: 'nowhere0'. There is no interface nowhere0 with an address. There are:",
        "dns.zones: 'a.test'. A list of zones such as { name: 'example.org' } expected.",
        "stop.policies: 'keep-alive'. A list of policies such as ['keep-alive'] expected.",
        "log: 'debug'. A group of settings ({ level, format }) expected.",
        'backends.toy: 5. A group of settings ({ … }) expected.',
        "unikernels[0].ready: 8080. A probe such as 'tcp:8080' or 'http:8080/', or a list of them, expected.",
        "unikernels[0].stopPolicies[0]: 5. A policy such as 'keep-alive' or 'max-lifetime:1h', or a list of them, expected.",
      ],
    );
  });

  it('names its file in the message', async () => {
    const input = { config: { dns: 5 }, file: '/etc/jitsu.config.json', directory: '/etc' };
    await assert.rejects(readSettings(input, settingsContext()), {
      code: 'JITSU_CONFIG_INVALID',
      message:
        '/etc/jitsu.config.json has a problem:\n  dns: 5. A group of settings ({ bind, port, transport, … }) expected.',
    });
  });

  for (const [kind, config] of Object.entries({ number: 5, null: null, text: 'text', list: [], nothing: undefined })) {
    it(`may be wrong as a whole: ${kind}`, async () => {
      assert.equal((await problemsOf(config)).length, 1);
    });
  }
});

describe('100,000 unikernels', () => {
  it('are read without work that grows with their square', async () => {
    const unikernels = Array.from({ length: 100_000 }, (_, index) => ({
      name: `u${String(index)}`,
      dns: `u${String(index)}.test`,
      ip: '192.0.2.1',
      ready: 'tcp:80',
    }));
    assert.equal((await read({ backend: 'toy', unikernels })).unikernels.length, 100_000);
  });
});
