import assert from 'node:assert/strict';
import { DatagramSocket } from '#core/dns/transport/mmsg/datagram-socket.js';
import type { SocketCalls } from '#core/net/socket-calls.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Calls of Linux that write down how they are called, and fail where they are told to. */
class FakeCalls {
  readonly made: string[] = [];
  /** The calls that fail, as they are written down, up to their first letters. */
  failing: readonly string[] = [];
  private descriptors = 2;

  socket = (family: number, type: number, protocol: number): number =>
    this.make(`socket ${family} ${type.toString(8)} ${protocol}`) < 0 ? -1 : ++this.descriptors;
  setsockopt = (descriptor: number, level: number, name: number, value: Uint8Array, length: number): number =>
    this.make(`setsockopt ${descriptor} ${level} ${name} ${hex(value)} ${length}`);
  bind = (descriptor: number, address: Uint8Array, length: number): number =>
    this.make(`bind ${descriptor} ${hex(address)} ${length}`);
  getsockname = (descriptor: number, address: Buffer, length: Buffer): number => {
    address.writeUInt16BE(5_353, 2);
    return this.make(`getsockname ${descriptor} ${address.length} ${hex(length)}`);
  };
  shutdown = (descriptor: number, how: number): number => this.make(`shutdown ${descriptor} ${how}`);
  close = (descriptor: number): number => this.make(`close ${descriptor}`);
  errorCode = (): string => 'EACCES';
  if_nametoindex = (): number => 7;

  open(address: string, count: number): DatagramSocket[] {
    return DatagramSocket.open(this as unknown as SocketCalls, { address, port: 53 }, count);
  }

  private make(call: string): number {
    this.made.push(call);
    return this.failing.some((failing) => call.startsWith(failing)) ? -1 : 0;
  }
}

/** A receive buffer of 4 MiB, by force, and a second's patience in sending. */
const buffers = (descriptor: number): string[] => [
  `setsockopt ${descriptor} 1 33 00004000 4`,
  `setsockopt ${descriptor} 1 21 01000000000000000000000000000000 16`,
];
const bound = (descriptor: number, address: string): string[] => [
  `bind ${descriptor} ${address} ${address.length / 2}`,
  `getsockname ${descriptor} 128 80000000`,
];
const [IPV4, IPV6] = ['socket 2 2000002 0', 'socket 10 2000002 0'];
const ANY_IPV4 = '0200003500000000' + '00'.repeat(8);
const ANY_IPV6 = '0a000035' + '00'.repeat(24);
const LOOPBACK = '020000357f000001' + '00'.repeat(8);
const LOOPBACK_IPV6 = '0a00003500000000' + '00'.repeat(15) + '01' + '00000000';

describe('a socket for batches of datagrams', () => {
  let calls: FakeCalls;

  beforeEach(() => (calls = new FakeCalls()));

  it('of all IPv4 addresses is told where each datagram was sent to', () => {
    const [socket, ...others] = calls.open('0.0.0.0', 1);
    assert.deepEqual(calls.made, [IPV4, 'setsockopt 3 0 8 01000000 4', ...buffers(3), ...bound(3, ANY_IPV4)]);
    assert.deepEqual([socket?.descriptor, socket?.port, others], [3, 5_353, []]);
    assert.deepEqual(socket?.kind, { family: 4, tellsDestination: true });
  });

  it('of all IPv6 addresses takes nothing over IPv4', () => {
    const [socket] = calls.open('::', 1);
    const options = ['setsockopt 3 41 26 01000000 4', 'setsockopt 3 41 49 01000000 4'];
    assert.deepEqual(calls.made, [IPV6, ...options, ...buffers(3), ...bound(3, ANY_IPV6)]);
    assert.deepEqual(socket?.kind, { family: 6, tellsDestination: true });
  });

  it('of one address knows where its datagrams were sent to', () => {
    const [socket] = calls.open('127.0.0.1', 1);
    assert.deepEqual(calls.made, [IPV4, ...buffers(3), ...bound(3, LOOPBACK)]);
    assert.deepEqual(socket?.kind, { family: 4, tellsDestination: false });
    calls.made.length = 0;
    const [other] = calls.open('::1', 1);
    assert.deepEqual(calls.made, [
      ...[IPV6, 'setsockopt 4 41 26 01000000 4'],
      ...[...buffers(4), ...bound(4, LOOPBACK_IPV6)],
    ]);
    assert.deepEqual(other?.kind, { family: 6, tellsDestination: false });
    // Of an address, any byte counts.
    for (const address of ['100::', '0.0.0.1', '1.0.0.0']) {
      assert.equal(calls.open(address, 1)[0]?.kind.tellsDestination, false);
    }
  });

  it('shares its port with others of its own, but is bound first without sharing', () => {
    const sockets = calls.open('127.0.0.1', 3);
    const shared = LOOPBACK.replace('0035', '14e9');
    assert.deepEqual(calls.made, [
      ...[IPV4, ...buffers(3), ...bound(3, LOOPBACK), 'setsockopt 3 1 15 01000000 4'],
      ...[IPV4, 'setsockopt 4 1 15 01000000 4', ...buffers(4), ...bound(4, shared)],
      ...[IPV4, 'setsockopt 5 1 15 01000000 4', ...buffers(5), ...bound(5, shared)],
    ]);
    assert.deepEqual(
      sockets.map(({ descriptor }) => descriptor),
      [3, 4, 5],
    );
  });

  it('has as large a buffer as it may where it may not force one', () => {
    calls.failing = ['setsockopt 3 1 33'];
    calls.open('127.0.0.1', 1);
    const [forced, timeout] = buffers(3) as [string, string];
    const granted = 'setsockopt 3 1 8 00004000 4';
    assert.deepEqual(calls.made, [IPV4, forced, granted, timeout, ...bound(3, LOOPBACK)]);
  });

  for (const [call, failing] of [
    ['setsockopt', 'setsockopt 3 0 8'],
    ['setsockopt', 'setsockopt 3 1 21'],
    ['bind', 'bind 3'],
    ['getsockname', 'getsockname 3'],
  ] as const) {
    it(`is closed again where ${failing} fails`, () => {
      calls.failing = [failing];
      assert.throws(() => calls.open('0.0.0.0', 1), {
        code: 'JITSU_LISTEN_FAILED',
        message: /UDP 0\.0\.0\.0:53/,
        cause: Object.assign(new Error(`${call} EACCES`), { code: 'EACCES' }),
      });
      assert.equal(calls.made.at(-2)?.startsWith(failing), true);
      assert.equal(calls.made.at(-1), 'close 3');
    });
  }

  it('that cannot be made leaves nothing to close', () => {
    calls.failing = ['socket'];
    const cause = Object.assign(new Error('socket EACCES'), { code: 'EACCES' });
    assert.throws(() => calls.open('0.0.0.0', 1), { code: 'JITSU_LISTEN_FAILED', cause });
    assert.deepEqual(calls.made, [IPV4]);
  });

  it('takes those that share its port with it where one of them cannot be bound', () => {
    calls.failing = ['bind 5'];
    assert.throws(() => calls.open('127.0.0.1', 3), { code: 'JITSU_LISTEN_FAILED' });
    assert.deepEqual(
      calls.made.filter((call) => call.startsWith('close')),
      ['close 5', 'close 3', 'close 4'],
    );
  });

  it('ends its receiving by a shutdown of that half, and is closed by its descriptor', () => {
    const [socket] = calls.open('127.0.0.1', 1);
    calls.made.length = 0;
    socket?.endReceiving();
    socket?.close();
    assert.deepEqual(calls.made, ['shutdown 3 0', 'close 3']);
  });
});
