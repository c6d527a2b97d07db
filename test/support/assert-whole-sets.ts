import assert from 'node:assert/strict';

interface Owned {
  readonly name: string;
  readonly type: string;
}

/** Of each RRset that was there (RFC 2181, 5), all records must have been kept, or none. */
export function assertWholeSets(all: readonly Owned[], kept: readonly Owned[]): void {
  const sizes = (records: readonly Owned[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { name, type } of records) {
      const set = `${type} ${name.toLowerCase()}`;
      counts.set(set, (counts.get(set) ?? 0) + 1);
    }
    return counts;
  };
  const whole = sizes(all);
  for (const [set, size] of sizes(kept)) assert.equal(size, whole.get(set), `the set ${set} has been cut`);
}
