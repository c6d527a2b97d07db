import assert from 'node:assert/strict';
import { hasAddress } from '#core/net/bind-early.js';

describe('an address to bind', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '0.0.0.0', '::', '0:0::0', '::1', '0:0:0:0:0:0:0:1']) {
    it(`is there, however it is written: ${address}`, () => {
      assert.equal(hasAddress(address), true);
    });
  }

  for (const address of ['192.0.2.77', '2001:db8::77', 'fe80::77%lo']) {
    it(`is not there yet: ${address}`, () => {
      assert.equal(hasAddress(address), false);
    });
  }
});
