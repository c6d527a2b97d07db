import type { ResourceRecord } from '../../contracts/resource-record.js';
import { canonicalName } from './domain-name.js';
import { typeNumber } from './record-writer.js';

/**
 * The RRsets among the records of a section (RFC 2181, 5), in the order in which they begin. Whoever made the records
 * need not have kept those of one set together, nor have written their owner in one way.
 */
export function recordSets(records: readonly ResourceRecord[]): Iterable<readonly ResourceRecord[]> {
  const [first] = records;
  if (first === undefined) return [];
  // Nearly every section is a single set.
  if (records.every(({ name, type }) => name === first.name && type === first.type)) return [records];
  const sets = new Map<string, ResourceRecord[]>();
  for (const record of records) {
    const key = `${typeNumber(record)} ${canonicalName(record.name)}`;
    const set = sets.get(key);
    if (set === undefined) sets.set(key, [record]);
    else set.push(record);
  }
  return sets.values();
}
