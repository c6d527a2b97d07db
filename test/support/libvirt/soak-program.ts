/**
 * A process of its own that wears the libvirt backend out: other suites would disturb the figures. Run with --expose-gc,
 * what to repeat, how often to do so before it is looked at, how often between two looks, and how many times; it prints
 * {@link Wear} as JSON.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { SystemClock } from '#core/clock.js';
import { LibvirtBackend } from '#libvirt/libvirt-backend.js';
import { libvirtOptions } from '#libvirt/libvirt-options.js';
import { MemoryLogger } from '../memory-logger.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { MachinesById } from '../machines-by-id.js';
import { ProbedThreads } from './probed-threads.js';
import { aKiB, heapSize } from './thread-probe.js';
import type { Holding, Plan, Wear, WearKind } from './wear.js';

const URI = 'test:///default';
const NAME = 'soak';
const XML = `<domain type='test'><name>${NAME}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>`;
/** Within this time what was collected has been freed, and what was closed has ended. */
const SETTLING = 150;
/** How often it is looked whether libvirt has let go. */
const PATIENCE = 20;

/** For mmap, on Linux: PROT_READ | PROT_WRITE, and MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE. */
const PAGE = 4_096;
const READ_AND_WRITE = 0x3;
const PRIVATE_ANONYMOUS_POPULATED = 0x8022;

type Round = () => Promise<void>;

const threads = new ProbedThreads();

const KINDS: Record<WearKind, (backend: MachinesById, id: string) => Round> = {
  /** Starts and destroys a domain. */
  power(backend, id) {
    return async () => {
      await backend.start(id);
      await backend.stop(id, 'destroy', new AbortController().signal);
    };
  },

  /** Opens another connection and closes it. */
  connection() {
    const another = newBackend();
    return async () => {
      await another.connect();
      await another.close();
    };
  },

  /** Starts and destroys a domain, and keeps a KiB in each thread, one of C code, and a page that malloc knows not of. */
  leak(backend, id) {
    const startAndStop = KINDS.power(backend, id);
    const library = koffi.load(null);
    const allocate = library.func('void *malloc(size_t size)');
    const map = library.func('void *mmap(void *at, size_t length, int protection, int flags, int file, long offset)');
    const leaked: object[] = [];
    return async () => {
      await startAndStop();
      leaked.push(aKiB());
      threads.leak();
      allocate(1_024);
      map(null, PAGE, READ_AND_WRITE, PRIVATE_ANONYMOUS_POPULATED, -1, 0);
    };
  },
};

const nativeMemory = nativeMemoryMeter();

async function soak(kind: WearKind, { warmUp, window, windows }: Plan): Promise<Wear> {
  using folder = new TemporaryFolder();
  const xml = folder.in('soak.xml');
  writeFileSync(xml, XML);
  const backend = newBackend();
  await backend.connect();
  const round = KINDS[kind](backend, await backend.register({ name: NAME, options: libvirtOptions.parse({ xml }) }));
  const holdings: Holding[] = [];
  let rounds = 0;
  for (let n = 0; n <= windows; n += 1) {
    for (const end = warmUp + n * window; rounds < end; rounds += 1) await round();
    holdings.push(await holding(rounds));
  }
  await backend.close();
  return { holdings, isReleased: await isReleased() };
}

function newBackend(): MachinesById {
  return new MachinesById(new LibvirtBackend({ connect: URI }, new MemoryLogger(), new SystemClock()));
}

async function holding(rounds: number): Promise<Holding> {
  heapSize();
  await sleep(SETTLING);
  const ofThreads = await threads.heaps();
  const heaps = new Map([['main', heapSize()], ...ofThreads]);
  await sleep(SETTLING);
  return {
    rounds,
    files: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    resources: process.getActiveResourcesInfo().length,
    residentKiB: toKiB(process.memoryUsage.rss()),
    heapsKiB: Object.fromEntries([...heaps].map(([name, size]) => [name, toKiB(size)])),
    nativeKiB: toKiB(nativeMemory()),
  };
}

const toKiB = (bytes: number): number => Math.round(bytes / 1_024);

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
    return () => {
      const { uordblks, hblkhd } = ask() as { readonly uordblks: number; readonly hblkhd: number };
      return uordblks + hblkhd;
    };
  } catch {
    return () => 0;
  }
}

const [kind, ...numbers] = process.argv.slice(2);
const [warmUp, window, windows] = numbers.map(Number) as [number, number, number];
console.log(JSON.stringify(await soak(kind as WearKind, { warmUp, window, windows })));
