import assert from 'node:assert/strict';
import { listenError } from '#core/dns/transport/listen-error.js';

const failure = (code: string) => Object.assign(new Error(`bind ${code}`), { code });

describe('a failure to listen', () => {
  it('is explained: what, where, and what to do', () => {
    const expected: [string, RegExp][] = [
      ['EACCES', /UDP 192\.0\.2\.1:53: .*root.*setcap.*-l 10053/],
      ['EADDRINUSE', /port 53.*ss -lunp.*-l PORT/],
      ['EADDRNOTAVAIL', /no address 192\.0\.2\.1.*ip addr/],
      ['EAFNOSUPPORT', /IPv4/],
      ['EMFILE', /bind EMFILE/],
    ];
    for (const [code, pattern] of expected) {
      const cause = failure(code);
      const error = listenError('UDP', { address: '192.0.2.1', port: 53 }, cause);
      assert.equal(error.code, 'JITSU_LISTEN_FAILED');
      assert.match(error.message, pattern);
      assert.equal(error.cause, cause);
    }
  });

  it('speaks of the transport and of the family that it was about', () => {
    const textOf = (transport: 'UDP' | 'TCP', address: string, code: string): string =>
      listenError(transport, { address, port: 53 }, failure(code)).message;
    assert.match(textOf('TCP', '192.0.2.1', 'EADDRINUSE'), /TCP 192\.0\.2\.1:53.*ss -ltnp 'sport = :53'/);
    assert.match(textOf('UDP', '2001:db8::1', 'EAFNOSUPPORT'), /\[2001:db8::1\]:53.*does not do IPv6/);
    assert.match(textOf('UDP', '192.0.2.1', 'EPERM'), /belong to root/);
  });
});
