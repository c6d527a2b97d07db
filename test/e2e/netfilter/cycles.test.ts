import assert from 'node:assert/strict';
import { CycleLab, CYCLE_TOPOLOGIES } from '../../support/cycles/cycle-lab.js';
import { SLOW } from '../../support/cycles/stop-cycles.js';

/** `npm run chaos -- --cycles 200` has more, by TCP over IPv4. */
const CYCLES = 5;

describe('a unikernel that is stopped again and again while a client connects every 5 ms', function () {
  this.timeout(60_000 + CYCLES * 10_000);

  for (const topology of CYCLE_TOPOLOGIES) {
    describe(`by ${topology}`, () => {
      let lab: CycleLab;

      before(async function () {
        lab = await CycleLab.create(topology, this);
      });
      after(() => lab[Symbol.asyncDispose]());

      for (const protocol of ['tcp', 'udp'] as const) {
        for (const family of ['ipv4', 'ipv6'] as const) {
          it(`loses none of ${protocol} over ${family}`, async () => {
            const figures = await lab.cycles(CYCLES, protocol, family);
            const { connections, failures, log } = figures;
            assert.deepEqual(failures, [], `of ${connections} connections:\n${failures.join('\n')}\n${log}`);
            assert.ok(figures.slowest < SLOW, JSON.stringify(figures));
          });
        }
      }
    });
  }
});
