import { holdContest } from './contest/contest.js';
import { printContest } from './contest/contest-table.js';
import { canLoad } from './contest/dns-load.js';
import { startDnsmasq } from './contest/dnsmasq.js';
import { ECHO_TRANSPORTS } from './contest/echo.js';
import { startJitsu } from './contest/jitsu-contestant.js';
import { QueryFile } from './contest/query-file.js';
import type { Scene } from './contest/scene.js';
import { ServerStack } from './contest/server-stack.js';
import { startUnbound } from './contest/unbound.js';

const ZONE = 'forwarded.test';
/** More than are asked for in a round: so no name comes twice while an answer to it could still be under way. */
const NAMES = 300_000;
const PROBE = `probe.${ZONE}`;

/** Starts what it forwards to, and tells the rest; nothing where Unbound is not installed. */
export async function forwardedScene(
  started: ServerStack,
): Promise<(Scene & { readonly upstreamPort: number }) | undefined> {
  const [upstream] = await startUnbound(PROBE, { redirected: ZONE });
  if (upstream === undefined) {
    console.log('\nforwarded: left out, as Unbound, the upstream, is not installed');
    return undefined;
  }
  started.use(upstream);
  const queries = Array.from({ length: NAMES }, (_, n) => `name${n}.${ZONE} A`);
  return {
    probe: PROBE,
    dns: { forwarders: `127.0.0.1:${upstream.port}`, cache: { size: 0 } },
    tasks: [{ title: 'All names different, forwarded, nothing cached', queries }],
    upstreamPort: upstream.port,
  };
}

/** Names of which each is forwarded, as nothing is cached: Jitsu beside dnsmasq, with the same upstream. */
export async function benchForwarded(): Promise<void> {
  if (!canLoad('forwarded')) return;
  await using started = new ServerStack();
  const scene = await forwardedScene(started);
  if (scene === undefined) return;
  const contestants = [];
  for (const transport of ECHO_TRANSPORTS) contestants.push(started.use(await startJitsu(transport, scene)));
  for (const other of await startDnsmasq(PROBE, { upstreamPort: scene.upstreamPort, cacheSize: 0 })) {
    contestants.push(started.use(other));
  }
  for (const { title, queries } of scene.tasks) {
    await using file = await QueryFile.write(queries);
    printContest(title, await holdContest(contestants, file.path));
  }
}
