import assert from 'node:assert/strict';
import { isOwnEndpoint } from '#core/dns/forwarder/upstream-selection.js';

const at = (address: string, port = 53) => ({ address, port });

describe('an upstream that is ourselves', () => {
  it('is one where we listen, however its address is written', () => {
    assert.equal(isOwnEndpoint(at('127.0.0.1'), [at('127.0.0.1')]), true);
    assert.equal(isOwnEndpoint(at('::ffff:127.0.0.1'), [at('127.0.0.1')]), true);
    assert.equal(isOwnEndpoint(at('0:0:0:0:0:0:0:1'), [at('::1')]), true);
    assert.equal(isOwnEndpoint(at('fe80::1%eth0'), [at('fe80::1%eth0')]), true);
  });

  it('is any address of this machine where we listen everywhere, of the family in which we do', () => {
    assert.equal(isOwnEndpoint(at('127.0.0.53'), [at('0.0.0.0')]), true);
    assert.equal(isOwnEndpoint(at('::1'), [at('0.0.0.0')]), false);
    assert.equal(isOwnEndpoint(at('0.0.0.0'), [at('127.0.0.1')]), true);
    assert.equal(isOwnEndpoint(at('192.0.2.1'), [at('0.0.0.0')]), false);
  });

  it('is not one on another port or another address', () => {
    assert.equal(isOwnEndpoint(at('127.0.0.1', 54), [at('127.0.0.1')]), false);
    assert.equal(isOwnEndpoint(at('127.0.0.53'), [at('127.0.0.1')]), false);
    assert.equal(isOwnEndpoint(at('127.0.0.1'), []), false);
  });
});
