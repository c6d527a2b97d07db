import { attributeAt, attributeOf, eachAttribute } from './attributes.js';
import { NETFILTER_HEADER } from './netlink-message.js';

/** An element of a set that packets renew. */
export interface TimedElement {
  readonly key: Buffer;
  /** How long ago a packet has renewed it, in milliseconds. */
  readonly age: number;
}

const ELEMENTS = 3;
const KEY = [1, 1] as const;
const TIMEOUT = 4;
const EXPIRATION = 5;

/**
 * Goes through the elements in an answer of nftables; what is damaged, or has no time, is left out.
 * @param timeout of the set, in milliseconds; an element may have one of its own
 * @param each gets views of the body
 */
export function eachTimedElement(body: Buffer, timeout: number, each: (element: TimedElement) => void): void {
  if (body.length < NETFILTER_HEADER) return;
  const list = attributeOf(body.subarray(NETFILTER_HEADER), ELEMENTS);
  if (list === undefined) return;
  eachAttribute(list, 0, list.length, (_type, start, end) => {
    const element = list.subarray(start, end);
    const key = attributeAt(element, KEY);
    const expiration = attributeOf(element, EXPIRATION, 8);
    if (key === undefined || expiration === undefined) return;
    const own = attributeOf(element, TIMEOUT, 8);
    const lives = own === undefined ? timeout : Number(own.readBigUInt64BE(0));
    each({ key, age: Math.max(0, lives - Number(expiration.readBigUInt64BE(0))) });
  });
}
