import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { NetlinkSocket } from '#core/plugin-kit/netlink-socket.js';

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_DUMP = 0x300;
/** More than the kernel tells in one datagram. */
const CONNECTIONS = 400;

describe('a netlink socket', () => {
  const closers: (() => void)[] = [];

  afterEach(() => closers.splice(0).forEach((close) => close()));

  it('asks anew after an answer that could not be taken, though that was long', async () => {
    const server = createServer((socket) => void closers.push(() => socket.destroy()));
    closers.push(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const clients: Socket[] = Array.from({ length: CONNECTIONS }, () => connect(port, '127.0.0.1'));
    for (const client of clients) closers.push(() => client.destroy());
    await Promise.all(clients.map((client) => once(client, 'connect')));

    using netlink = await NetlinkSocket.open(NETLINK_SOCK_DIAG);
    const all = Buffer.alloc(56);
    all.set([2, 6]);
    all.writeUInt32LE(1 << 1, 4);
    for (let round = 0; round < 3; round += 1) {
      const refuse = (): void => {
        throw new RangeError('not this one');
      };
      assert.throws(() => netlink.request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, all, refuse), RangeError);
      let count = 0;
      netlink.request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, all, () => (count += 1));
      assert.ok(count >= 2 * CONNECTIONS, `${count} sockets`);
    }
  });

  it('tells what the system refuses by its code', async () => {
    using netlink = await NetlinkSocket.open(NETLINK_SOCK_DIAG);
    assert.throws(() => netlink.request(0x7fff, 0, Buffer.alloc(4)), { code: 'EINVAL' });
  });
});
