import { endianness } from 'node:os';
import koffi from 'koffi';
import { udpSockets } from '#core/dns/forwarder/mmsg-socket.js';
import { chooseUdpTransport } from '#core/dns/transport/listeners.js';
import { DnsLog } from './dns-log.js';

/** The numbers of system calls on x86-64 and arm64. */
const NUMBERS: Readonly<Record<string, readonly [x64: number, arm64: number]>> = {
  recvmmsg: [299, 243],
  sendmmsg: [307, 269],
};

// linux/filter.h, linux/seccomp.h and linux/prctl.h
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0001;
const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;

/** Has the kernel refuse these system calls to this thread, and to all that it starts, by EPERM. */
function refuse(numbers: readonly number[]): void {
  const instructions = [
    [LOAD_WORD, 0, 0, 0],
    ...numbers.flatMap((number) => [
      [JUMP_IF_EQUAL, 0, 1, number],
      [RETURN, 0, 0, EPERM],
    ]),
    [RETURN, 0, 0, ALLOW],
  ] as const;
  const code = Buffer.from(new ArrayBuffer(instructions.length * 8));
  for (const [index, [operation = 0, yes = 0, no = 0, value = 0]] of instructions.entries()) {
    code.writeUInt16LE(operation, index * 8);
    code.writeUInt8(yes, index * 8 + 2);
    code.writeUInt8(no, index * 8 + 3);
    code.writeUInt32LE(value, index * 8 + 4);
  }
  const program = Buffer.from(new ArrayBuffer(16));
  program.writeUInt16LE(instructions.length, 0);
  program.writeBigUInt64LE(koffi.address(code) as bigint, 8);
  const prctl = koffi.load(null).func('int prctl(int, ulong, void *, ulong, ulong)');
  const call = (option: number, argument: number, pointer: Buffer | null): void => {
    if (prctl(option, argument, pointer, 0, 0) !== 0) throw new Error(`prctl ${option}: ${koffi.errno()}`);
  };
  call(PR_SET_NO_NEW_PRIVS, 1, null);
  call(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program);
}

// A process of its own: nothing takes a filter away again.
if (endianness() !== 'LE') throw new Error('the filter is written for little-endian processors');
const numbers = process.argv.slice(2).map((name) => NUMBERS[name]?.[process.arch === 'arm64' ? 1 : 0] ?? NaN);
if (numbers.length > 0) refuse(numbers);
const log = new DnsLog();
const server = (await chooseUdpTransport('auto', log)).name;
const forwarder = (await udpSockets('auto')).constructor.name;
const reasons = log.entries.map(({ fields }) => (fields as { reason?: string }).reason);
process.stdout.write(JSON.stringify({ server, forwarder, reasons }));
