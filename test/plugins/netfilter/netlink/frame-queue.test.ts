import assert from 'node:assert/strict';
import { attribute, be32 } from '#netfilter/netlink/attributes.js';
import type { BridgedFrame } from '#netfilter/netlink/frame-outlet.js';
import { FrameQueue } from '#netfilter/netlink/frame-queue.js';
import { aPacket } from '../../../support/netfilter/a-packet.js';

describe('a queue of frames', () => {
  it('says of each what becomes of it, and answers those that are refused as they came', () => {
    const told: unknown[] = [];
    let take: ((packet: number, bytes: Buffer, attributes: Buffer) => void) | undefined;
    const queue = new FrameQueue(
      {
        start: (taken) => void (take = taken),
        accept: (packets) => void told.push(['accept', ...packets]),
        drop: (packets) => void told.push(['drop', ...packets]),
        [Symbol.dispose]: () => void told.push('queue ends'),
      },
      {
        keep: (frame: BridgedFrame) => ({ ...frame, packet: Buffer.from(frame.packet) }),
        refuse: ({ packet, bridge, port }: BridgedFrame) => void told.push(['answer', packet, bridge, port]),
        [Symbol.dispose]: () => void told.push('outlet ends'),
      },
    );
    const taken: number[] = [];
    queue.start(
      (packet) => taken.push(packet),
      () => assert.fail(),
    );
    const packet = aPacket();
    const attributes = Buffer.concat([
      ...[attribute(5, be32(3)), attribute(7, be32(4)), attribute(20, Buffer.alloc(14))],
    ]);
    for (const number of [1, 2, 3]) take?.(number, packet, attributes);
    // Without a device and a header nobody could be answered.
    take?.(4, packet, Buffer.alloc(0));
    assert.deepEqual(taken, [1, 2, 3, 4]);
    // The memory is used again.
    packet.fill(0);
    queue.accept([1]);
    queue.drop([2]);
    queue.refuse([1, 2, 3, 4]);
    queue.refuse([3]);
    queue[Symbol.dispose]();
    assert.deepEqual(told, [
      ...[
        ['accept', 1],
        ['drop', 2],
        ['answer', aPacket(), 3, 4],
        ['drop', 1, 2, 3, 4],
        ['drop', 3],
      ],
      ...['queue ends', 'outlet ends'],
    ]);
  });
});
