import assert from 'node:assert/strict';
import { z } from 'zod';
import { parseRelay, relayedPorts, relays, relaySchema, type WrittenRelay } from '#core/config/relay.js';

const written = (relay: unknown): readonly WrittenRelay[] => relays('A relay').parse(relay);

const texts = (relay: unknown, addresses: readonly string[]): unknown => {
  const ports = relayedPorts(written(relay), addresses);
  return typeof ports === 'string'
    ? ports
    : ports.map(({ protocol, listen, to }) => [protocol, listen.address, listen.port, to.address, to.port].join(' '));
};

describe('a relay of a unikernel', () => {
  it('is read as it is written', () => {
    assert.deepEqual(parseRelay('tcp:8080 -> 127.0.0.1:9000'), {
      protocol: 'tcp',
      listen: { port: 8080 },
      to: { address: '127.0.0.1', port: 9000 },
      proxyProtocol: false,
    });
    assert.deepEqual(parseRelay('udp:[2001:DB8::1]:53->[::1]:5353'), {
      protocol: 'udp',
      listen: { address: '2001:db8::1', port: 53 },
      to: { address: '::1', port: 5353 },
      proxyProtocol: false,
    });
  });

  for (const text of [
    ...['', 'tcp', 'tcp:8080', '8080 -> 9000', 'sctp:1 -> 2', 'tcp:0 -> 1', 'tcp:1 -> 65536', 'tcp:1 -> 2 -> 3'],
    ...['tcp:::1:80 -> 1', 'tcp:[127.0.0.1]:80 -> 1', 'tcp:80 -> example.org:80', 'tcp:80 -> 127.1:80'],
  ]) {
    it(`is refused: '${text}'`, () => assert.equal(parseRelay(text), undefined));
  }

  it('may be a list, and have keys', () => {
    const [one, other] = written(['tcp:80 -> 8080', { listen: 'tcp:443', to: 8443, proxyProtocol: true }]);
    assert.deepEqual([one?.listen.port, one?.proxyProtocol], [80, false]);
    assert.deepEqual([other?.listen.port, other?.to, other?.proxyProtocol], [443, { port: 8443 }, true]);
    assert.deepEqual(written({ listen: 'tcp:443', to: '[::1]:8443' })[0]?.to, { address: '::1', port: 8443 });
  });

  it('is refused where UDP is to have a header', () => {
    const outcome = z.safeParse(relays(''), { listen: 'udp:53', to: 5353, proxyProtocol: true });
    assert.match(JSON.stringify(outcome.error), /Only for TCP/);
  });

  it('listens at each address of the unikernel, and goes to the same one', () => {
    assert.deepEqual(texts('tcp:80 -> 8080', ['192.0.2.1', '2001:db8::1']), [
      'tcp 192.0.2.1 80 192.0.2.1 8080',
      'tcp 2001:db8::1 80 2001:db8::1 8080',
    ]);
    assert.deepEqual(texts('tcp:80 -> 127.0.0.1:8080', ['192.0.2.1']), ['tcp 192.0.2.1 80 127.0.0.1 8080']);
    assert.deepEqual(texts('udp:192.0.2.9:53 -> 5353', []), ['udp 192.0.2.9 53 192.0.2.9 5353']);
  });

  it('goes to the address of the unikernel where it listens at all', () => {
    assert.deepEqual(texts('tcp:0.0.0.0:80 -> 8080', ['2001:db8::1', '192.0.2.1']), ['tcp 0.0.0.0 80 192.0.2.1 8080']);
    assert.deepEqual(texts('tcp:[::]:80 -> 8080', ['192.0.2.1']), ['tcp :: 80 192.0.2.1 8080']);
  });

  it('needs an address where the unikernel has none', () => {
    assert.match(
      String(texts('tcp:80 -> 127.0.0.1:8080', [])),
      /'tcp:192\.0\.2\.1:80 -> …': the unikernel has no `ip`/,
    );
    assert.match(String(texts('tcp:0.0.0.0:80 -> 8080', [])), /'… -> 192\.0\.2\.1:8080': the unikernel has no `ip`/);
  });

  for (const [relay, what] of [
    [['tcp:80 -> 80'], 'itself'],
    [['tcp:80 -> 192.0.2.1:80'], 'itself by its address'],
    [['tcp:0.0.0.0:80 -> 127.0.0.1:80'], 'itself by another address'],
    [['tcp:80 -> 81', 'tcp:81 -> 82'], 'another relay'],
  ] as const) {
    it(`cannot relay to ${what}`, () => assert.match(String(texts(relay, ['192.0.2.1'])), /^Another port or address/));
  }

  it('may have the port of its program at another address, or for the other protocol', () => {
    assert.ok(Array.isArray(texts('tcp:80 -> 127.0.0.1:80', ['192.0.2.1'])));
    assert.ok(Array.isArray(texts(['tcp:80 -> 81', 'udp:81 -> 82'], ['192.0.2.1'])));
  });
});

describe('how connections are relayed', () => {
  it('has defaults, and takes paths and user agents', () => {
    assert.deepEqual(relaySchema.parse({}), { idle: 7_500_000, ignore: { paths: [], userAgents: [] } });
    const ignore = { paths: ['/healthz', '/status/*'], userAgents: ['UptimeRobot'] };
    assert.deepEqual(relaySchema.parse({ idle: '1h', ignore }), { idle: 3_600_000, ignore });
  });

  for (const path of ['healthz', '/a b', '/a?b', '']) {
    it(`refuses a path: '${path}'`, () => {
      assert.equal(relaySchema.safeParse({ ignore: { paths: [path] } }).success, false);
    });
  }
});
