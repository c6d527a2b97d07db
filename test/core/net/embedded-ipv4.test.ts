import assert from 'node:assert/strict';
import { addressBytes } from '#core/net/address-bytes.js';
import { someEmbeddedIpv4 } from '#core/net/embedded-ipv4.js';

const embedded = (address: string): string[] => {
  const found: string[] = [];
  const look = (ipv4: Uint8Array): boolean => found.push(ipv4.join('.')) === 0;
  assert.equal(someEmbeddedIpv4(addressBytes(address) ?? assert.fail(address), look), false);
  assert.equal(
    someEmbeddedIpv4(addressBytes(address) ?? assert.fail(address), () => true),
    found.length > 0,
  );
  return found;
};

describe('the IPv4 addresses in an IPv6 address', () => {
  for (const [address, expected] of Object.entries({
    '2001:db8::a00:1': [],
    '64:ff9c::a00:1': [],
    '64:ff9b:2::a00:1': [],
    '100::a00:1': [],
    '::a00:1': ['10.0.0.1'],
    '::1:a00:1': [],
    '64:ff9b::a00:1': ['10.0.0.1'],
    '64:ff9b::1:a00:1': [],
    '2002:a00:1::1': ['10.0.0.1'],
    '2003:a00:1::1': [],
    '64:ff9b:1::808:808': ['8.8.8.8'],
    '64:ff9b:1:a00:0:100::': ['10.0.0.1'],
    '64:ff9b:1:c0a8:1:200:99::': ['192.168.1.2', '168.1.2.0', '1.2.0.0'],
    '64:ff9b:1:ffac:10:102:99::': ['255.172.16.1', '172.16.1.2', '16.1.2.0'],
    '64:ff9b:1:0:a:1:200::': ['10.0.1.2', '2.0.0.0'],
  })) {
    it(`are ${expected.length === 0 ? 'none' : expected.join(' or ')} in ${address}`, () => {
      assert.deepEqual(embedded(address), expected);
    });
  }
});
