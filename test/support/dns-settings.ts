import type { DnsSettings } from '#core/config/settings.js';

/** Settings for a DNS server on a free port of the loopback address that forwards nothing. */
export function dnsSettings(overrides: Partial<DnsSettings> = {}): DnsSettings {
  return {
    bind: ['127.0.0.1'],
    port: 0,
    transport: 'dgram',
    workers: 1,
    allow: ['0.0.0.0/0', '::/0'],
    deny: [],
    details: ['127.0.0.0/8', '::1/128'],
    rateLimit: { perSecond: 0, slip: 2, exempt: ['0.0.0.0/0', '::/0'] },
    cache: {
      ...{ size: 0, longestTtl: 86_400_000, negativeTtl: 3_600_000, failureTtl: 5_000, stale: 0 },
      prefetch: false,
    },
    forwardOrder: 'sequential',
    forwardExcept: [],
    rebindProtection: false,
    allowForwarding: ['0.0.0.0/0', '::/0'],
    ttl: 60_000,
    forwarders: 'off',
    forwarderPort: 53,
    forwardTimeout: 2_000,
    zones: [],
    limits: {
      ...{ pendingQueries: 1_000, forwardedQueries: 100 },
      ...{ tcpConnections: 50, tcpConnectionsPerClient: 50, tcpIdle: 10_000 },
    },
    ...overrides,
  };
}
