import { holdContest } from './contest/contest.js';
import { printContest } from './contest/contest-table.js';
import { canLoad } from './contest/dns-load.js';
import { startDnsmasq } from './contest/dnsmasq.js';
import { ECHO_TRANSPORTS, startEcho } from './contest/echo.js';
import { startJitsu } from './contest/jitsu-contestant.js';
import { QueryFile } from './contest/query-file.js';
import { ServerStack } from './contest/server-stack.js';
import { startUnbound } from './contest/unbound.js';

const ZONE = 'cached.test';
const NAMES = 1_000;

/** Names that have been forwarded once and are asked for again, beside the C servers as forwarders with a cache. */
export async function benchCached(): Promise<void> {
  if (!canLoad('cached')) return;
  await using started = new ServerStack();
  const probe = `probe.${ZONE}`;
  const [upstream] = await startUnbound(probe, { redirected: ZONE });
  if (upstream === undefined) return console.log('\ncached: left out, as Unbound, the upstream, is not installed');
  started.use(upstream);
  const upstreamPort = upstream.port;
  const contestants = [];
  for (const transport of ECHO_TRANSPORTS) {
    const dns = { forwarders: `127.0.0.1:${upstreamPort}` };
    contestants.push(started.use(await startEcho(transport)), started.use(await startJitsu(transport, probe, { dns })));
  }
  for (const others of [
    await startDnsmasq(probe, { upstreamPort, cacheSize: 10 * NAMES }),
    await startUnbound(probe, { upstreamPort }),
  ]) {
    contestants.push(...others.map((other) => started.use(other)));
  }
  await using queries = await QueryFile.write(Array.from({ length: NAMES }, (_, n) => `name${n}.${ZONE} A`));
  printContest(`${NAMES} names, forwarded once and asked for again`, await holdContest(contestants, queries.path));
}
