import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What the last collection has let go of is given back a moment later, and may have kept something else until then. */
const COLLECTIONS = 5;
const BETWEEN = 20;

/** What this thread holds after garbage collections, buffers included, in bytes. */
export async function heapInUse(): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < COLLECTIONS; round++) {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
    await sleep(BETWEEN);
  }
  return least;
}
