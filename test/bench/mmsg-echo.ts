/**
 * The least that a DNS server on batched system calls can do: takes up to 64 datagrams by one recvmmsg(2), sets the
 * response bit of each (RFC 1035, 4.1.1), and sends them back by one sendmmsg(2). The calls block the whole process.
 */
import koffi from 'koffi';

const BATCH = 64;
const ROOM = 4_096;
/** As on 64-bit Linux: the sizes of sockaddr_in, iovec and mmsghdr, and where their parts lie. */
const ADDRESS_SIZE = 16;
const VECTOR_SIZE = 16;
const HEADER_SIZE = 64;
const RECEIVED_AT = 56;
const [AF_INET, SOCK_DGRAM, MSG_WAITFORONE] = [2, 2, 0x1_0000];

const libc = koffi.load('libc.so.6');
const openSocket = libc.func('int socket(int domain, int type, int protocol)') as (...words: number[]) => number;
const bindSocket = libc.func('int bind(int socket, const void *address, uint length)') as Call;
const receiveMany = libc.func('int recvmmsg(int socket, void *headers, uint count, int flags, void *timeout)') as Call;
const sendMany = libc.func('int sendmmsg(int socket, void *headers, uint count, int flags)') as Call;
type Call = (socket: number, memory: Buffer, ...more: (number | null)[]) => number;

const messages = Buffer.alloc(BATCH * ROOM);
const addresses = Buffer.alloc(BATCH * ADDRESS_SIZE);
const vectors = Buffer.alloc(BATCH * VECTOR_SIZE);
const headers = Buffer.alloc(BATCH * HEADER_SIZE);
const addressOf = (buffer: Buffer, offset: number): bigint => koffi.address(buffer) + BigInt(offset);

for (let n = 0; n < BATCH; n += 1) {
  vectors.writeBigUInt64LE(addressOf(messages, n * ROOM), n * VECTOR_SIZE);
  headers.writeBigUInt64LE(addressOf(addresses, n * ADDRESS_SIZE), n * HEADER_SIZE);
  headers.writeBigUInt64LE(addressOf(vectors, n * VECTOR_SIZE), n * HEADER_SIZE + 16);
  headers.writeBigUInt64LE(1n, n * HEADER_SIZE + 24);
  makeRoom(n);
}

function makeRoom(n: number): void {
  vectors.writeBigUInt64LE(BigInt(ROOM), n * VECTOR_SIZE + 8);
  headers.writeUInt32LE(ADDRESS_SIZE, n * HEADER_SIZE + 8);
}

const socket = openSocket(AF_INET, SOCK_DGRAM, 0);
const address = Buffer.alloc(ADDRESS_SIZE);
address.writeUInt16LE(AF_INET, 0);
address.writeUInt16BE(Number(process.argv[2]), 2);
address.writeUInt32BE(0x7f_00_00_01, 4);
if (socket < 0 || bindSocket(socket, address, ADDRESS_SIZE) !== 0) throw new Error('The port cannot be taken.');

for (;;) {
  const count = receiveMany(socket, headers, BATCH, MSG_WAITFORONE, null);
  for (let n = 0; n < count; n += 1) {
    messages.writeUInt8(messages.readUInt8(n * ROOM + 2) | 0x80, n * ROOM + 2);
    vectors.writeUInt32LE(headers.readUInt32LE(n * HEADER_SIZE + RECEIVED_AT), n * VECTOR_SIZE + 8);
  }
  if (count > 0) sendMany(socket, headers, count, 0);
  for (let n = 0; n < count; n += 1) makeRoom(n);
}
