import { askForAddress } from './ask.js';
import { holdContest } from './contest/contest.js';
import { printContest } from './contest/contest-table.js';
import type { Contestant } from './contest/contestant.js';
import { canLoad } from './contest/dns-load.js';
import { startDnsmasq } from './contest/dnsmasq.js';
import { ECHO_TRANSPORTS, startEcho } from './contest/echo.js';
import { startJitsu } from './contest/jitsu-contestant.js';
import { QueryFile } from './contest/query-file.js';
import type { Scene } from './contest/scene.js';
import { ServerStack } from './contest/server-stack.js';
import { startUnbound } from './contest/unbound.js';

const records: ReadonlyMap<string, string> = new Map(
  Array.from({ length: 20 }, (_, n) => [`ready${n}.bench.test`, `127.0.87.${n + 1}`]),
);
const names = [...records.keys()];
const [first = ''] = names;

export const READY_SCENE: Scene = {
  probe: first,
  unikernels: [...records].map(([name, ip], n) => ({
    ...{ name: `ready${n}`, dns: name, ip, backend: 'process', command: ['sleep', '3600'], responseDelay: 0 },
  })),
  names,
  tasks: [
    { title: 'One ready name, type A', queries: [`${first} A`] },
    { title: '20 ready names, types A and AAAA, in both cases', queries: names.flatMap(asClientsAsk) },
  ],
};

/** Names that are ready: Jitsu with each transport beside the C servers, and beside an echo that looks nothing up. */
export async function benchReady(): Promise<void> {
  if (!canLoad('ready')) return;
  await using started = new ServerStack();
  const contestants: Contestant[] = [];
  for (const transport of ECHO_TRANSPORTS) {
    contestants.push(started.use(await startEcho(transport)), started.use(await startJitsu(transport, READY_SCENE)));
  }
  const others = [await startDnsmasq(first, { records, cacheSize: 1_000 }), await startUnbound(first, { records })];
  contestants.push(...others.flat().map((other) => started.use(other)));
  for (const { echo, port } of contestants) {
    if (echo !== undefined) for (const name of names) await askForAddress(port, name);
  }
  for (const { title, queries } of READY_SCENE.tasks) {
    await using file = await QueryFile.write(queries);
    printContest(title, await holdContest(contestants, file.path));
  }
}

/** A stub resolver asks for both types, and a resolver that guards against forgery in letters of either case. */
function asClientsAsk(name: string): string[] {
  const inBothCases = name.replace(/[aeiou]/g, (letter) => letter.toUpperCase());
  return [`${name} A`, `${name} AAAA`, `${inBothCases} A`];
}
