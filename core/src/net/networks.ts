import { isIPv6 } from 'node:net';
import { parseAddress } from './ip-address.js';

/** Words that stand for well-known networks. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  // RFC 1918, 3927, 4193 and 4291, 2.5.6: no router forwards these to the Internet.
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
  any: ['0.0.0.0/0', '::/0'],
};

/** `192.0.2.0/24`, `2001:db8::/32`, a single address, or a word: `loopback`, `private`, `any`; as ADDRESS/LENGTH. */
export function parseNetworks(text: string): readonly string[] | undefined {
  if (Object.hasOwn(WORDS, text)) return WORDS[text];
  const [, base = '', lengthText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (address === undefined) return undefined;
  const longest = isIPv6(address) ? 128 : 32;
  const length = lengthText === undefined ? longest : Number(lengthText);
  return length <= longest ? [`${address}/${length}`] : undefined;
}
