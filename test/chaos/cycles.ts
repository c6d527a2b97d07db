/** `npm run chaos -- cycles [--count 200 --topology NAME --protocol udp --family ipv6]`: see HELP. */
import { describeMachine } from '../bench/machine.js';
import { commandArguments } from '../support/command-arguments.js';
import { CycleLab, CYCLE_TOPOLOGIES } from '../support/cycles/cycle-lab.js';
import { SLOW } from '../support/cycles/stop-cycles.js';

const HELP = `npm run chaos -- cycles [--count COUNT] [--topology NAME]... [--protocol NAME] [--family NAME]

Stops one unikernel again and again while a client connects every 5 ms, in each topology,
and tells of connections that have failed or were slow. Ends with status 0 if none has
failed, and none took longer than ${SLOW} ms beyond the boot. As root.

  --count COUNT      How often it is stopped. (200)
  --topology NAME    ${CYCLE_TOPOLOGIES.join(', ')}; once or more. (all)
  --protocol NAME    tcp or udp. (tcp)
  --family NAME      ipv4 or ipv6. (ipv4)`;

const { values } = commandArguments(
  HELP,
  {
    allowPositionals: true,
    options: {
      count: { type: 'string', default: '200' },
      topology: { type: 'string', multiple: true, default: [...CYCLE_TOPOLOGIES] },
      protocol: { type: 'string', default: 'tcp' },
      family: { type: 'string', default: 'ipv4' },
    },
  },
  ['cycles'],
);
const count = Number(values.count);
const [protocol, family] = [
  values.protocol === 'udp' ? 'udp' : 'tcp',
  values.family === 'ipv6' ? 'ipv6' : 'ipv4',
] as const;
const topologies = CYCLE_TOPOLOGIES.filter((name) => values.topology.includes(name));
if (
  !(count > 0) ||
  topologies.length < new Set(values.topology).size ||
  protocol !== values.protocol ||
  family !== values.family
) {
  console.error(HELP);
  process.exit(2);
}
console.log(`${describeMachine()}; ${count} stops in each topology, ${protocol} over ${family}`);
for (const topology of topologies) {
  await using lab = await CycleLab.create(topology);
  const { connections, failures, slowest, absences, log } = await lab.cycles(count, protocol, family);
  const [median, longest] = [absences.median, absences.longest].map((time) => time.toFixed(0));
  console.log(
    `${topology}: ${connections} connections, ${failures.length} failed; slowest ${slowest.toFixed(0)} ms beyond the boot; ` +
      `from a stop until it was ready: median ${median}, longest ${longest} ms`,
  );
  for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`);
  if (log !== '') console.log(log);
  if (failures.length > 0 || slowest >= SLOW) process.exitCode = 1;
}
