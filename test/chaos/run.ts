/** `npm run chaos [-- --minutes 60 --transport dgram --seed N]`: see Chaos. Its exit status is 0 if nothing was wrong. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine } from '../bench/machine.js';
import { commandArguments } from '../support/command-arguments.js';
import { Chaos } from './chaos.js';

const HELP = `npm run chaos -- [--minutes COUNT] [--transport NAME] [--seed NUMBER]

Runs twenty unikernels under a Jitsu while clients ask for them, and kills, freezes, stops
and restarts programs, Jitsu and its helpers. Ends with status 0 if nothing was wrong.

  --minutes COUNT    For so long. (60)
  --transport NAME   Its dns.transport: auto, mmsg or dgram. (auto)
  --seed NUMBER      What is random is the same for the same number.`;

const { values } = commandArguments(HELP, {
  options: {
    minutes: { type: 'string', default: '60' },
    transport: { type: 'string', default: 'auto' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('--minutes and --seed take numbers');
console.log(`${describeMachine()}; transport ${values.transport}, ${minutes} minutes, --seed ${seed}`);
await using chaos = new Chaos(seed, values.transport);
try {
  await chaos.run(minutes * 60_000, console.log);
} finally {
  const log = join(tmpdir(), `jitsu-chaos-${seed}.log`);
  writeFileSync(log, chaos.log);
  console.log(`${chaos.summary()}; the log of Jitsu: ${log}`);
}
for (const fault of chaos.faults) console.log(`  ${fault}`);
process.exitCode = chaos.faults.length === 0 ? 0 : 1;
