import { SystemClock } from '#core/clock.js';
import type { LifecycleEventKind } from '#core/contracts/lifecycle-event.js';
import type { Notifier } from '#core/contracts/notifier.js';
import type { Resolver } from '#core/contracts/resolver.js';
import type { Activity } from '#core/contracts/stop-policy.js';
import { KeepAliveStopPolicy } from '#core/builtins/keep-alive-stop-policy.js';
import { MaxLifetimeStopPolicy } from '#core/builtins/max-lifetime-stop-policy.js';
import { TcpProbe } from '#core/builtins/tcp-probe.js';
import { TtlStopPolicy } from '#core/builtins/ttl-stop-policy.js';
import { LmdbStateStore } from '#core/state/lmdb-state-store.js';
import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import {
  describeNotifier,
  describeReadinessProbe,
  describeResolver,
  describeStateStore,
  describeStopPolicy,
} from '@jitsud/core/testing';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const activity: Activity = {
  unikernel: 'web',
  since: 1_000,
  names: [
    { name: 'a.test', ttl: 1_000, lastAsked: 2_000 },
    { name: 'b.test', ttl: 2_000, lastAsked: 1_500 },
  ],
};

describeStopPolicy('the TTL policy', {
  policy: () => new TtlStopPolicy(),
  examples: [
    { it: 'keeps until twice the TTL', activity, now: 5_499, opinion: { keepUntil: 5_500 } },
    { it: 'stops from then on', activity, now: 5_500, opinion: { stop: /twice the TTL/ } },
  ],
});

describeStopPolicy('the keep-alive policy', {
  policy: () => new KeepAliveStopPolicy(),
  examples: [{ it: 'keeps for ever', activity, now: 1e12, opinion: { keepUntil: Infinity } }],
});

describeStopPolicy('the lifetime policy', {
  policy: () => new MaxLifetimeStopPolicy(10_000),
  examples: [
    { it: 'leaves the decision to others at first', activity, now: 2_000, opinion: { undecidedUntil: 11_000 } },
    { it: 'stops at the end', activity, now: 11_000, opinion: { stop: /lifetime/ } },
  ],
});

let port = 0;
let nextAddress = 2;

describe('the TCP probe, on one port', () => {
  before(async () => {
    const server = createServer().listen(0, '127.99.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    server.close();
  });

  describeReadinessProbe('the TCP probe', {
    probe: () => new TcpProbe(port, new SystemClock()),
    service: () => {
      const address = `127.99.${process.pid % 250}.${nextAddress++}`;
      const server = createServer((socket) => socket.destroy());
      return {
        target: { name: 'web', id: 'id', addresses: [address] },
        answer: async () => {
          server.listen(port, address);
          await once(server, 'listening');
        },
        end: () => void server.close(),
      };
    },
  });
});

describeStateStore('the memory store', { durable: false, store: () => new MemoryStateStore() });

let folder: TemporaryFolder;

describeStateStore('the LMDB store', {
  durable: true,
  setUp: () => {
    folder = new TemporaryFolder();
  },
  tearDown: () => folder[Symbol.dispose](),
  store: () => new LmdbStateStore(folder.in('state')),
});

const TOLD: readonly LifecycleEventKind[] = ['started', 'ready', 'stopped', 'died'];

let told = new Set<string>();
let broken = false;

const setNotifier: Notifier = {
  notify: async ({ kind, unikernel }) => {
    if (broken) throw new Error('nobody is there');
    if (TOLD.includes(kind)) told.add(`${kind} ${unikernel}`);
  },
};

describeNotifier('a notifier into a set', {
  setUp: () => {
    [told, broken] = [new Set(), false];
  },
  notifier: () => setNotifier,
  tells: TOLD,
  has: ({ kind, unikernel }) => told.has(`${kind} ${unikernel}`),
  breakDown: () => {
    broken = true;
  },
});

const hostsResolver: Resolver = {
  resolve: async ({ name, type }) => {
    if (name !== 'printer.test') return undefined;
    if (type !== 1) return { rcode: 0, authoritative: true };
    return { rcode: 0, authoritative: true, answers: [{ name, ttl: 60, type: 'A', address: '192.0.2.9' }] };
  },
};

describeResolver('a resolver of one host', {
  resolver: () => hostsResolver,
  mine: [
    { name: 'printer.test', type: 1 },
    { name: 'printer.test', type: 28 },
  ],
  others: [
    { name: 'example.org', type: 1 },
    { name: '', type: 2 },
  ],
});
