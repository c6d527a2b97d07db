import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NativeSocketsUnavailable } from '#core/net/socket-calls.js';
import { chooseUdpTransport, insteadOfMmsg } from '#core/dns/transport/listeners.js';
import { DnsLog } from '../../../support/dns-log.js';
import { requireMmsg, UDP_TRANSPORTS } from '../../../support/udp-transports.js';

const ABRUPT_END = fileURLToPath(new URL('../../../support/abrupt-end.js', import.meta.url));
const unavailable = new NativeSocketsUnavailable('koffi cannot be loaded: no such file');

describe('the choice of how datagrams are taken', () => {
  it('is by itself the fastest that the machine has', async () => {
    assert.equal((await chooseUdpTransport('auto', new DnsLog())).name, UDP_TRANSPORTS.at(-1));
    assert.equal((await chooseUdpTransport('dgram', new DnsLog())).name, 'dgram');
  });

  it('falls back to what Node can do, and the log says why', () => {
    const log = new DnsLog();
    assert.equal(insteadOfMmsg('auto', unavailable, log).name, 'dgram');
    assert.deepEqual(log.at('info'), ['datagrams are taken one by one (dgram): mmsg cannot be had here']);
    assert.deepEqual(log.entries[0]?.fields, { reason: 'koffi cannot be loaded: no such file' });
  });

  it('fails where mmsg is insisted on, and says why', () => {
    assert.throws(() => insteadOfMmsg('mmsg', unavailable, new DnsLog()), {
      code: 'JITSU_LISTEN_FAILED',
      message: /koffi cannot be loaded: no such file\. .*'auto'.*'dgram'/,
    });
  });

  it('hides no other failure', () => {
    const taken = new Error('EADDRINUSE');
    assert.throws(() => insteadOfMmsg('auto', taken, new DnsLog()), taken);
  });
});

describe('a process that takes datagrams by mmsg', function () {
  this.timeout(30_000);

  before(function () {
    requireMmsg(this);
  });

  it('ends at once when it ends without closing anything, by its own will or by a defect', async () => {
    const end = (how: string): Promise<unknown> => promisify(execFile)(process.execPath, [ABRUPT_END, how]);
    await assert.rejects(end('exit'), { code: 3 });
    await assert.rejects(end('throw'), { code: 1, stderr: /a defect/ });
  });
});
