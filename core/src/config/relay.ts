import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { duration } from '../plugin-kit/duration.js';
import { endpointText, type Endpoint } from '../net/endpoint.js';
import { parseAddress } from '../net/ip-address.js';
import { plainAddress, UNSPECIFIED } from '../net/own-address.js';
import type { Immutable } from './values.js';

const RELAY =
  "A relay such as 'tcp:8080 -> 127.0.0.1:9000' or 'udp:5353 -> 9053', { listen: 'tcp:8080', to: '127.0.0.1:9000' }, or a list of them expected.";
const LISTEN = "A port such as 'tcp:8080', 'udp:192.0.2.1:53' or 'tcp:[2001:db8::1]:443' expected.";
const TO = "A port such as 9000, '127.0.0.1:9000' or '[::1]:9000' expected.";

/** A place without an address is at those of the unikernel. */
export interface Place {
  readonly address?: string | undefined;
  readonly port: number;
}

/** A relay as it is written. */
export interface WrittenRelay {
  readonly protocol: 'tcp' | 'udp';
  readonly listen: Place;
  readonly to: Place;
  readonly proxyProtocol: boolean;
}

/** One port at which a relay listens, and where it relays to. */
export interface RelayedPort {
  readonly protocol: 'tcp' | 'udp';
  readonly listen: Endpoint;
  readonly to: Endpoint;
  /** Whether the program is told who the client is, by a header of the PROXY protocol; only for TCP. */
  readonly proxyProtocol: boolean;
}

function parsePlace(text: string): Place | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text.trim()) ?? [];
  const port = Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  const written = bracketed ?? plain;
  if (written === undefined) return { port };
  const address = parseAddress(written);
  if (address === undefined) return undefined;
  // An IPv6 address stands in brackets, and no other one.
  return isIPv6(address) === (bracketed !== undefined) ? { address, port } : undefined;
}

function parseListen(text: string): Pick<WrittenRelay, 'protocol' | 'listen'> | undefined {
  const [, protocol, place = ''] = /^(tcp|udp):(.+)$/.exec(text.trim()) ?? [];
  const listen = parsePlace(place);
  return protocol === undefined || listen === undefined ? undefined : { protocol: protocol as 'tcp' | 'udp', listen };
}

/** `tcp:8080 -> 127.0.0.1:9000`. */
export function parseRelay(text: string): WrittenRelay | undefined {
  const [from = '', target = '', ...more] = text.split('->');
  const [left, to] = [parseListen(from), parsePlace(target)];
  if (!left || !to || more.length > 0) return undefined;
  return { ...left, to, proxyProtocol: false };
}

function parsed<T>(parse: (text: string) => T | undefined, expected: string) {
  return z.string({ error: expected }).transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: expected, continue: true });
    return z.NEVER;
  });
}

const inWords = parsed(parseRelay, RELAY);

const inKeys = z
  .strictObject(
    {
      listen: parsed(parseListen, LISTEN),
      to: z.union([z.number().transform(String), z.string()], { error: TO }).pipe(parsed(parsePlace, TO)),
      proxyProtocol: z.boolean().prefault(false),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? RELAY : undefined) },
  )
  .refine(({ listen, proxyProtocol }) => !proxyProtocol || listen.protocol === 'tcp', {
    path: ['proxyProtocol'],
    message: 'Only for TCP: a datagram has no header before it.',
  })
  .transform(({ listen, ...rest }): WrittenRelay => ({ ...listen, ...rest }));

/** One relay or a list. */
export function relays(description: string) {
  const one = z.union([inWords, inKeys], { error: RELAY });
  return z
    .union([one, z.array(one).min(1, RELAY)], { error: RELAY })
    .transform((given): readonly WrittenRelay[] => [given].flat())
    .describe(description);
}

const PATH = "A path such as '/healthz' or '/status/*' expected.";

/** The key `relay`. */
export const relaySchema = z.strictObject({
  idle: duration('How long a connection may be without payload until it is cut')
    .refine((idle) => idle >= 1_000, 'At least 1 second expected.')
    .prefault('125m'),
  ignore: z
    .strictObject({
      paths: z
        .array(z.string({ error: PATH }).regex(/^\/[^\s?#]*$/, PATH))
        .prefault([])
        .describe('Paths of HTTP requests, without a query; * at the end stands for anything'),
      userAgents: z
        .array(z.string().min(1))
        .prefault([])
        .describe('Parts of the User-Agent of HTTP requests, in any case'),
    })
    .prefault({})
    .describe(
      'HTTP requests that neither wake a unikernel nor keep it running; while it does not run they are answered 503',
    ),
});

/** How connections are relayed. */
export type RelaySettings = Immutable<z.output<typeof relaySchema>>;

/** Shared by all unikernels without relays. */
export const NO_RELAYS: readonly RelayedPort[] = [];

/**
 * The relays of a unikernel with these addresses, one for each address at which it listens. A place without an address is
 * at that of the unikernel, of the same family as far as it has one.
 * @returns a sentence where they cannot be
 */
export function relayedPorts(
  written: readonly WrittenRelay[],
  addresses: readonly string[],
): readonly RelayedPort[] | string {
  const ports: RelayedPort[] = [];
  for (const { protocol, listen, to, proxyProtocol } of written) {
    const own = listen.address === undefined ? addresses : [listen.address];
    if (own.length === 0) {
      return `An address expected, as in '${protocol}:192.0.2.1:${listen.port} -> …': the unikernel has no \`ip\`.`;
    }
    for (const address of own) {
      const target = to.address ?? targetOf(address, addresses);
      if (target === undefined) {
        return `An address expected, as in '… -> 192.0.2.1:${to.port}': the unikernel has no \`ip\`.`;
      }
      const port: RelayedPort = {
        protocol,
        listen: { address, port: listen.port },
        to: { address: target, port: to.port },
        proxyProtocol,
      };
      ports.push(port);
    }
  }
  return loopIn(ports) ?? ports;
}

function targetOf(listening: string, addresses: readonly string[]): string | undefined {
  if (!UNSPECIFIED.includes(plainAddress(listening))) return listening;
  return addresses.find((address) => address.includes(':') === listening.includes(':')) ?? addresses[0];
}

/** A relay to a relay would go round without an end. */
function loopIn(ports: readonly RelayedPort[]): string | undefined {
  for (const { protocol, to } of ports) {
    const loop = ports.find(
      ({ protocol: other, listen }) =>
        other === protocol &&
        listen.port === to.port &&
        [plainAddress(to.address), ...UNSPECIFIED].includes(plainAddress(listen.address)),
    );
    if (loop === undefined) continue;
    return `Another port or address expected, at which the program listens: the relay itself has ${endpointText(to)}.`;
  }
  return undefined;
}
