import assert from 'node:assert/strict';
import { attribute, be32, nested } from '#netfilter/netlink/attributes.js';
import { loggedFramesIn, queuedFrame } from '#netfilter/netlink/frame-outlet.js';
import { message, netfilterHeader } from '#netfilter/netlink/netlink-message.js';
import { aPacket } from '../../../support/netfilter/a-packet.js';

const PACKET = 0x400;
const BRIDGE = 7;
const MACS = '020000000080' + '020000000009';
const IPV4 = '0800';

const bytes = (digits: string): Buffer => Buffer.from(digits, 'hex');

/** A packet as the kernel logs one that comes into a bridge. */
function logged(...attributes: readonly Uint8Array[]): Buffer {
  return message(PACKET, 0, 0, netfilterHeader(BRIDGE), ...attributes, attribute(9, aPacket()));
}

const device = attribute(4, be32(3));
const port = attribute(6, be32(5));
const header = attribute(16, bytes(MACS + IPV4));

describe('a frame that came into a bridge', () => {
  it('is read with its header, the bridge and the port', () => {
    const [frame] = [...loggedFramesIn(logged(device, port, header))];
    assert.deepEqual(frame, { packet: aPacket(), header: bytes(MACS + IPV4), bridge: 3, port: 5 });
  });

  it('gets back the tag of its VLAN, which the kernel keeps beside it', () => {
    const vlan = nested(20, attribute(1, bytes('8100')), attribute(2, bytes('000a')));
    const [frame] = [...loggedFramesIn(logged(device, port, header, vlan))];
    assert.equal(frame?.header.toString('hex'), `${MACS}8100000a${IPV4}`);
  });

  it('has no bridge where the kernel tells the port alone', () => {
    const [frame] = [...loggedFramesIn(logged(device, header))];
    assert.deepEqual([frame?.bridge, frame?.port], [0, 3]);
  });

  it('is left out where it has no header, or no device', () => {
    assert.deepEqual([...loggedFramesIn(logged(device))], []);
    assert.deepEqual([...loggedFramesIn(logged(header))], []);
    assert.deepEqual([...loggedFramesIn(logged(device, attribute(16, bytes(MACS))))], []);
  });

  it('is read from a queue as well', () => {
    const attributes = Buffer.concat([
      ...[attribute(5, be32(3)), attribute(7, be32(5)), attribute(20, bytes(MACS + IPV4))],
      nested(19, attribute(1, bytes('8100')), attribute(2, bytes('000a'))),
    ]);
    assert.deepEqual(queuedFrame({ bytes: aPacket(), attributes }), {
      ...{ packet: aPacket(), header: bytes(`${MACS}8100000a${IPV4}`), bridge: 3, port: 5 },
    });
    assert.equal(queuedFrame({ bytes: aPacket(), attributes: attributes.subarray(0, 16) }), undefined);
  });
});
