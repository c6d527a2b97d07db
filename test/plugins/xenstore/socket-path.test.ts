import assert from 'node:assert/strict';
import { socketPath } from '#xenstore/socket-path.js';

describe('the socket of xenstored', () => {
  it('is where Xen puts it, or where the environment says', () => {
    assert.equal(socketPath({}), '/var/run/xenstored/socket');
    assert.equal(socketPath({ XENSTORED_RUNDIR: '/run/mine' }), '/run/mine/socket');
    assert.equal(socketPath({ XENSTORED_PATH: '/run/it', XENSTORED_RUNDIR: '/run/mine' }), '/run/it');
    assert.equal(socketPath({ XENSTORED_PATH: '', XENSTORED_RUNDIR: '' }), '/var/run/xenstored/socket');
  });
});
