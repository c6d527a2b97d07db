import assert from 'node:assert/strict';
import { parseResolvConf } from '#core/dns/forwarder/resolv-conf.js';

describe('a resolv.conf', () => {
  it('gives its name servers in order and once, of both families, with the interface of one', () => {
    const text = [
      '# nameserver 192.0.2.9',
      '; nameserver 192.0.2.9',
      'search example.org',
      'nameserver 192.0.2.1',
      '\tnameserver\t2001:db8::1  # the second',
      'nameserver fe80::1%eth0\r',
      'nameserver 192.0.2.1',
      'nameserver somewhere.example.org',
      'nameservers 192.0.2.8',
      'nameserver',
      'options edns0 trust-ad',
    ].join('\n');
    assert.deepEqual(parseResolvConf(text), ['192.0.2.1', '2001:db8::1', 'fe80::1%eth0']);
  });

  it('may be empty', () => assert.deepEqual(parseResolvConf(''), []));
});
