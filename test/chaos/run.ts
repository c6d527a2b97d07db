/**
 * `npm run chaos [-- --minutes 60 --transport dgram --seed N]`: see Chaos; `npm run chaos -- cycles`: see there. The exit
 * status is 0 if nothing was wrong.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enduranceArguments } from '../support/endurance-arguments.js';
import { onInterruption } from '../support/interruption.js';
import { Chaos } from './chaos.js';

const HELP = `npm run chaos -- [--minutes COUNT] [--transport NAME] [--seed NUMBER]
npm run chaos -- cycles     (stops and connections in each topology; has a --help of its own)

Runs two dozen unikernels under a Jitsu while clients ask for and use them, and kills, freezes, stops
and restarts programs, Jitsu and its helpers, changes the configuration and, as root, fills
disks. Ends with status 0 if nothing was wrong.`;

if (process.argv[2] === 'cycles') await import('./cycles.js');
else await makeChaos();

async function makeChaos(): Promise<void> {
  const { minutes, transport, seed } = enduranceArguments(HELP);
  await using chaos = await Chaos.create(seed, transport);
  using _interruption = onInterruption(() => chaos[Symbol.asyncDispose]());
  let printed = 0;
  const printFaults = (): void => {
    for (const fault of chaos.faults.slice(printed)) console.log(`  ${fault}`);
    printed = chaos.faults.length;
  };
  try {
    await chaos.run(minutes * 60_000, (line) => {
      console.log(line);
      printFaults();
    });
  } finally {
    const log = join(tmpdir(), `jitsu-chaos-${seed}.log`);
    writeFileSync(log, chaos.log);
    console.log(`${chaos.summary()}; the log of Jitsu: ${log}`);
    printFaults();
  }
  process.exitCode = chaos.faults.length === 0 ? 0 : 1;
}
