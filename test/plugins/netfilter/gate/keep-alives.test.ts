import assert from 'node:assert/strict';
import { KeepAlives } from '#netfilter/gate/keep-alives.js';
import { viewPacket, type PacketView } from '#netfilter/gate/packet-view.js';
import { aPacket, type PacketParts } from '../../../support/netfilter/a-packet.js';

const ACK = 0x10;
/** Two fillers, and the times of the client and of the machine. */
const TIMES = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9);

describe('keep-alives to a machine that is suspended', () => {
  let keepAlives: KeepAlives;
  const say = (parts: PacketParts, now = 0): Buffer | 'machine' | undefined => {
    const packet = aPacket({ flags: ACK, acknowledged: 5_000, sequence: 99, ...parts });
    return keepAlives.answer(packet, viewPacket(packet) as PacketView, now);
  };
  const answer = (parts: PacketParts, now = 0): Buffer | undefined => {
    const said = say(parts, now);
    assert.notEqual(said, 'machine');
    return said as Buffer | undefined;
  };

  beforeEach(() => {
    keepAlives = new KeepAlives();
  });

  it('are answered with what the client waits for, and that its next byte is waited for', () => {
    for (const [source, destination, header] of [
      ['192.0.2.7', '10.77.0.80', 20],
      ['2001:db8::7', 'fd77::80', 40],
    ] as const) {
      const packet = answer({ source, destination, sequence: 0xffff_ffff, options: TIMES });
      assert.ok(packet);
      assert.deepEqual(viewPacket(packet), {
        ...viewPacket(aPacket({ source: destination, destination: source, sourcePort: 80, port: 40_000, flags: ACK })),
        sequence: 5_000,
      });
      assert.equal(packet.length, header + 32);
      assert.equal(packet.readUInt32BE(header + 8), 0, 'the number behind that of the keep-alive');
      assert.ok(packet.readUInt16BE(header + 14) > 0, 'the client may send');
      assert.deepEqual([...packet.subarray(header + 20)], [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7]);
    }
  });

  it('are answered without times where they have none, and where their options are broken', () => {
    for (const options of [[], [8, 1, 1, 1], [8, 10, 0, 0], [0, 8, 10, 1], [2, 4, 5, 180]]) {
      assert.equal(answer({ options: Uint8Array.from(options) }, 1_000)?.length, 40);
      keepAlives = new KeepAlives();
    }
  });

  it('are answered again and again', () => {
    for (let second = 0; second < 5; second += 1) assert.ok(answer({}, second * 1_000));
  });

  it('with a byte are answered as if that had not come, as it may be one that the machine has no room for', () => {
    const byte = { sequence: 99, payload: Uint8Array.of(0) };
    const packet = answer(byte, 0);
    assert.ok(packet);
    assert.equal(packet.readUInt32BE(28), 99, 'it is not acknowledged');
    assert.equal(say(byte, 1_000), 'machine', 'that was no answer to its client');
    assert.ok(answer(byte, 45_000));
    assert.ok(answer({ sequence: 99 }, 46_000), 'one without');
  });

  it('are told from acknowledgements, whose clients object to an answer', () => {
    assert.ok(answer({ sequence: 100 }, 0), 'it may be one');
    assert.equal(answer({ sequence: 100 }, 1), undefined, 'the objection');
    assert.equal(answer({ sequence: 100 }, 2_000), undefined);
    assert.ok(answer({ sequence: 99 }, 3_000));
    assert.ok(answer({ sequence: 99 }, 4_000));
    assert.ok(answer({ sequence: 100, sourcePort: 40_001 }, 4_000), 'another connection');
  });

  it('are remembered for so many connections alone', () => {
    assert.ok(answer({ sourcePort: 1 }));
    for (let port = 2; port < 4_098; port += 1) assert.ok(answer({ sourcePort: port }));
    assert.ok(answer({ sourcePort: 1 }, 1), 'it is forgotten, and no objection');
    assert.equal(answer({ sourcePort: 4_097 }, 1), undefined);
  });
});
