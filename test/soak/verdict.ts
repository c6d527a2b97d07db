import type { ProcessSample } from './process-sample.js';
import type { Tally } from './tally.js';

/** Memory that has not settled by a third of the time would not settle later, either. */
const SETTLED_AFTER = 1 / 3;
/** In MiB, and as a share; what the allocator keeps or gives back varies by this much. */
const HEAP_LEEWAY = 4;
const MEMORY_LEEWAY = 16;
const SHARE = 0.1;

/** What is to be said of a soak at its end: faults, if there were any. */
export function faultsOf(
  samples: readonly ProcessSample[],
  tallies: Readonly<Record<string, Tally>>,
  missingByTcp: number,
): string[] {
  const faults = Object.entries(tallies).flatMap(([kind, { missing, wrong, firstFault = '' }]) =>
    missing + wrong === 0 ? [] : [`${kind}: ${missing} missing, ${wrong} wrong; the first: ${firstFault}`],
  );
  if (missingByTcp > 0) faults.push(`TCP: ${missingByTcp} valid queries without an answer`);
  const settled = samples.slice(Math.floor(samples.length * SETTLED_AFTER));
  faults.push(
    ...growth(
      'heap',
      HEAP_LEEWAY,
      settled.map(({ heap }) => heap),
    ),
  );
  faults.push(
    ...growth(
      'resident memory',
      MEMORY_LEEWAY,
      settled.map(({ residentMemory }) => residentMemory),
    ),
  );
  faults.push(
    ...growth(
      'files',
      20,
      settled.map(({ files }) => files),
    ),
  );
  faults.push(
    ...growth(
      'threads',
      1,
      settled.map(({ threads }) => threads),
    ),
  );
  return faults;
}

/** Compares the beginning with the end, by the least of each half: peaks come and go. */
function growth(what: string, leeway: number, values: readonly number[]): string[] {
  const half = Math.floor(values.length / 2);
  if (half === 0) return [];
  const [before, after] = [Math.min(...values.slice(0, half)), Math.min(...values.slice(half))];
  if (after <= before * (1 + SHARE) + leeway) return [];
  return [`${what} grew from ${before.toFixed(0)} to ${after.toFixed(0)}`];
}
