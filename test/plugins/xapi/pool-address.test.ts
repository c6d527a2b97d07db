import assert from 'node:assert/strict';
import { parsePoolAddress } from '#xapi/pool-address.js';

describe('the address of a pool', () => {
  it('has a user and a password, which are not part of what messages show', () => {
    assert.deepEqual(parsePoolAddress('https://jitsu:p%40ss%2Fw%25@xcp.example.org:8443/'), {
      url: 'https://xcp.example.org:8443',
      user: 'jitsu',
      password: 'p@ss/w%',
    });
  });

  it('is that of root where it names no user, and may have no password', () => {
    assert.deepEqual(parsePoolAddress('http://192.0.2.4'), {
      url: 'http://192.0.2.4',
      user: 'root',
      password: undefined,
    });
    assert.equal(parsePoolAddress('https://admin@[2001:db8::4]')?.url, 'https://[2001:db8::4]');
  });

  for (const uri of [
    '',
    'xcp.example.org',
    'qemu:///system',
    'https://',
    'https://a/b',
    'https://a?b',
    'https://a:%@b',
  ]) {
    it(`is not '${uri}'`, () => assert.equal(parsePoolAddress(uri), undefined));
  }
});
