import assert from 'node:assert/strict';
import { endpointKey } from '#netfilter/netlink/endpoint.js';
import { messagesIn } from '#netfilter/netlink/netlink-message.js';
import type { Failure, NetlinkSocket } from '#netfilter/netlink/netlink-socket.js';
import { Family, NftMessage, NftTable } from '#netfilter/netlink/nft-messages.js';
import { SetMembers, Sets, type Edit } from '#netfilter/netlink/set-members.js';

/** Takes transactions in place of a kernel, and knows what is in each set. */
class RecordingSocket {
  readonly sizes: number[] = [];
  readonly members = new Map<string, Set<string>>();
  /** The transactions that are still carried out before one fails. */
  left = Infinity;
  #sequence = 0;

  constructor(readonly mostSent = 8 * 1_024 * 1_024) {}

  next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  exchange(_doing: string, datagram: Uint8Array, sequence: number): Failure | undefined {
    assert.ok(datagram.length <= this.mostSent, `${datagram.length} bytes`);
    this.left -= 1;
    if (this.left < 0) {
      this.left = Infinity;
      return { sequence, code: 'ENOSPC', reason: '' };
    }
    this.sizes.push(datagram.length);
    for (const { type, body } of messagesIn(Buffer.from(datagram))) {
      if (type === NftMessage.NEW_ELEMENT || type === NftMessage.DELETE_ELEMENT) this.#take(type, body);
    }
    return undefined;
  }

  /** The keys of a set, by the port of each. */
  portsIn(set: string): number[] {
    const keys = [...(this.members.get(set) ?? [])];
    return keys.map((key) => Buffer.from(key, 'latin1').readUInt16BE(key.length - 4)).sort((one, other) => one - other);
  }

  #take(type: number, body: Buffer): void {
    // Behind the header: the name of the table, the name of the set, the elements.
    const tableLength = body.readUInt16LE(4);
    const setAt = 4 + ((tableLength + 3) & ~3);
    const setLength = body.readUInt16LE(setAt);
    const set = body.toString('latin1', setAt + 4, setAt + setLength - 1);
    const members = this.members.get(set) ?? new Set();
    this.members.set(set, members);
    const listAt = setAt + ((setLength + 3) & ~3);
    for (let at = listAt + 4; at < listAt + body.readUInt16LE(listAt);) {
      const length = body.readUInt16LE(at);
      const key = body.toString('latin1', at + 12, at + 8 + body.readUInt16LE(at + 8));
      if (type === NftMessage.NEW_ELEMENT) members.add(key);
      else assert.ok(members.delete(key), 'the kernel refuses to take out what is not there');
      at += length;
    }
  }
}

const keyOf = (port: number, address = '0a4d0050'): string => endpointKey({ address, protocol: 'tcp', port });
const put = (port: number, members: number, about = Sets.STOPPED | Sets.ENDED): Edit => ({
  ...{ key: keyOf(port), about, members },
});

describe('the members of sets', () => {
  let socket: RecordingSocket;
  let members: SetMembers;

  const begin = (mostSent?: number): void => {
    socket = new RecordingSocket(mostSent);
    members = new SetMembers(socket as unknown as NetlinkSocket, new NftTable(Family.INET, 'jitsu_1'));
  };
  beforeEach(() => begin());

  it('are added and taken out as it is told, and what is so already costs nothing', () => {
    members.edit([put(80, Sets.STOPPED | Sets.ENDED), put(81, Sets.STOPPED)]);
    members.edit([put(80, Sets.STOPPED), put(81, Sets.STOPPED)]);
    assert.deepEqual([socket.portsIn('stopped4'), socket.portsIn('ended4')], [[80, 81], []]);
    const count = socket.sizes.length;
    members.edit([put(80, Sets.STOPPED), put(82, 0)]);
    assert.equal(socket.sizes.length, count);
    members.edit([put(80, 0), put(81, 0)]);
    assert.deepEqual(socket.portsIn('stopped4'), []);
  });

  it('go into the sets of their version of IP, with a MAC before them as well', () => {
    const ipv6 = keyOf(80, 'fd770000000000000000000000000080');
    const mac = '\x02\0\0\0\0\x80\0\0';
    for (const key of [keyOf(80), ipv6, mac + keyOf(81), mac + ipv6]) {
      members.edit([{ key, about: Sets.STOPPED, members: Sets.STOPPED }]);
    }
    members.edit([{ key: '\x0aM\0P', about: Sets.OUTGOING, members: Sets.OUTGOING }]);
    members.edit([{ key: '\0\0\x03\xe8', about: Sets.USERS, members: Sets.USERS }]);
    const counts = [...socket.members].map(([set, keys]) => [set, keys.size]);
    assert.deepEqual(Object.fromEntries(counts), { stopped4: 2, stopped6: 2, outgoing4: 1, users: 1 });
  });

  it('are as the last of several edits of one key says', () => {
    members.edit([put(80, Sets.STOPPED), put(80, Sets.ENDED), put(80, Sets.STOPPED | Sets.ENDED), put(81, 0)]);
    assert.deepEqual([socket.portsIn('stopped4'), socket.portsIn('ended4')], [[80], [80]]);
    members.edit([put(80, 0), put(80, Sets.ENDED), put(81, Sets.ENDED), put(81, 0)]);
    assert.deepEqual([socket.portsIn('stopped4'), socket.portsIn('ended4')], [[], [80]]);
  });

  it('are undone by what an edit returns', () => {
    members.edit([put(80, Sets.STOPPED)]);
    const undoing = members.edit([put(80, Sets.ENDED), put(81, Sets.STOPPED)]);
    members.edit(undoing.reverse());
    assert.deepEqual([socket.portsIn('stopped4'), socket.portsIn('ended4')], [[80], []]);
  });

  for (const carriedOut of [0, 1, 2]) {
    it(`are as before where the kernel refuses after ${carriedOut} transactions, and can be changed then`, () => {
      begin(8_192);
      const all = Array.from({ length: 400 }, (_, index) => put(1_000 + index, Sets.STOPPED | Sets.ENDED));
      members.edit([put(1_000, Sets.STOPPED), put(1_399, Sets.ENDED)]);
      socket.left = carriedOut;
      assert.throws(() => members.edit([...all, put(1_000, 0)]), { code: 'ENOSPC' });
      assert.deepEqual([socket.portsIn('stopped4'), socket.portsIn('ended4')], [[1_000], [1_399]]);
      members.edit(all);
      assert.deepEqual([socket.portsIn('stopped4').length, socket.portsIn('ended4').length], [400, 400]);
    });
  }

  it('take as many bytes and transactions as there are keys, and one of very many takes one', () => {
    const costs = [1_000, 10_000, 60_000].map((count) => {
      begin();
      members.edit(Array.from({ length: count }, (_, index) => put(index + 1, Sets.STOPPED | Sets.ENDED)));
      const bytes = socket.sizes.reduce((sum, size) => sum + size, 0);
      const { length } = socket.sizes;
      members.edit([put(500, 0)]);
      return { each: Math.round(bytes / count), transactions: length, one: socket.sizes.at(-1) };
    });
    assert.deepEqual(
      costs.map(({ each, transactions }) => [each, transactions]),
      [
        [48, 1],
        [48, 1],
        [48, 3],
      ],
    );
    assert.ok(costs.every(({ one = 0 }) => one < 300));
  });
});
