import assert from 'node:assert/strict';
import { HolderPair } from '#netfilter/netlink/holder-pair.js';
import type { PacketHolder } from '#netfilter/netlink/packet-holder.js';

class Holder implements PacketHolder {
  readonly told: unknown[] = [];
  taken: ((packet: number, bytes: Buffer) => void) | undefined;

  start(taken: (packet: number, bytes: Buffer) => void): void {
    this.taken = taken;
  }

  accept(packets: readonly number[]): void {
    this.told.push(['accept', ...packets]);
  }

  refuse(packets: readonly number[]): void {
    this.told.push(['refuse', ...packets]);
  }

  drop(packets: readonly number[]): void {
    this.told.push(['drop', ...packets]);
  }

  [Symbol.dispose](): void {
    this.told.push('disposed');
  }
}

describe('a pair of holders', () => {
  it('tells each of its own packets alone, though both number them alike', () => {
    const [first, second] = [new Holder(), new Holder()];
    const pair = new HolderPair(first, second);
    const packets: number[] = [];
    pair.start(
      (packet) => packets.push(packet),
      () => assert.fail(),
    );
    for (const packet of [1, 0xffff_ffff]) {
      for (const holder of [first, second]) holder.taken?.(packet, Buffer.alloc(0));
    }
    assert.equal(new Set(packets).size, 4);
    pair.accept(packets);
    pair.refuse(packets.slice(0, 1));
    pair.drop(packets.slice(1, 2));
    pair[Symbol.dispose]();
    assert.deepEqual(first.told, [['accept', 1, 0xffff_ffff], ['refuse', 1], ['drop'], 'disposed']);
    assert.deepEqual(second.told, [['accept', 1, 0xffff_ffff], ['refuse'], ['drop', 1], 'disposed']);
  });
});
