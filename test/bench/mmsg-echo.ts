/**
 * The least that a DNS server with batched calls can do: it sends each query back with the response bit set (RFC 1035,
 * 4.1.1), 64 at a time. It waits in the kernel alone, so that only a signal ends it.
 */
import { BATCH_SIZE, DatagramBatch } from '#core/dns/transport/mmsg/datagram-batch.js';
import { DatagramSocket } from '#core/dns/transport/mmsg/datagram-socket.js';
import { Linux } from '#core/dns/transport/mmsg/linux.js';
import { sendBatch } from '#core/dns/transport/mmsg/send-batch.js';
import { loadSocketCalls } from '#core/dns/transport/mmsg/socket-calls.js';

const ROOM = 1_232;

const calls = await loadSocketCalls();
const [socket] = DatagramSocket.open(calls, { address: '127.0.0.1', port: Number(process.argv[2]) }, 1);
const { descriptor, kind } = socket as DatagramSocket;
const received = new DatagramBatch(calls.addressOf, kind, ROOM);
const replies = new DatagramBatch(calls.addressOf, kind, ROOM);
for (;;) {
  const count = calls.recvmmsg(descriptor, received.headers, BATCH_SIZE, Linux.MSG_WAITFORONE, null);
  for (let index = 0; index < count; index++) {
    const length = received.lengthOf(index);
    const query = received.payloads[index] as Uint8Array;
    const reply = replies.payloads[index] as Uint8Array;
    for (let at = 0; at < length; at++) reply[at] = query[at] as number;
    reply[2] = (reply[2] as number) | 0x80;
    replies.reply(index, length, received, index);
  }
  sendBatch(calls, descriptor, replies, count, 0);
  received.expect(count);
}
