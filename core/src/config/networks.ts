import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { parseAddress } from './ip-address.js';

/** Networks that have a word of their own, for whoever does not know them by heart. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  // RFC 1918, 3927, 4193 and 4291, 2.5.6: what no router passes on to the Internet.
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

/** One network or a list; parsed, each as ADDRESS/LENGTH, words spelt out. */
export function networks(description: string) {
  const text = z.string({ error: EXPECTED });
  return z
    .union([text, z.array(text)], { error: EXPECTED })
    .transform((given, context): readonly string[] => {
      const list = typeof given === 'string' ? [given] : given;
      const parsed = list.map(parseNetworks);
      for (const [index, value] of parsed.entries()) {
        if (value !== undefined) continue;
        const path = typeof given === 'string' ? [] : [index];
        context.addIssue({ code: 'custom', message: EXPECTED, path, input: list[index] });
      }
      return [...new Set(parsed.flatMap((value) => value ?? []))];
    })
    .describe(description);
}

const EXPECTED = "A network such as '192.0.2.0/24' or '2001:db8::/32', or 'loopback', 'private' or 'any' expected.";
