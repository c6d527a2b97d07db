import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { z, ZodOptional } from 'zod';
import { parseDnsName } from '../net/dns-name.js';
import { parseServerEndpoint } from '../net/endpoint.js';
import { parseAddress } from '../net/ip-address.js';
import { parseNetworks } from '../net/networks.js';
import { duration } from '../plugin-kit/duration.js';

/** A deeply read-only type. */
export type Immutable<T> = T extends string | ((...parameters: never[]) => unknown)
  ? T
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T;

/** Parses usual values as the schema does, many times faster, and returns `undefined` for all others. */
export type ShortCut = (value: unknown) => unknown;

const shortCuts = new WeakMap<object, ShortCut>();

/** The short cut of a schema, or of the schema that an optional one wraps. */
export function shortCutOf(schema: unknown): ShortCut | undefined {
  return schema instanceof ZodOptional ? shortCutOf(schema.unwrap()) : shortCuts.get(schema as object);
}

const ADDRESS = 'An IPv4 or IPv6 address expected.';
const BIND = "An IPv4 or IPv6 address such as '127.0.0.1' or '::', or the name of an interface expected.";
const NAME = "A DNS name such as 'www.example.org' or '*.example.org' expected.";
const NETWORK = "A network such as '192.0.2.0/24' or '2001:db8::/32', or 'loopback', 'private' or 'any' expected.";

/** A TTL of at least 1 s: DNS counts in seconds, and with TTL 0 a unikernel would be stopped before it is used. */
export function timeToLive(description: string) {
  return duration(description)
    .refine((ttl) => ttl >= 1_000, 'At least 1 second expected: unikernels stop after twice the TTL.')
    .describe(description);
}

/** One address or a list. Parsed to a list without duplicates. */
export function addresses(description: string) {
  return notEmpty(parseAddress, ADDRESS, description);
}

/** Addresses to listen on, one or a list. The name of an interface stands for the addresses that it has now. */
export function bindAddresses(description: string) {
  const address = z
    .string({ error: BIND })
    .refine((text) => isIP(text) !== 0 || INTERFACE.test(text), { error: BIND })
    .transform((text, context): readonly string[] => {
      if (isIP(text) !== 0) return [text];
      const found = addressesOf(text);
      if (typeof found !== 'string') return found;
      // Without `continue`, the list that it could have been as well would hide what is wrong.
      context.addIssue({ code: 'custom', message: found, continue: true });
      return [];
    });
  return z
    .union([address, z.array(address).min(1, BIND)], { error: BIND })
    .transform((given) => [...new Set([given].flat(2))])
    .describe(description);
}

/** A letter first: digits and dots alone are an address that is mistyped. */
const INTERFACE = /^[a-z][a-z0-9_.-]{0,14}$/i;

/** The addresses of an interface, or why there are none. Link-local ones are not unique without it, and left out. */
function addressesOf(name: string): readonly string[] | string {
  const all = networkInterfaces();
  const own = all[name];
  if (own === undefined) {
    return `There is no interface ${name} with an address. There are: ${Object.keys(all).join(', ')}. An address that will come later can be given itself.`;
  }
  const found = own.filter(({ address }) => !/^fe80:/i.test(address)).map(({ address }) => address);
  if (found.length > 0) return found;
  return `The interface ${name} has link-local addresses alone. One that will come later can be given itself.`;
}

/** One name or a list. Parsed to a list without duplicates. */
export function dnsNames(description: string) {
  return notEmpty(parseDnsName, NAME, description);
}

/** A single name. */
export function dnsName(description: string) {
  return z
    .string({ error: NAME })
    .transform((text, context): string => parseDnsName(text) ?? refused(context, NAME))
    .describe(description);
}

/** One network or a list, which may be empty. Parsed to ADDRESS/LENGTH, with words such as `private` replaced. */
export function networks(description: string) {
  const text = z.string({ error: NETWORK });
  return oneOrMany(text, z.array(text), parseNetworks, NETWORK, description);
}

/** An upstream server. */
export function serverEndpoint() {
  return z
    .string({ error: SERVER })
    .transform((text, context) => parseServerEndpoint(text) ?? refused(context, serverLike(text)));
}

const SERVER =
  "A server such as '9.9.9.9', '[2620:fe::fe]:53', 'tcp://9.9.9.9' or 'tls://9.9.9.9#dns.quad9.net' expected.";

function serverLike(text: string): string {
  if (text.startsWith('tls://')) {
    return (
      "An address such as 'tls://9.9.9.9', 'tls://[2620:fe::fe]:853' or 'tls://9.9.9.9#dns.quad9.net' expected; " +
      'behind # stands the name in its certificate.'
    );
  }
  if (text.startsWith('tcp://')) return "An address such as 'tcp://9.9.9.9' or 'tcp://[2620:fe::fe]:53' expected.";
  return text.includes('#')
    ? "A server without a name expected: only 'tls://9.9.9.9#dns.quad9.net' has one to be checked."
    : SERVER;
}

/** One text or a non-empty list, with a short cut for a single text. */
function notEmpty(parse: (text: string) => string | undefined, expected: string, description: string) {
  const asList = (value: unknown): readonly string[] | undefined => {
    const parsed = typeof value === 'string' ? parse(value) : undefined;
    return parsed === undefined ? undefined : [parsed];
  };
  const text = z.string({ error: expected });
  const schema = oneOrMany(text, z.array(text).min(1, expected), asList, expected, description);
  shortCuts.set(schema, asList);
  return schema;
}

/** One text or a list of texts, each parsed by `parse`. Parsed to a list without duplicates. */
function oneOrMany(
  one: z.ZodString,
  many: z.ZodArray<z.ZodString>,
  parse: (text: string) => readonly string[] | undefined,
  expected: string,
  description: string,
) {
  return (
    z
      .union([one, many], { error: expected })
      // One transformation per list instead of one per element: there may be a million unikernels.
      .transform((given, context): readonly string[] => {
        if (typeof given === 'string') return parse(given) ?? refused(context, expected);
        const parsed = given.map(parse);
        for (const [index, value] of parsed.entries()) {
          if (value !== undefined) continue;
          context.addIssue({ code: 'custom', message: expected, path: [index], input: given[index] });
        }
        return [...new Set(parsed.flatMap((value) => value ?? []))];
      })
      .describe(description)
  );
}

function refused(context: z.RefinementCtx, expected: string): never {
  context.addIssue(expected);
  return z.NEVER;
}
