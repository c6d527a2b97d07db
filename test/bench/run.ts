/** `npm run bench [summon] [throughput] [scale]`: prints figures, asserts nothing. */
import { describeMachine } from './machine.js';
import { benchScale } from './scale-bench.js';
import { benchSummon } from './summon-bench.js';
import { benchThroughput } from './throughput-bench.js';

const BENCHES = { summon: benchSummon, throughput: benchThroughput, scale: benchScale };

console.log(describeMachine());
const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length === 0 || wanted.includes(name)) await bench();
}
