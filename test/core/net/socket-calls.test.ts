import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requireMmsg } from '../../support/udp-transports.js';

const FILTERED = fileURLToPath(new URL('../../support/filtered-calls.js', import.meta.url));

/** What a process says whose filter of system calls refuses these. */
async function filtered(...refused: readonly string[]): Promise<unknown> {
  return JSON.parse((await promisify(execFile)(process.execPath, [FILTERED, ...refused])).stdout);
}

describe('the calls for many datagrams', function () {
  this.timeout(20_000);

  before(function () {
    requireMmsg(this);
  });

  it('are used where the system permits them', async () => {
    assert.deepEqual(await filtered(), { server: 'mmsg', forwarder: 'MmsgSockets', reasons: [] });
  });

  for (const call of ['recvmmsg', 'sendmmsg']) {
    it(`are left alone where a filter refuses ${call}, by the server and by the forwarder`, async () => {
      assert.deepEqual(await filtered(call), {
        server: 'dgram',
        forwarder: 'Object',
        reasons: [`${call} EPERM: a filter of system calls may forbid it`],
      });
    });
  }
});
