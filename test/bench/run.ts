/** `npm run bench [summon] [throughput] [hot] [scale] [libvirt] [xapi] [xen]`: prints figures, asserts nothing. */
import { describeMachine } from './machine.js';
import { benchHot } from './hot-bench.js';
import { benchLibvirt } from './libvirt-bench.js';
import { benchScale } from './scale-bench.js';
import { benchSummon } from './summon-bench.js';
import { benchThroughput } from './throughput-bench.js';
import { benchXapi } from './xapi-bench.js';
import { benchXen } from './xen-bench.js';

const BENCHES = {
  summon: benchSummon,
  throughput: benchThroughput,
  hot: benchHot,
  scale: benchScale,
  libvirt: benchLibvirt,
  xapi: benchXapi,
  xen: benchXen,
};

console.log(describeMachine());
const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length === 0 || wanted.includes(name)) await bench();
}
