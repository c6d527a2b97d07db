import assert from 'node:assert/strict';
import { ProcNetTcp } from '#process/proc-net-tcp.js';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const REST = '00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 20 4 30 10 -1';

const FOUR = [
  `   0: 5000007F:1F90 00000000:0000 0A ${REST}`,
  `   1: 5000007F:1F90 070200C0:C001 01 ${REST}`,
  `   2: 5000007F:1F90 0100007F:C002 06 ${REST}`,
  `   3: 5000007F:1F91 0100007F:C003 01 ${REST}`,
  `   4: 5100007F:1F90 0100007F:C004 01 ${REST}`,
  `  10: 5000007F:1F90 0100007F:C005 08 ${REST}`,
].join('\n');

const SIX = [
  `   0: 0000000000000000FFFF00005000007F:1F90 0000000000000000FFFF0000080200C0:C001 01 ${REST}`,
  `   1: B80D0120000000000000000001000000:1F90 B80D0120000000000000000002000000:C001 01 ${REST}`,
].join('\n');

const table = (four: string, six: string): ProcNetTcp => new ProcNetTcp((name) => HEAD + (name === 'tcp' ? four : six));

describe('/proc/net/tcp', () => {
  it('tells the open connections at an address and port, also of a listener for both families', () => {
    const peers = (address: string): readonly string[] =>
      table(FOUR, SIX)
        .connectionsTo([address], 8_080)
        .map(({ peer }) => peer);
    assert.deepEqual(peers('127.0.0.80'), ['192.0.2.7', '127.0.0.1', '192.0.2.8']);
    assert.deepEqual(peers('2001:db8::1'), ['2001:db8::2']);
    assert.deepEqual(peers('127.0.0.82'), []);
  });

  it('is read as far as its lines make sense', () => {
    assert.deepEqual(table('garbage\n\n   1: 5000007F:1F90', '  0: xyz').connectionsTo(['127.0.0.80'], 8_080), []);
  });
});
