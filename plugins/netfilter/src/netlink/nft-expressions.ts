import { attribute, be16, be64, nested, textAttribute, wordAttribute } from './attributes.js';

/** Expressions of nftables' rules, as the kernel has them (linux/netfilter/nf_tables.h). Each is the bytes of one. */

/** A register of 4 bytes: the first of 16. A key of several parts stands in some that follow each other. */
export const FIRST_REGISTER = 8;

const VERDICT_REGISTER = 0;

export const Meta = {
  PROTOCOL: 1,
  MARK: 3,
  IIFNAME: 6,
  IFTYPE: 8,
  OIFTYPE: 9,
  SKUID: 10,
  NFPROTO: 15,
  L4PROTO: 16,
} as const;
export const Header = { LINK: 0, NETWORK: 1, TRANSPORT: 2, INNER: 3 } as const;
export const Verdict = { ACCEPT: 1, DROP: 0, JUMP: -3, GOTO: -4, RETURN: -5 } as const;
export const SetChange = { UPDATE: 1, DELETE: 2 } as const;

const NOT_EQUAL = 1;
const AT_LEAST = 5;

/** Lets packets pass where nobody reads the queue. */
const QUEUE_BYPASS = 1;

function expression(name: string, ...attributes: readonly Uint8Array[]): Buffer {
  return nested(1, textAttribute(1, name), nested(2, ...attributes));
}

/** Loads something that is known of the packet. */
export function loadMeta(key: number, register = FIRST_REGISTER): Buffer {
  return expression('meta', wordAttribute(1, register), wordAttribute(2, key));
}

/** Loads bytes of the packet; the rule ends where there are none. */
export function loadPayload(header: number, offset: number, length: number, register = FIRST_REGISTER): Buffer {
  return expression(
    'payload',
    ...[wordAttribute(1, register), wordAttribute(2, header), wordAttribute(3, offset), wordAttribute(4, length)],
  );
}

/** Loads the state of the packet's connection, which turns connection tracking on. */
export function loadConnectionState(register = FIRST_REGISTER): Buffer {
  return expression('ct', wordAttribute(1, register), wordAttribute(2, 0));
}

/** Ends the rule unless the register has this value. */
export function equals(value: Uint8Array, register = FIRST_REGISTER): Buffer {
  return expression('cmp', wordAttribute(1, register), wordAttribute(2, 0), nested(3, attribute(1, value)));
}

/** Ends the rule if the register has this value. */
export function differs(value: Uint8Array, register = FIRST_REGISTER): Buffer {
  return expression('cmp', wordAttribute(1, register), wordAttribute(2, NOT_EQUAL), nested(3, attribute(1, value)));
}

/** Ends the rule if the register has less than this value, in the order of the network. */
export function isAtLeast(value: Uint8Array, register = FIRST_REGISTER): Buffer {
  return expression('cmp', wordAttribute(1, register), wordAttribute(2, AT_LEAST), nested(3, attribute(1, value)));
}

/** Clears all other bits of the register. */
export function mask(bits: Uint8Array, register = FIRST_REGISTER): Buffer {
  return expression(
    'bitwise',
    ...[wordAttribute(1, register), wordAttribute(2, register), wordAttribute(3, bits.length)],
    ...[nested(4, attribute(1, bits)), nested(5, attribute(1, new Uint8Array(bits.length)))],
  );
}

/** Ends the rule unless the key that begins in the register is in the set. */
export function isIn(set: string, register = FIRST_REGISTER): Buffer {
  return expression('lookup', textAttribute(1, set), wordAttribute(2, register));
}

/** Adds the key to the set, renews it or takes it out; the rule ends where the set is full. */
export function changeSet(
  set: string,
  change: (typeof SetChange)[keyof typeof SetChange],
  { register = FIRST_REGISTER, timeout }: { readonly register?: number; readonly timeout?: number } = {},
): Buffer {
  return expression(
    'dynset',
    ...[textAttribute(1, set), wordAttribute(3, change), wordAttribute(4, register)],
    ...(timeout === undefined ? [] : [attribute(6, be64(timeout))]),
  );
}

export function verdict(code: number, chain?: string): Buffer {
  const target = chain === undefined ? [] : [textAttribute(2, chain)];
  return expression(
    'immediate',
    wordAttribute(1, VERDICT_REGISTER),
    nested(2, nested(2, wordAttribute(1, code), ...target)),
  );
}

/** Counts in a counter that has a name. */
export function count(counter: string): Buffer {
  return expression('objref', wordAttribute(1, 1), textAttribute(2, counter));
}

/** Answers as a closed port does: TCP by RST. */
export function rejectByReset(): Buffer {
  return expression('reject', wordAttribute(1, 1));
}

/** Answers as a closed port does: UDP by "port unreachable" of ICMP or ICMPv6. */
export function rejectByIcmp(): Buffer {
  return expression('reject', wordAttribute(1, 2), attribute(2, Uint8Array.of(1)));
}

export function toQueue(queue: number): Buffer {
  return expression('queue', attribute(1, be16(queue)), attribute(2, be16(1)), attribute(3, be16(QUEUE_BYPASS)));
}

/** The same by the target of iptables, for kernels without that. */
export function toQueueByTarget(queue: number): Buffer {
  const options = Buffer.alloc(8);
  options.writeUInt16LE(queue, 0);
  options.writeUInt16LE(1, 2);
  options.writeUInt16LE(QUEUE_BYPASS, 4);
  return expression('target', textAttribute(1, 'NFQUEUE'), wordAttribute(2, 3), attribute(3, options));
}

/** Sends a copy of the packet to a group, at once. */
export function toLog(group: number, longest: number): Buffer {
  return expression('log', attribute(1, be16(group)), wordAttribute(3, longest), attribute(4, be16(1)));
}

/** Marks the packet with what is in the register. */
export function setMark(register = FIRST_REGISTER): Buffer {
  return expression('meta', wordAttribute(2, Meta.MARK), wordAttribute(3, register));
}

/** Puts a value into the register. */
export function loadValue(value: Uint8Array, register = FIRST_REGISTER): Buffer {
  return expression('immediate', wordAttribute(1, register), nested(2, attribute(1, value)));
}
