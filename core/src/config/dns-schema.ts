import { isIP } from 'node:net';
import { z } from 'zod';
import { dnsName } from './dns-name.js';
import { duration, timeToLive } from './duration.js';
import { serverEndpoint } from './server-endpoint.js';

const ADDRESS = "An IPv4 or IPv6 address such as '127.0.0.1' or '::' expected.";
const FORWARDERS = "'system', 'off', a server such as '9.9.9.9' or '[2620:fe::fe]:53', or a list of servers expected.";

const address = z.string({ error: ADDRESS }).refine((text) => isIP(text) !== 0, { error: ADDRESS });
const bound = z.int().min(1);

/** The key `dns`. */
export const dnsSchema = z.strictObject({
  bind: z
    .union([address, z.array(address).min(1, ADDRESS)], { error: ADDRESS })
    .transform((list) => [...new Set(typeof list === 'string' ? [list] : list)])
    .prefault('127.0.0.1')
    .describe('Addresses to answer on, one or a list'),
  port: z.int().min(0).max(65_535).prefault(53).describe('The port to answer on, over UDP and TCP; 0 picks a free one'),
  ttl: timeToLive('How long an answer may be kept. A unikernel stops after twice this time without a query').prefault(
    60,
  ),
  forwarders: z
    .union([z.enum(['system', 'off']), serverEndpoint(), z.array(serverEndpoint()).min(1, FORWARDERS)], {
      error: FORWARDERS,
    })
    .transform((value) => (typeof value === 'string' || Array.isArray(value) ? value : [value]))
    .prefault('system')
    .describe('Who answers for other names: the servers of /etc/resolv.conf, nobody, or these servers in this order'),
  forwarderPort: z.int().min(1).max(65_535).prefault(53).describe('The port of forwarders that are given without one'),
  forwardTimeout: duration('How long to wait for one forwarder before the next is asked').prefault(2),
  zones: z
    .array(
      z.strictObject({
        name: dnsName().describe('The name of the zone'),
        authoritative: z
          .boolean()
          .prefault(false)
          .describe("Whether a name below it that is no unikernel's does not exist, instead of being forwarded"),
      }),
    )
    .prefault([])
    .describe('Zones that get special treatment'),
  limits: z
    .strictObject({
      pendingQueries: bound.prefault(10_000).describe('Queries that may wait for their answer at once'),
      forwardedQueries: bound.prefault(1_000).describe('Queries that may wait for a forwarder at once'),
      tcpConnections: bound.prefault(256).describe('TCP connections at once'),
      tcpIdle: duration('How long a TCP connection may be silent').prefault(10),
    })
    .prefault({})
    .describe('Bounds; what is over them is refused by an answer'),
});
