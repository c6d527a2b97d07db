import { z } from 'zod';
import type { Endpoint, ServerEndpoint } from '../net/endpoint.js';
import { byteSize } from '../plugin-kit/byte-size.js';
import { duration } from '../plugin-kit/duration.js';
import type { Immutable } from './values.js';
import { bindAddresses, dnsName, dnsNames, networks, serverEndpoint, timeToLive } from './values.js';

const FORWARDERS = "'system', 'off', a server such as '9.9.9.9' or '[2620:fe::fe]:53', or a list of servers expected.";

/** RFC 7858, 3.1. */
const DNS_OVER_TLS_PORT = 853;

const bound = z.int().min(1);
const LOCAL = ['loopback', 'private'];

/** The key `dns`. */
export const dnsSchema = z
  .strictObject({
    bind: bindAddresses(
      'Addresses to answer on, or names of interfaces for those that they have; one or a list. An address may come later',
    ).prefault('127.0.0.1'),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .prefault(53)
      .describe('The port to answer on, over UDP and TCP; 0 picks a free one'),
    transport: z
      .enum(['auto', 'dgram', 'mmsg'])
      .prefault('auto')
      .describe('How datagrams are taken: many at a time by threads of their own (mmsg, on Linux), one by one (dgram)'),
    workers: z.int().min(1).max(64).prefault(1).describe('Threads that take datagrams by mmsg, for each address'),
    allow: networks('Whose queries are answered; others are refused').prefault(LOCAL),
    deny: networks('Whose queries are refused although they are allowed').prefault([]),
    details: networks('Who is told details of failures; others are told their kind and code').prefault(['loopback']),
    ttl: timeToLive('How long an answer may be kept. A unikernel stops after twice this time without a query').prefault(
      60,
    ),
    forwarders: z
      .union([z.enum(['system', 'off']), serverEndpoint(), z.array(serverEndpoint()).min(1, FORWARDERS)], {
        error: FORWARDERS,
      })
      .transform((value) => (typeof value === 'string' || Array.isArray(value) ? value : [value]))
      .prefault('system')
      .describe(
        'Where other names are forwarded to: the servers of /etc/resolv.conf, nowhere, or these servers in this order',
      ),
    forwarderPort: z
      .int()
      .min(1)
      .max(65_535)
      .prefault(53)
      .describe('The port of forwarders that are given without one'),
    forwardTimeout: duration('How long to wait for one forwarder before the next is asked').prefault(2),
    forwardOrder: z
      .enum(['sequential', 'round-robin', 'random'])
      .prefault('sequential')
      .describe('Which of the healthy forwarders is asked first'),
    forwardExcept: z
      .union([dnsNames('One or several'), z.tuple([]).transform((): readonly string[] => [])])
      .prefault([])
      .describe('Domains that are never forwarded'),
    forwardCertificates: z
      .string()
      .min(1)
      .optional()
      .describe('A PEM file with the certificate authorities for tls:// forwarders; those of Node where absent'),
    rebindProtection: z
      .union([
        z.boolean(),
        z.strictObject({ except: dnsNames('Domains whose addresses may be private, one or several') }),
      ])
      .prefault(false)
      .describe(
        'Whether private and loopback addresses are dropped from answers of forwarders, and for which domains not',
      ),
    allowForwarding: networks('For whom other names are forwarded').prefault(LOCAL),
    cache: z
      .strictObject({
        size: byteSize('How much room forwarded answers may take; 0 keeps none').prefault('32MiB'),
        longestTtl: duration('How long an answer is kept at most').prefault('1d'),
        negativeTtl: duration('How long a negative answer (no such name, no such data) is kept at most').prefault('1h'),
        failureTtl: duration('How long a failure of all upstreams is kept').prefault(5),
        stale: duration(
          'How long a stale answer is given after its TTL while no upstream answers (RFC 8767); 0 for never',
        ).prefault('1d'),
        prefetch: z
          .boolean()
          .prefault(true)
          .describe('Whether answers that are asked for often are renewed before they expire'),
      })
      .prefault({})
      .describe('The cache of forwarded answers'),
    rateLimit: z
      .strictObject({
        perSecond: z
          .int()
          .min(0)
          .prefault(100)
          .describe('Responses over UDP a second to one network (IPv4 /24, IPv6 /56) without a cookie; 0 for no limit'),
        slip: z
          .int()
          .min(0)
          .max(10)
          .prefault(2)
          .describe('Above the limit, every Nth response is truncated (TC) instead of dropped; 0 drops all'),
        exempt: networks('To whom it does not apply').prefault(LOCAL),
      })
      .prefault({})
      .describe('A limit for responses to sources that may be forged'),
    zones: z
      .array(
        z.strictObject({
          name: dnsName('The name of the zone'),
          authoritative: z
            .boolean()
            .prefault(false)
            .describe(
              'Whether all names in this zone are ours: unknown ones get NXDOMAIN, and types that a unikernel has not no data, instead of being forwarded',
            ),
        }),
        "A list of zones such as { name: 'example.org' } expected.",
      )
      .prefault([])
      .describe('Zones whose SOA record is ours'),
    limits: z
      .strictObject({
        pendingQueries: bound.prefault(10_000).describe('Queries that may wait for their answer at once'),
        forwardedQueries: bound.prefault(1_000).describe('Queries that may wait for a forwarder at once'),
        tcpConnections: bound.prefault(256).describe('TCP connections at once'),
        tcpConnectionsPerClient: bound.prefault(64).describe('TCP connections of one client at once'),
        tcpIdle: duration('How long a TCP connection may be silent').prefault(10),
      })
      .prefault({})
      .describe('Bounds; what is over them is refused by an answer'),
  })
  .transform(({ forwarders, rebindProtection, ...rest }) => ({
    ...rest,
    rebindProtection: typeof rebindProtection === 'object' ? rebindProtection : rebindProtection && { except: [] },
    forwarders: typeof forwarders === 'string' ? forwarders : forwarders.map(withPort(rest.forwarderPort)),
  }));

function withPort(usual: number): (server: ServerEndpoint) => UpstreamSettings {
  return ({ port, ...server }) => ({
    ...server,
    port: port ?? (server.transport === 'tls' ? DNS_OVER_TLS_PORT : usual),
  });
}

/** An upstream server. */
export interface UpstreamSettings extends Endpoint, Partial<Pick<ServerEndpoint, 'transport' | 'name'>> {}

/** The checked settings of the DNS server: durations in milliseconds, networks as ADDRESS/LENGTH. */
export type DnsSettings = Immutable<z.output<typeof dnsSchema>>;
export type CacheSettings = DnsSettings['cache'];
export type RateLimitSettings = DnsSettings['rateLimit'];
export type ZoneSettings = DnsSettings['zones'][number];
