import assert from 'node:assert/strict';
import { parseSocket } from '#process/socket-diagnosis.js';
import { numbersFrom } from '../../support/numbers-from.js';

const [ESTABLISHED, FIN_WAIT2, TIME_WAIT] = [1, 5, 6];

/** An answer of the kernel about a socket of IPv4 at 127.0.0.80:8080, with struct tcp_info. */
/** Of the peer. */
const PORT = 40_000;

function answer(state: number, { inode = 7, expires = 0, sent = 5_000, received = 3_000 } = {}): Buffer {
  const body = Buffer.alloc(72 + 4 + 104);
  body[0] = 2;
  body[1] = state;
  body.writeUInt16BE(8_080, 4);
  body.writeUInt16BE(PORT, 6);
  body.set([127, 0, 0, 80], 8);
  body.set([192, 0, 2, 7], 24);
  body.writeUInt32LE(expires, 52);
  body.writeUInt32LE(inode, 68);
  body.writeUInt16LE(108, 72);
  body.writeUInt16LE(2, 74);
  body.writeUInt32LE(sent, 76 + 44);
  body.writeUInt32LE(received, 76 + 52);
  return body;
}

describe('the diagnosis of sockets', () => {
  it('tells the peer, and when anything was sent last in either direction', () => {
    assert.deepEqual(parseSocket(answer(ESTABLISHED)), { peer: '192.0.2.7', peerPort: PORT, idle: 3_000 });
    assert.deepEqual(parseSocket(answer(ESTABLISHED, { sent: 20 })), { peer: '192.0.2.7', peerPort: PORT, idle: 20 });
    assert.deepEqual(parseSocket(answer(ESTABLISHED).subarray(0, 72)), { peer: '192.0.2.7', peerPort: PORT });
  });

  it('tells those that wait to be accepted, and not those that the program has let go of', () => {
    assert.deepEqual(parseSocket(answer(ESTABLISHED, { inode: 0 })), {
      peer: '192.0.2.7',
      peerPort: PORT,
      idle: 3_000,
    });
    assert.deepEqual(parseSocket(answer(FIN_WAIT2)), { peer: '192.0.2.7', peerPort: PORT, idle: 3_000 });
    assert.equal(parseSocket(answer(FIN_WAIT2, { inode: 0 })), undefined);
  });

  it('tells how long ago one was closed', () => {
    assert.deepEqual(parseSocket(answer(TIME_WAIT, { expires: 59_000 })), {
      peer: '192.0.2.7',
      peerPort: PORT,
      closed: 1_000,
    });
    assert.deepEqual(parseSocket(answer(TIME_WAIT, { expires: 61_000 })), {
      peer: '192.0.2.7',
      peerPort: PORT,
      closed: 0,
    });
  });

  it('reads IPv6, and IPv4 in IPv6', () => {
    const six = answer(ESTABLISHED);
    six[0] = 10;
    six.fill(0, 24, 40);
    six[39] = 1;
    assert.equal(parseSocket(six)?.peer, '::1');
    six.set([0xff, 0xff, 192, 0, 2, 8], 34);
    assert.equal(parseSocket(six)?.peer, '192.0.2.8');
  });

  it('reads nothing beyond what came, whatever the lengths say', () => {
    const random = numbersFrom(18);
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = answer(ESTABLISHED);
      for (let changes = 0; changes < 3; changes += 1) bytes[random(bytes.length)] = random(256);
      parseSocket(bytes.subarray(0, random(bytes.length + 1)));
    }
  });
});
