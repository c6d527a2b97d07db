import assert from 'node:assert/strict';
import { folded, sum } from '#netfilter/netlink/checksum.js';
import { answerOfClosedPort } from '#netfilter/netlink/closed-port.js';
import { repairChecksum } from '#netfilter/netlink/repair-checksum.js';
import { aPacket, type PacketParts } from '../../../support/netfilter/a-packet.js';

const ADDRESSES = {
  IPv4: { source: '192.0.2.7', destination: '10.77.0.80' },
  IPv6: { source: '2001:db8::7', destination: 'fd77::80' },
} as const;

const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

describe('the answer of a closed port', () => {
  for (const version of ['IPv4', 'IPv6'] as const) {
    const [start, sourceAt, destinationAt, length] = version === 'IPv4' ? [20, 12, 16, 4] : [40, 8, 24, 16];
    const packet = (parts: PacketParts): Buffer => aPacket({ ...ADDRESSES[version], ...parts });
    const answerTo = (asked: Buffer): Buffer => {
      const answer = answerOfClosedPort(asked);
      assert.ok(answer);
      assert.equal(answer.toString('hex', sourceAt, sourceAt + length), asked.toString('hex', destinationAt, start));
      assert.equal(answer.toString('hex', destinationAt, start), asked.toString('hex', sourceAt, sourceAt + length));
      if (version === 'IPv4') {
        assert.equal(folded(sum(answer.subarray(0, start))), 0);
        assert.equal(answer.readUInt16BE(2), answer.length);
      } else {
        assert.equal(answer.readUInt16BE(4), answer.length - start);
      }
      return answer;
    };

    describe(`over ${version}`, () => {
      it('is a reset that acknowledges what opens a connection', () => {
        const answer = answerTo(packet({ sequence: 0xffff_ffff, flags: SYN, sourcePort: 40_000, port: 80 }));
        assert.deepEqual([answer.readUInt16BE(start), answer.readUInt16BE(start + 2)], [80, 40_000]);
        assert.deepEqual([answer.readUInt32BE(start + 4), answer.readUInt32BE(start + 8)], [0, 0]);
        assert.equal(answer[start + 13], RST | ACK);
        const again = Buffer.from(answer);
        repairChecksum(again);
        assert.deepEqual(answer, again);
      });

      it('is a reset at what a segment of an open connection acknowledges', () => {
        const segment = packet({ flags: ACK });
        segment.writeUInt32BE(4_711, start + 8);
        const answer = answerTo(segment);
        assert.deepEqual([answer.readUInt32BE(start + 4), answer[start + 13]], [4_711, RST]);
      });

      it('is none to a reset', () => {
        assert.equal(answerOfClosedPort(packet({ flags: RST })), undefined);
        assert.equal(answerOfClosedPort(packet({ flags: RST | ACK })), undefined);
      });

      it('is "port unreachable" with the datagram', () => {
        const asked = packet({ protocol: 'udp', port: 53 });
        const answer = answerTo(asked);
        assert.equal(answer.toString('hex', start, start + 2), version === 'IPv4' ? '0303' : '0104');
        assert.deepEqual(answer.subarray(start + 8), asked);
        const body = answer.subarray(start);
        const before = version === 'IPv4' ? 0 : sum(answer.subarray(8, start), 58 + body.length);
        assert.equal(folded(sum(body, before)), 0);
      });

      it('quotes no more of a datagram than fits', () => {
        const asked = Buffer.concat([packet({ protocol: 'udp' }), Buffer.alloc(2_000)]);
        asked.writeUInt16BE(version === 'IPv4' ? asked.length : asked.length - start, version === 'IPv4' ? 2 : 4);
        assert.equal(answerTo(asked).length, version === 'IPv4' ? 576 : 1_280);
      });

      it('is none to what is cut off or is longer than it says, at whatever byte', () => {
        for (const protocol of ['tcp', 'udp'] as const) {
          const whole = packet({ protocol });
          for (let end = 0; end < whole.length; end += 1) {
            assert.equal(answerOfClosedPort(whole.subarray(0, end)), undefined, `${protocol}, ${end} bytes`);
          }
        }
      });
    });
  }

  it('is none to what is neither TCP nor UDP, and none to a fragment behind the first', () => {
    const icmp = aPacket();
    icmp[9] = 1;
    assert.equal(answerOfClosedPort(icmp), undefined);
    const fragment = aPacket({ protocol: 'udp' });
    fragment.writeUInt16BE(10, 6);
    assert.equal(answerOfClosedPort(fragment), undefined);
  });
});
