import { setTimeout as sleep } from 'node:timers/promises';
import { LightGuest } from '../support/light-guest.js';
import { askForAddress } from './ask.js';
import { canLoad } from './contest/dns-load.js';
import { ECHO_TRANSPORTS, startEcho, type EchoTransport } from './contest/echo.js';
import { freePort } from '../support/free-port.js';
import type { Tree } from './comparison/tree.js';
import { JitsuChild } from './jitsu-child.js';
import { percentile } from './percentile.js';
import { BootStorm, type StormTally } from './storm/boot-storm.js';
import { loadSteadily, type SteadyLoadResult } from './storm/steady-load.js';
import { printTable } from './table.js';

export const PER_SECOND = 20_000;
export const IN_FLIGHT = 50;
const SECONDS = 10;
/** The load is the same, and nobody measures. */
const WARM_UP = 4;
/** After a storm its last unikernels are stopped. */
const CALM = 5_000;

const NAMES = Array.from({ length: 20 }, (_, n) => `ready${n}.storm.test`);
export const STORM_QUERIES = NAMES.map((name) => `${name} A`);

/** A Jitsu with names that are ready, and others for a storm whose guests listen on this port. */
export async function startStormJitsu(
  transport: EchoTransport,
  guest: LightGuest,
  guestPort: number,
  tree?: Tree,
): Promise<JitsuChild> {
  const ready = NAMES.map((name, n) => ({
    ...{ name: `ready${n}`, dns: name, ip: `127.0.88.${n + 1}`, backend: 'process' },
    ...{ command: ['sleep', '3600'], responseDelay: 0 },
  }));
  const jitsu = await JitsuChild.start([...ready, ...BootStorm.unikernels(guest, guestPort)], NAMES[0] ?? '', {
    dns: { transport },
    settings: { boot: { limit: IN_FLIGHT, queue: 1_000 } },
    tree,
  });
  for (const name of NAMES) await askForAddress(jitsu.port, name);
  return jitsu;
}

/**
 * How long ready names take to be answered while boots are in flight all the time, and while none is. The bare echo
 * beside the same storm tells how much of it is the machine's, where more wants to run than it has processors for.
 */
export async function benchStorm(): Promise<void> {
  if (!canLoad('storm')) return;
  for (const transport of ECHO_TRANSPORTS) await benchTransport(transport);
}

async function benchTransport(transport: EchoTransport): Promise<void> {
  using guest = new LightGuest();
  await using jitsu = await startStormJitsu(transport, guest, await freePort());
  await using echo = await startEcho(transport);
  const storm = new BootStorm(jitsu.port, IN_FLIGHT);
  const load = (port: number, seconds = SECONDS): Promise<SteadyLoadResult> =>
    loadSteadily(port, STORM_QUERIES, PER_SECOND, seconds);

  await load(echo.port, WARM_UP);
  await load(jitsu.port, WARM_UP);
  const rows = [row('bare echo, calm', await load(echo.port)), row('Jitsu, calm', await load(jitsu.port))];
  await storm.begin();
  rows.push(row('bare echo beside the storm', await load(echo.port)));
  await storm.end();
  await sleep(CALM);
  await storm.begin();
  rows.push(row('Jitsu in the storm', await load(jitsu.port)));
  const tally = await storm.end();
  const title = `Ready names at ${PER_SECOND} queries/s, ${transport}, ${IN_FLIGHT} boots in flight (${describe(tally)})`;
  printTable(title, [['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'slowest ms', 'answered', 'missing'], ...rows]);
}

function row(label: string, { latencies, missing }: SteadyLoadResult): string[] {
  const times = latencies.length === 0 ? [] : [50, 99, 99.9, 100].map((part) => percentile(latencies, part).toFixed(2));
  return [label, ...(times.length === 0 ? ['–', '–', '–', '–'] : times), String(latencies.length), String(missing)];
}

function describe({ boots, ready, failures }: StormTally): string {
  return `${boots} boots, ${ready} queries for names still ready, ${failures} failures`;
}
