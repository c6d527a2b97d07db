import assert from 'node:assert/strict';
import { numbersFrom } from '../support/numbers-from.js';
import { savedCorpus } from './corpus.js';
import { FUZZ_TARGETS } from './fuzz-targets.js';
import { Fuzzer } from './fuzzer.js';
import { largeReplies } from './large-replies.js';
import { ReplyStage } from './targets/upstream-replies.js';

const SEED = Number(process.env['JITSU_FUZZ_SEED'] ?? 1);
const [EXPLORED, MEASURED] = [1_024, 10_000];
/** How much slower a machine may be than one of 2025, where other tests run at the same time: what comes near its limit. */
const SLOWNESS: Readonly<Record<string, number>> = { 'upstream-replies': 3 };
/** A slow machine runs fewer, in milliseconds. */
const PATIENCE = 1_500;

/** `npm run fuzz` for a few seconds, from the same seed each time. */
describe(`what others send (JITSU_FUZZ_SEED=${SEED})`, function () {
  this.timeout(60_000);

  for (const target of FUZZ_TARGETS) {
    it(`does no harm, however it is spoilt: ${target.name}`, async () => {
      await using fuzzer = await Fuzzer.open(
        { ...target, mostCpu: (SLOWNESS[target.name] ?? 1) * target.mostCpu },
        numbersFrom(SEED),
        savedCorpus(target),
      );
      const upTo = (most: number) => {
        const end = performance.now() + PATIENCE;
        return (runs: number): boolean => runs < most && performance.now() < end;
      };
      await fuzzer.runSeeds();
      await fuzzer.explore(upTo(EXPLORED));
      const endGrowth = await fuzzer.watchGrowth();
      await fuzzer.measure(upTo(MEASURED), false);
      await endGrowth();
      assert.ok(fuzzer.figures.reached > 0, 'nothing was reached');
    });
  }
});

describe('a reply of 64 KiB', () => {
  it('gets through where it is honest, whatever it has thousands of', async () => {
    await using stage = new ReplyStage();
    for (const [what, { message, isHonest }] of Object.entries(largeReplies())) {
      if (isHonest) assert.ok(await stage.answers(message), what);
    }
  });
});
