import assert from 'node:assert/strict';
import { parseDnsName } from '#core/config/dns-name.js';
import { parseDuration } from '#core/config/duration.js';
import { givenValue } from '#core/config/given-value.js';
import { parseAddress } from '#core/config/ip-address.js';
import { nearestWord } from '#core/config/nearest-word.js';
import { parseServerEndpoint } from '#core/config/server-endpoint.js';

describe('a duration', () => {
  for (const [written, milliseconds] of [
    [2, 2_000],
    [0.1, 100],
    ['0.5', 500],
    ['.5s', 500],
    ['500ms', 500],
    ['2 s', 2_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    [0, 0],
    [2 ** 31 - 1, 2_147_483_647_000],
  ] as const) {
    it(`${JSON.stringify(written)} is ${String(milliseconds)} ms`, () => {
      assert.equal(parseDuration(written), milliseconds);
    });
  }

  for (const written of [-1, Number.NaN, Infinity, '', 's', '1w', '1 2', '-1s', '1e3', 2 ** 31, '99999999d']) {
    it(`${JSON.stringify(written)} is none`, () => {
      assert.equal(parseDuration(written), undefined);
    });
  }
});

describe('a DNS name', () => {
  const label63 = 'a'.repeat(63);
  const name253 = `${label63}.${label63}.${label63}.${'a'.repeat(61)}`;

  for (const [written, name] of [
    ['WWW.Example.ORG.', 'www.example.org'],
    ['*.example.org', '*.example.org'],
    ['_http._tcp.a-b.test', '_http._tcp.a-b.test'],
    ['localhost', 'localhost'],
    ['bücher.example', 'xn--bcher-kva.example'],
    [name253, name253],
  ] as const) {
    it(`'${written.slice(0, 40)}' is '${name.slice(0, 40)}'`, () => {
      assert.equal(parseDnsName(written), name);
    });
  }

  for (const written of [
    '',
    '.',
    '*',
    '*.',
    'a..b',
    '.a',
    'a.*.b',
    'a*.b',
    '-a.b',
    'a-.b',
    'a b',
    'a,b',
    `${label63}a.b`,
    `${name253}a`,
  ]) {
    it(`'${written.slice(0, 40)}' is none`, () => {
      assert.equal(parseDnsName(written), undefined);
    });
  }
});

describe('an address', () => {
  it('has one form, however it is written', () => {
    assert.equal(parseAddress('2001:DB8:0:0::1'), '2001:db8::1');
    assert.equal(parseAddress('192.0.2.7'), '192.0.2.7');
    assert.equal(parseAddress('64:ff9b::192.0.2.7'), '64:ff9b::c000:207');
    assert.equal(parseAddress('::192.0.2.7'), '::c000:207');
  });

  for (const written of ['', '1.2.3', '127.1', '0x7f.0.0.1', '1.2.3.256', '01.2.3.4', ':::', 'a.test']) {
    it(`'${written}' is none`, () => {
      assert.equal(parseAddress(written), undefined);
    });
  }
});

describe('a server', () => {
  for (const [written, address, port, transport] of [
    ['9.9.9.9', '9.9.9.9', undefined, 'udp'],
    ['9.9.9.9:5353', '9.9.9.9', 5_353, 'udp'],
    ['2620:fe::fe', '2620:fe::fe', undefined, 'udp'],
    ['[2620:fe::fe]', '2620:fe::fe', undefined, 'udp'],
    ['[2620:FE::fe]:53', '2620:fe::fe', 53, 'udp'],
    ['tcp://9.9.9.9', '9.9.9.9', undefined, 'tcp'],
    ['tcp://[2620:fe::fe]:53', '2620:fe::fe', 53, 'tcp'],
    ['tls://9.9.9.9', '9.9.9.9', undefined, 'tls'],
    ['tls://2620:fe::fe', '2620:fe::fe', undefined, 'tls'],
  ] as const) {
    it(`is ${written}`, () => {
      assert.deepEqual(parseServerEndpoint(written), { address, port, transport });
    });
  }

  it('may have a name in its certificate, over TLS', () => {
    const server = { address: '9.9.9.9', port: 853, transport: 'tls', name: 'dns.quad9.net' };
    assert.deepEqual(parseServerEndpoint('tls://9.9.9.9:853#DNS.quad9.net.'), server);
  });

  const wrong = ['', 'dns.test', '9.9.9.9:', '9.9.9.9:0', '9.9.9.9:65536', '[::1', '::1]:53', '9.9.9:53'];
  const wrongByScheme = ['tls://dns.test', 'https://9.9.9.9', '9.9.9.9#a.test', 'tcp://9.9.9.9#a', 'tls://9.9.9.9#'];
  for (const written of [...wrong, ...wrongByScheme, 'tls://9.9.9.9#*.test', 'tls://', 'TLS://9.9.9.9#a b']) {
    it(`is not '${written}'`, () => {
      assert.equal(parseServerEndpoint(written), undefined);
    });
  }
});

describe('a mistyped word', () => {
  it('is taken for the nearest one', () => {
    assert.equal(nearestWord('comand', ['cwd', 'command', 'user']), 'command');
    assert.equal(nearestWord('dsn', ['ip', 'dns']), 'dns');
    assert.equal(nearestWord('RESPONSEDELAY', ['ready', 'responseDelay']), 'responseDelay');
  });

  it('is taken for nothing that is far away', () => {
    assert.equal(nearestWord('memory', ['dns', 'ip', 'command']), undefined);
  });
});

describe('a value in an error message', () => {
  it('shows no password', () => {
    assert.equal(givenValue('https://root:secret@xen.test/'), "'https://root:***@xen.test/'");
    assert.equal(givenValue('https://root:sec/r@t@xen.test'), "'https://root:***@xen.test'");
  });

  it('is short and on one line', () => {
    assert.equal(givenValue('a\nb'), "'a b'");
    assert.equal(givenValue('x'.repeat(1_000))?.length, 80);
  });

  it('may be anything', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    assert.equal(givenValue(circular), '[object Object]');
    assert.equal(givenValue(undefined), undefined);
    assert.equal(givenValue(5n), '5');
  });
});
