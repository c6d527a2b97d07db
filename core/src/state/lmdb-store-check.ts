import { LmdbDamage, LmdbFile } from './lmdb-file.js';
import { checkLmdbTrees } from './lmdb-tree-check.js';
import { decodeRecord, isIntactRecord } from './stored-record.js';

/** The format that this version writes. A store with a newer format is refused; there is no older one. */
export const storeFormat = 1;

/** The first record of every store. */
export interface StoreFormat {
  readonly program: 'jitsu';
  readonly format: number;
}

/**
 * Checks a whole store, page by page and record by record, without opening it in LMDB.
 *
 * @param formatKey the key of the format record, as LMDB sees it
 * @throws LmdbDamage for a store that is damaged, not Jitsu's, or in a newer format, and the system's error
 */
export function checkStore(dataFile: string, formatKey: Buffer): void {
  using file = new LmdbFile(dataFile);
  let formatRecord: Buffer | undefined;
  let damaged = 0;
  checkLmdbTrees(file, (key, value) => {
    if (key.equals(formatKey)) formatRecord = value;
    else if (!isIntactRecord(value)) damaged += 1;
  });
  checkFormat(formatRecord);
  if (damaged > 0) throw new LmdbDamage(`${damaged} of its records are not what was once written`);
}

/** @throws LmdbDamage if the record is missing, damaged, or of a newer format */
function checkFormat(record: Buffer | undefined): void {
  if (record === undefined) throw new LmdbDamage('it is an LMDB file of another program');
  const format = decodeRecord(record) as StoreFormat | undefined;
  if (format?.program !== 'jitsu') throw new LmdbDamage('the record that names its format is damaged');
  if (format.format > storeFormat) {
    throw new LmdbDamage(
      `it is of format ${format.format}, written by a newer Jitsu; this one reads format ${storeFormat}`,
    );
  }
}
