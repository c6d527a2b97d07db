import { holdContest } from './contest/contest.js';
import { printContest } from './contest/contest-table.js';
import { canLoad } from './contest/dns-load.js';
import { startDnsmasq } from './contest/dnsmasq.js';
import { ECHO_TRANSPORTS } from './contest/echo.js';
import { startJitsu } from './contest/jitsu-contestant.js';
import { QueryFile } from './contest/query-file.js';
import { ServerStack } from './contest/server-stack.js';
import { startUnbound } from './contest/unbound.js';

const ZONE = 'forwarded.test';
/** More than are asked for in a round: so no name comes twice while an answer to it could still be under way. */
const NAMES = 300_000;

/** Names of which each is forwarded, as nothing is cached: Jitsu beside dnsmasq, with the same upstream. */
export async function benchForwarded(): Promise<void> {
  if (!canLoad('forwarded')) return;
  await using started = new ServerStack();
  const probe = `probe.${ZONE}`;
  const [upstream] = await startUnbound(probe, { redirected: ZONE });
  if (upstream === undefined) return console.log('\nforwarded: left out, as Unbound, the upstream, is not installed');
  started.use(upstream);
  const contestants = [];
  for (const transport of ECHO_TRANSPORTS) {
    const dns = { forwarders: `127.0.0.1:${upstream.port}`, cache: { size: 0 } };
    contestants.push(started.use(await startJitsu(transport, probe, { dns })));
  }
  for (const other of await startDnsmasq(probe, { upstreamPort: upstream.port, cacheSize: 0 })) {
    contestants.push(started.use(other));
  }
  await using queries = await QueryFile.write(Array.from({ length: NAMES }, (_, n) => `name${n}.${ZONE} A`));
  printContest('All names different, forwarded, nothing cached', await holdContest(contestants, queries.path));
}
