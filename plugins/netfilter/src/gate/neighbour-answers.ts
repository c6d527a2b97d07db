import { read } from 'node:fs';
import { Linux, type SystemCalls } from '../netlink/system-calls.js';
import { answerTo, isOwnCheck, readSolicitation } from './neighbour-frames.js';

/** The size of what is read: more than any question has. */
const FRAME = 128;

/** The interval between two attempts to listen on a bridge that is not there, in milliseconds. */
const RETRY = 5_000;

const ETH_P_ALL = 0x0003;

/**
 * A filter for the kernel (bpf(4)): ARP requests and neighbour solicitations that others have sent. Each entry is a code,
 * how many instructions are left out where it holds and where not, and a value.
 */
const QUESTIONS: readonly (readonly [code: number, holds: number, fails: number, value: number])[] = [
  // The type of the packet; 4 is that of those that this host sends.
  [0x30, 0, 0, 0xffff_f004],
  [0x15, 9, 0, 4],
  [0x28, 0, 0, 12],
  [0x15, 0, 2, 0x0806],
  [0x28, 0, 0, 20],
  [0x15, 6, 5, 1],
  [0x15, 0, 4, 0x86dd],
  [0x30, 0, 0, 20],
  [0x15, 0, 2, 58],
  [0x30, 0, 0, 54],
  [0x15, 1, 0, 135],
  [0x06, 0, 0, 0],
  [0x06, 0, 0, FRAME],
];

/** Answers on a bridge who asks for the MAC of a stopped unikernel, so that its neighbours send their packets. */
export class NeighbourAnswers {
  #descriptor = -1;
  readonly #frame = Buffer.alloc(FRAME);
  #wasAbsent = false;

  /**
   * @param macOf the MAC of who has this address and is armed, by its hexadecimal digits
   * @param warn told what is wrong with the bridge
   */
  constructor(
    private readonly bridge: string,
    private readonly calls: SystemCalls,
    private readonly macOf: (address: string) => Buffer | undefined,
    private readonly warn: (what: string) => void,
  ) {}

  /** Listens from now on, and again when the bridge has been made anew. @throws Error without CAP_NET_RAW */
  start(): void {
    this.#descriptor = this.calls.socket(Linux.AF_PACKET, Linux.SOCK_RAW | Linux.SOCK_CLOEXEC, 0);
    if (this.#descriptor < 0) {
      throw new Error(`cannot answer for stopped unikernels on ${this.bridge}: ${this.calls.errorCode()}`);
    }
    const problem = this.#listen();
    if (problem === undefined) {
      if (this.#wasAbsent) this.warn(`${this.bridge} is there again, and stopped unikernels are answered for`);
      this.#wasAbsent = false;
      return this.#read();
    }
    this.calls.close(this.#descriptor);
    if (!this.#wasAbsent) this.warn(`${this.bridge} cannot be listened on for stopped unikernels: ${problem}`);
    this.#wasAbsent = true;
    setTimeout(() => this.start(), RETRY);
  }

  /** @returns what is wrong */
  #listen(): string | undefined {
    const index = this.calls.if_nametoindex(this.bridge);
    if (index === 0) return 'there is no such interface';
    const filter = Buffer.from(new ArrayBuffer(8 * QUESTIONS.length));
    for (const [number, [code, holds, fails, value]] of QUESTIONS.entries()) {
      filter.writeUInt16LE(code, 8 * number);
      filter[8 * number + 2] = holds;
      filter[8 * number + 3] = fails;
      filter.writeUInt32LE(value, 8 * number + 4);
    }
    const program = Buffer.alloc(16);
    program.writeUInt16LE(QUESTIONS.length, 0);
    program.writeBigUInt64LE(this.calls.addressOf(filter), 8);
    const { SOL_SOCKET, SO_ATTACH_FILTER } = Linux;
    if (this.calls.setsockopt(this.#descriptor, SOL_SOCKET, SO_ATTACH_FILTER, program, program.length) !== 0) {
      return `its filter was refused, ${this.calls.errorCode()}`;
    }
    // A struct sockaddr_ll.
    const address = Buffer.alloc(20);
    address.writeUInt16LE(Linux.AF_PACKET, 0);
    address.writeUInt16BE(ETH_P_ALL, 2);
    address.writeInt32LE(index, 4);
    if (this.calls.bind(this.#descriptor, address, address.length) !== 0) return this.calls.errorCode();
    return undefined;
  }

  #read(): void {
    read(this.#descriptor, this.#frame, 0, FRAME, null, (error, length) => {
      if (error === null) this.#take(this.#frame.subarray(0, length));
      // A bridge that is down for a moment is an error, too.
      if (error === null || error.code === 'EINTR' || error.code === 'ENETDOWN') {
        if (this.calls.if_nametoindex(this.bridge) !== 0) return this.#read();
      }
      this.calls.close(this.#descriptor);
      this.start();
    });
  }

  #take(frame: Buffer): void {
    const solicitation = readSolicitation(frame);
    if (solicitation === undefined || isOwnCheck(solicitation)) return;
    const mac = this.macOf(solicitation.target);
    // A machine that comes up asks about itself.
    if (mac === undefined || mac.equals(solicitation.senderMac)) return;
    const answer = answerTo(solicitation, mac);
    this.calls.send(this.#descriptor, answer, answer.length, Linux.MSG_DONTWAIT);
  }
}
