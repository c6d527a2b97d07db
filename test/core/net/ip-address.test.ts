import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isIPv6 } from 'node:net';
import { parseAddress, readIpv6 } from '#core/net/ip-address.js';

const inGroups = (address: string): string => readIpv6(address).toRFC5952String();

describe('an IPv6 address that ends in an IPv4 address', () => {
  it('is mapped where it says so, and only there', () => {
    assert.equal(inGroups('::ffff:192.0.2.7'), '::ffff:c000:207');
    assert.equal(inGroups('::192.0.2.7'), '::c000:207');
    assert.equal(inGroups('::0.0.0.0'), '::');
    assert.equal(inGroups('64:ff9b::192.0.2.7'), '64:ff9b::c000:207');
    assert.equal(inGroups('1:2:3:4:5:6:255.255.255.255'), '1:2:3:4:5:6:ffff:ffff');
  });

  it('may have a scope', () => {
    assert.equal(inGroups('fe80::192.0.2.7%eth0.100'), 'fe80::c000:207%eth0.100');
  });

  it('is what another implementation takes it for', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        assert.ok(isIPv6(address));
        const other = new URL(`http://[${address}]`).hostname.slice(1, -1);
        assert.deepEqual(readIpv6(address).toByteArray(), readIpv6(other).toByteArray());
      }),
      { numRuns: 1_000 },
    );
  });
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
