/**
 * A process of its own that wears the libvirt backend out: other suites would disturb the figures. Run with --expose-gc,
 * what to repeat, how often to do so before it is looked at, and how often then; it prints {@link Wear} as JSON.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { SystemClock } from '#core/clock.js';
import { LibvirtBackend } from '#libvirt/libvirt-backend.js';
import { libvirtOptions } from '#libvirt/libvirt-options.js';
import { MemoryLogger } from '../memory-logger.js';
import { TemporaryFolder } from '../temporary-folder.js';
import type { Holding, Wear } from './wear.js';
import { MachinesById } from '../machines-by-id.js';

const URI = 'test:///default';
const NAME = 'soak';
const XML = `<domain type='test'><name>${NAME}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>`;
/** Within this time what was collected has been freed, and what was closed has ended. */
const SETTLING = 150;
/** How often it is looked whether libvirt has let go. */
const PATIENCE = 20;

type Round = () => Promise<void>;

const KINDS = {
  /** Starts and destroys a domain. */
  power(backend: MachinesById, id: string): Round {
    return async () => {
      await backend.start(id);
      await backend.stop(id, 'destroy', new AbortController().signal);
    };
  },

  /** Opens another connection and closes it. */
  connection(): Round {
    const another = newBackend();
    return async () => {
      await another.connect();
      await another.close();
    };
  },
};

const nativeMemory = nativeMemoryMeter();

async function soak(kind: keyof typeof KINDS, warmUp: number, rounds: number): Promise<Wear> {
  using folder = new TemporaryFolder();
  const xml = folder.in('soak.xml');
  writeFileSync(xml, XML);
  const backend = newBackend();
  await backend.connect();
  const round = KINDS[kind](backend, await backend.register({ name: NAME, options: libvirtOptions.parse({ xml }) }));
  for (let n = 0; n < warmUp; n += 1) await round();
  const before = await holding();
  for (let n = 0; n < rounds; n += 1) await round();
  const after = await holding();
  await backend.close();
  return { before, after, isReleased: await isReleased() };
}

function newBackend(): MachinesById {
  return new MachinesById(new LibvirtBackend({ connect: URI }, new MemoryLogger(), new SystemClock()));
}

async function holding(): Promise<Holding> {
  for (let n = 0; n < 2; n += 1) {
    globalThis.gc?.();
    await sleep(SETTLING);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return {
    files: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    resources: process.getActiveResourcesInfo().length,
    residentKiB: Math.round(rss / 1_024),
    heapKiB: Math.round(heapUsed / 1_024),
    nativeKiB: Math.round(nativeMemory() / 1_024),
  };
}

/**
 * The test driver forgets its domains when the last connection is gone, and each handle of a domain, or call that is
 * under way, holds its connection: one handle that was not freed, and the domain is still there.
 */
async function isReleased(): Promise<boolean> {
  const library = koffi.load('libvirt.so.0');
  const open = library.func('void *virConnectOpen(const char *uri)');
  const lookup = library.func('void *virDomainLookupByName(void *connection, const char *name)');
  const free = library.func('int virDomainFree(void *domain)');
  const close = library.func('int virConnectClose(void *connection)');
  for (let n = 0; n < PATIENCE; n += 1) {
    const connection = open(URI) as bigint;
    const domain = lookup(connection, NAME) as bigint | null;
    if (domain !== null) free(domain);
    close(connection);
    if (domain === null) return true;
    await sleep(SETTLING);
  }
  return false;
}

/** In bytes, all that malloc has given out; always 0 where the C library does not tell (glibc before 2.33, musl). */
function nativeMemoryMeter(): () => number {
  const counts = ['arena', 'ordblks', 'smblks', 'hblks', 'hblkhd', 'usmblks', 'fsmblks', 'uordblks', 'fordblks'];
  const members = Object.fromEntries([...counts, 'keepcost'].map((name) => [name, 'size_t']));
  try {
    const ask = koffi.load(null).func('mallinfo2', koffi.struct(members), []);
    return () => (ask() as { readonly uordblks: number }).uordblks;
  } catch {
    return () => 0;
  }
}

const [kind, warmUp, rounds] = process.argv.slice(2);
console.log(JSON.stringify(await soak(kind as keyof typeof KINDS, Number(warmUp), Number(rounds))));
