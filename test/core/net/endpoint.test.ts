import assert from 'node:assert/strict';
import { parseServerEndpoint } from '#core/net/endpoint.js';

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
