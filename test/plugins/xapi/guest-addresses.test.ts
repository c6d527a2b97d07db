import assert from 'node:assert/strict';
import { guestAddresses } from '#xapi/guest-addresses.js';

describe('the addresses that a guest agent reports', () => {
  it('are those of all devices in their order, each once', () => {
    const networks = {
      '10/ipv4/0': '192.0.2.30',
      '1/ip': '192.0.2.20',
      '0/ip': '192.0.2.10',
      '0/ipv4/0': '192.0.2.10',
      '0/ipv4/1': '192.0.2.11',
      '0/ipv6/0': '2001:db8::10',
    };
    assert.deepEqual(guestAddresses(networks), [
      '192.0.2.10',
      '192.0.2.11',
      '2001:db8::10',
      '192.0.2.20',
      '192.0.2.30',
    ]);
  });

  it('are not those that are of use on their link only, nor anything else that is told', () => {
    assert.deepEqual(
      guestAddresses({ '0/ip': '169.254.7.7', '0/ipv6/0': 'fe80::1', '0/name': 'eth0', '1/ip': '' }),
      [],
    );
    assert.deepEqual(guestAddresses({}), []);
  });

  it('are several where one value holds several, however they are separated', () => {
    const networks = {
      '0/ip': '192.0.2.10 192.0.2.11\n',
      '0/ipv4/0': '192.0.2.12\n192.0.2.13\t192.0.2.14',
      '0/ipv6/0/addr': '2001:db8::10/64',
    };
    assert.deepEqual(guestAddresses(networks), [
      ...['192.0.2.10', '192.0.2.11', '192.0.2.12', '192.0.2.13', '192.0.2.14', '2001:db8::10'],
    ]);
  });

  it('are none where nothing that is told is an address', () => {
    const networks = {
      '0/ip': 'unknown',
      '0/ipv4/0': '\n',
      '0/ipv4/0/netmask': '255.255.255.0',
      '0/ipv6/0': 7,
    };
    assert.deepEqual(guestAddresses(networks), []);
  });
});
