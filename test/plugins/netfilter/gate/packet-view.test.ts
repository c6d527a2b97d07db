import assert from 'node:assert/strict';
import { viewPacket } from '#netfilter/gate/packet-view.js';
import { aPacket } from '../../../support/netfilter/a-packet.js';

describe('the view of a packet', () => {
  it('tells what opens a TCP connection over IPv4', () => {
    assert.deepEqual(viewPacket(aPacket({ sequence: 0xffff_fffe })), {
      protocol: 'tcp',
      source: 'c0000207',
      destination: '0a4d0050',
      sourcePort: 40_000,
      port: 80,
      isOpening: true,
      isBare: false,
      sequence: 0xffff_fffe,
    });
    assert.equal(viewPacket(aPacket({ flags: 0x12 }))?.isOpening, false);
    assert.equal(viewPacket(aPacket({ flags: 0x10 }))?.isOpening, false);
  });

  it('tells what says nothing to a service, over IPv4 and IPv6', () => {
    const [ACK, PSH, FIN, RST, URG] = [0x10, 0x08, 0x01, 0x04, 0x20];
    const v6 = { source: '2001:db8::7', destination: 'fd77::80' };
    const options = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9);
    for (const version of [{}, v6]) {
      const isBare = (parts: object): unknown => viewPacket(aPacket({ ...version, ...parts }))?.isBare;
      assert.equal(isBare({ flags: ACK }), true);
      assert.equal(isBare({ flags: ACK, options }), true);
      assert.equal(isBare({ flags: ACK, options, payload: Buffer.from([0]) }), true, 'as some systems keep alive');
      assert.equal(isBare({ flags: ACK, options, payload: Buffer.from('hi') }), false);
      assert.equal(isBare({ flags: ACK | PSH, payload: Buffer.from('q') }), false, 'a key that somebody has pressed');
      for (const flag of [FIN, RST, URG]) assert.equal(isBare({ flags: ACK | flag }), false);
      assert.equal(isBare({ flags: 0x02 }), false);
      assert.equal(isBare({ protocol: 'udp' }), false);
      const long = aPacket({ ...version, flags: ACK });
      long.writeUInt16BE(0, version === v6 ? 4 : 2);
      assert.equal(viewPacket(long)?.isBare, false, 'one that is too long to say so');
    }
  });

  it('reads datagrams over IPv6', () => {
    const view = viewPacket(aPacket({ source: '2001:db8::7', destination: 'fd77::80', protocol: 'udp', port: 53 }));
    assert.equal(view?.protocol, 'udp');
    assert.equal(view?.source, '20010db8000000000000000000000007');
    assert.equal(view?.destination, 'fd770000000000000000000000000080');
    assert.equal(view?.port, 53);
  });

  it('reads the ports behind options of IPv4', () => {
    const plain = aPacket();
    const packet = Buffer.concat([plain.subarray(0, 20), Buffer.alloc(8), plain.subarray(20)]);
    packet[0] = 0x47;
    assert.equal(viewPacket(packet)?.port, 80);
  });

  it('sees nothing in fragments behind the first, other protocols and headers, and in what is cut off', () => {
    const changed = (offset: number, value: number): Buffer => {
      const packet = aPacket();
      packet[offset] = value;
      return packet;
    };
    assert.equal(viewPacket(changed(7, 1)), undefined);
    assert.equal(viewPacket(changed(9, 1)), undefined);
    assert.equal(viewPacket(changed(0, 0x44)), undefined);
    assert.equal(viewPacket(changed(0, 0x4f)), undefined);
    assert.equal(viewPacket(changed(0, 0x75)), undefined);
    const behindHeader = aPacket({ source: 'fd77::1', destination: 'fd77::80' });
    behindHeader[6] = 0;
    assert.equal(viewPacket(behindHeader), undefined);
    for (const packet of [aPacket(), aPacket({ source: 'fd77::1', destination: 'fd77::80' })]) {
      for (let length = 0; length < packet.length - 6; length += 1) {
        assert.equal(viewPacket(packet.subarray(0, length)), undefined, `${length} bytes`);
      }
    }
  });
});
