import { holdContest } from './contest/contest.js';
import { printContest } from './contest/contest-table.js';
import { canLoad } from './contest/dns-load.js';
import { startDnsmasq } from './contest/dnsmasq.js';
import { ECHO_TRANSPORTS, startEcho } from './contest/echo.js';
import { startJitsu } from './contest/jitsu-contestant.js';
import { QueryFile } from './contest/query-file.js';
import type { Scene } from './contest/scene.js';
import { ServerStack } from './contest/server-stack.js';
import { startUnbound } from './contest/unbound.js';

const ZONE = 'cached.test';
const NAMES = 1_000;
const PROBE = `probe.${ZONE}`;

/** Starts what it forwards to, and tells the rest; nothing where Unbound is not installed. */
export async function cachedScene(
  started: ServerStack,
): Promise<(Scene & { readonly upstreamPort: number }) | undefined> {
  const [upstream] = await startUnbound(PROBE, { redirected: ZONE });
  if (upstream === undefined) {
    console.log('\ncached: left out, as Unbound, the upstream, is not installed');
    return undefined;
  }
  started.use(upstream);
  const queries = Array.from({ length: NAMES }, (_, n) => `name${n}.${ZONE} A`);
  return {
    probe: PROBE,
    dns: { forwarders: `127.0.0.1:${upstream.port}` },
    tasks: [{ title: `${NAMES} names, forwarded once and asked for again`, queries }],
    upstreamPort: upstream.port,
  };
}

/** Names that have been forwarded once and are asked for again, beside the C servers as forwarders with a cache. */
export async function benchCached(): Promise<void> {
  if (!canLoad('cached')) return;
  await using started = new ServerStack();
  const scene = await cachedScene(started);
  if (scene === undefined) return;
  const { upstreamPort } = scene;
  const contestants = [];
  for (const transport of ECHO_TRANSPORTS) {
    contestants.push(started.use(await startEcho(transport)), started.use(await startJitsu(transport, scene)));
  }
  for (const others of [
    await startDnsmasq(PROBE, { upstreamPort, cacheSize: 10 * NAMES }),
    await startUnbound(PROBE, { upstreamPort }),
  ]) {
    contestants.push(...others.map((other) => started.use(other)));
  }
  for (const { title, queries } of scene.tasks) {
    await using file = await QueryFile.write(queries);
    printContest(title, await holdContest(contestants, file.path));
  }
}
