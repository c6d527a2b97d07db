/**
 * `npm run bench [summon] [cold] [ready] [hot] [cached] [forwarded] [relay] [storm] [scale] [start] [idle] [netfilter] [first-connect] [libvirt] [xapi] [xen]`: prints figures,
 * asserts nothing. With `-- --against DIR`, DIR being another checkout that is built, it compares the two instead.
 */
import { commandArguments } from '../support/command-arguments.js';
import { describeMachine } from './machine.js';
import { benchCached } from './cached-bench.js';
import { compareTrees } from './comparison/compare-trees.js';
import { programVersions } from './contest/program-versions.js';
import { benchCold } from './cold-bench.js';
import { benchFirstConnect } from './first-connect-bench.js';
import { benchForwarded } from './forwarded-bench.js';
import { benchHot } from './hot-bench.js';
import { benchIdle } from './idle-bench.js';
import { benchLibvirt } from './libvirt-bench.js';
import { benchNetfilter } from './netfilter-bench.js';
import { benchReady } from './ready-bench.js';
import { benchRelay } from './relay-bench.js';
import { benchScale } from './scale-bench.js';
import { benchSummon } from './summon-bench.js';
import { benchStart } from './start-bench.js';
import { benchStorm } from './storm-bench.js';
import { benchXapi } from './xapi-bench.js';
import { benchXen } from './xen-bench.js';

const BENCHES = {
  summon: benchSummon,
  cold: benchCold,
  ready: benchReady,
  hot: benchHot,
  cached: benchCached,
  forwarded: benchForwarded,
  relay: benchRelay,
  storm: benchStorm,
  scale: benchScale,
  start: benchStart,
  idle: benchIdle,
  netfilter: benchNetfilter,
  'first-connect': benchFirstConnect,
  libvirt: benchLibvirt,
  xapi: benchXapi,
  xen: benchXen,
};

const HELP = `npm run bench -- [NAME...] [--against DIR [--pairs COUNT]]

Prints the figures of these, or of all: ${Object.keys(BENCHES).join(', ')}.

  --against DIR   Compare with another checkout that is built.
  --pairs COUNT   Run each of the two so many times. (10)`;

const { values, positionals: wanted } = commandArguments(
  HELP,
  { options: { against: { type: 'string' }, pairs: { type: 'string', default: '10' } }, allowPositionals: true },
  Object.keys(BENCHES),
);
console.log(`${describeMachine()}; ${programVersions()}`);
if (values.against === undefined) {
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (wanted.length === 0 || wanted.includes(name)) await bench();
  }
} else {
  await compareTrees(values.against, wanted, Number(values.pairs));
}
