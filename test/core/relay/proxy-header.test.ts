import assert from 'node:assert/strict';
import { proxyHeader } from '#core/relay/proxy-header.js';

describe('the header of the PROXY protocol', () => {
  it('has the addresses and ports of both ends over IPv4', () => {
    const header = proxyHeader({ address: '192.0.2.7', port: 54_321 }, { address: '198.51.100.1', port: 443 });
    assert.equal(
      header.toString('hex'),
      '0d0a0d0a000d0a515549540a' + '2111000c' + 'c0000207' + 'c6336401' + 'd431' + '01bb',
    );
  });

  it('has them over IPv6, without the scope', () => {
    const header = proxyHeader({ address: 'fe80::7%eth0', port: 1 }, { address: '2001:db8::1', port: 65_535 });
    const addresses = 'fe80' + '0'.repeat(27) + '7' + '20010db8' + '0'.repeat(23) + '1';
    assert.equal(header.toString('hex'), '0d0a0d0a000d0a515549540a' + '21210024' + addresses + '0001' + 'ffff');
  });
});
