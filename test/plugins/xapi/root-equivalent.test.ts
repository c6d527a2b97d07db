import assert from 'node:assert/strict';
import xapi from '#xapi/index.js';
import { contributedBackends } from '../../support/contributed-backends.js';

describe('a connection to a pool', () => {
  const [backend] = contributedBackends(xapi);

  it('is as good as root with the account of root, and its password is not told', () => {
    for (const connect of ['https://xcp.example.org', 'https://root:secret@xcp.example.org']) {
      assert.equal(
        backend?.rootEquivalent?.({ connect }),
        'The account root of https://xcp.example.org is as good as root on all hosts of its pool, and so is whoever reads its password.',
      );
    }
  });

  it('may be as good as root with another account', () => {
    assert.equal(
      backend?.rootEquivalent?.({ connect: 'https://jitsu:secret@xcp.example.org' }),
      'The account jitsu of https://xcp.example.org is as good as root on all hosts of its pool if its role is pool-admin.',
    );
  });
});
