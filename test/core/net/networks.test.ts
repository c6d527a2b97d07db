import assert from 'node:assert/strict';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { addressBytes } from '#core/net/address-bytes.js';
import { Networks } from '#core/net/networks.js';

const holds = (networks: Networks, address: string): boolean => networks.has(addressBytes(address) as Uint8Array);

describe('networks', () => {
  it('hold what lies in one of them, from the first address to the last', () => {
    const networks = new Networks(['10.0.0.0/8', '192.0.2.7/32', '198.51.100.128/25', 'fe80::/10', '2001:db8::/33']);
    for (const address of [
      ...['10.0.0.0', '10.255.255.255', '192.0.2.7', '198.51.100.128', '198.51.100.255'],
      ...['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db8::1', '2001:db8:7fff::'],
    ]) {
      assert.ok(holds(networks, address), address);
    }
    for (const address of [
      ...['9.255.255.255', '11.0.0.0', '192.0.2.6', '192.0.2.8', '198.51.100.127', '198.51.101.0', '255.255.255.255'],
      ...['::', 'fe7f::', 'fec0::', '2001:db8:8000::', '::a00:1'],
    ]) {
      assert.ok(!holds(networks, address), address);
    }
  });

  it('take an IPv4-mapped address as IPv4, and an address with a scope as without', () => {
    const networks = new Networks(['10.0.0.0/8', 'fe80::/10']);
    assert.ok(holds(networks, '::ffff:10.1.2.3'));
    assert.ok(!holds(networks, '::ffff:11.1.2.3'));
    assert.ok(holds(networks, 'fe80::1%eth0'));
    assert.ok(holds(new Networks(['::ffff:10.0.0.0/104']), '10.1.2.3'));
  });

  it('do not mind networks within networks, bits behind the length, and none at all', () => {
    const networks = new Networks(['10.1.0.0/16', '10.0.0.0/8', '10.9.9.9/8', '10.1.0.0/24']);
    assert.ok(holds(networks, '10.1.2.3'));
    assert.ok(holds(networks, '10.200.0.1'));
    assert.ok(!holds(new Networks([]), '10.1.2.3'));
    assert.ok(!holds(new Networks([]), '::1'));
  });

  it('tell IPv4 and IPv6 apart, also where either holds everything', () => {
    assert.ok(!holds(new Networks(['0.0.0.0/0']), '::1'));
    assert.ok(!holds(new Networks(['::/0']), '10.0.0.1'));
    assert.ok(holds(new Networks(['::/0', '0.0.0.0/0']), '255.255.255.255'));
  });

  it('refuse what is no network', () => {
    for (const text of ['10.0.0.0', '10.0.0.0/33', '::/129', 'loopback', '']) {
      assert.throws(() => new Networks([text]), RangeError, text);
    }
  });

  it('agree with another implementation, for any networks', () => {
    const ipv4 = fc.tuple(fc.ipV4(), fc.nat(32)).map(([address, length]) => `${address}/${length}`);
    // Without dots in it: ipaddr.js takes ::192.0.2.7 for another address.
    const inGroups = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);
    const ipv6 = fc.tuple(fc.ipV6(), fc.nat(128)).map(([address, length]) => `${address}/${length}`);
    const lists = fc.array(fc.oneof(ipv4, ipv6), { maxLength: 30 });
    fc.assert(
      fc.property(lists, fc.oneof(fc.ipV4(), fc.ipV6()), (list, text) => {
        const address = ipaddr.process(text.includes(':') ? inGroups(text) : text);
        const plain = list.map((network) => {
          const [base = '', length] = network.split('/');
          return ipaddr.parseCIDR(base.includes(':') ? `${inGroups(base)}/${length}` : network);
        });
        const expected = plain.some(
          ([base, length]) => base.kind() === address.kind() && address.match([base, length] as never),
        );
        assert.equal(holds(new Networks(list), text), expected);
      }),
      { numRuns: 500 },
    );
  });
});
