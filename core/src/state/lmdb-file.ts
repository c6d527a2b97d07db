import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The LMDB data file is inconsistent. The message describes the damage for people. */
export class LmdbDamage extends Error {}

/** The root page of a B-tree and the expected counts below it. */
export interface LmdbTree {
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** `undefined` for an empty tree. */
  readonly root: number | undefined;
}

/** A meta page: the start of one snapshot. */
export interface LmdbMeta {
  readonly pageSize: number;
  readonly freePages: LmdbTree;
  readonly main: LmdbTree;
  readonly lastPage: number;
  readonly transaction: number;
}

const magic = 0xbeefc0de;
const dataVersion = 2;
const metaFlag = 0x08;
const integerKeyFlag = 0x08;
const metaBytes = 168;
const noPage = 0xffff_ffff_ffff_ffffn;

/**
 * Reads an LMDB data file (as LMDB 0.9.90 of the package lmdb writes it, on a little-endian 64-bit machine) by plain
 * reads. LMDB maps the file and trusts it: a page number beyond its end is a SIGBUS, a wrong flag an abort. A file that
 * passes this check is safe to open.
 */
export class LmdbFile implements Disposable {
  readonly #descriptor: number;
  readonly size: number;
  /** The newest snapshot. */
  readonly meta: LmdbMeta;

  /** @throws LmdbDamage for an invalid meta page, and the system's error if the file cannot be read */
  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
    try {
      this.size = fstatSync(this.#descriptor).size;
      if (this.size === 0) throw new LmdbDamage('its data file is empty');
      const first = this.#readMeta(0, 0);
      const second = this.#readMeta(1, first.pageSize);
      if (first.pageSize !== second.pageSize) throw new LmdbDamage('its two meta pages disagree on the page size');
      if (Math.abs(first.transaction - second.transaction) > 1) {
        throw new LmdbDamage('its two meta pages are not of neighbouring transactions');
      }
      this.meta = first.transaction >= second.transaction ? first : second;
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** Returns the bytes of `count` pages, starting at `page`. @throws LmdbDamage beyond the end of the file */
  read(page: number, count = 1): Buffer {
    const { pageSize } = this.meta;
    return this.#readAt(page * pageSize, count * pageSize, `page ${page}`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #readAt(position: number, length: number, what: string): Buffer {
    if (position + length > this.size) {
      throw new LmdbDamage(`its data file ends at byte ${this.size}, before the end of ${what}: it has been cut short`);
    }
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length;) {
      const count = readSync(this.#descriptor, bytes, done, length - done, position + done);
      if (count === 0) throw new LmdbDamage(`its data file became shorter while ${what} was read`);
      done += count;
    }
    return bytes;
  }

  #readMeta(index: number, position: number): LmdbMeta {
    const bytes = this.#readAt(position, metaBytes, `meta page ${index}`);
    const demand = (holds: boolean, what: string) => {
      if (!holds) throw new LmdbDamage(`meta page ${index} of its data file ${what}`);
    };
    demand((bytes.readUInt16LE(18) & metaFlag) !== 0 && bytes.readUInt32LE(24) === magic, 'is not one of LMDB');
    const version = bytes.readUInt32LE(28);
    demand(version === dataVersion, `is of LMDB's data version ${version}; this Jitsu reads version ${dataVersion}`);
    const pageSize = bytes.readUInt32LE(48);
    demand(pageSize >= 512 && pageSize <= 65_536 && Number.isInteger(Math.log2(pageSize)), 'has no valid page size');
    const mapSize = bytes.readBigUInt64LE(40);
    demand(bytes.readBigUInt64LE(32) === 0n && mapSize < 1n << 46n, 'has no valid memory map');
    const lastPage = count(bytes, 144);
    const transaction = count(bytes, 152);
    const freePages = readTree(bytes, 48);
    const main = readTree(bytes, 96);
    demand(freePages.flags === integerKeyFlag && main.flags === 0, 'has flags that Jitsu does not use');
    demand(transaction === 0 || transaction % 2 === index, 'has the number of a transaction that is not its own');
    for (const { root } of [freePages, main]) demand(root === undefined || root <= lastPage, 'has a root out of range');
    demand(lastPage * pageSize < 2 ** 46, 'has a last page out of range');
    return { pageSize, freePages, main, lastPage, transaction };
  }
}

function readTree(bytes: Buffer, offset: number): LmdbTree {
  const root = bytes.readBigUInt64LE(offset + 40);
  return {
    flags: bytes.readUInt16LE(offset + 4),
    depth: bytes.readUInt16LE(offset + 6),
    branchPages: count(bytes, offset + 8),
    leafPages: count(bytes, offset + 16),
    overflowPages: count(bytes, offset + 24),
    entries: count(bytes, offset + 32),
    root: root === noPage ? undefined : Number(root),
  };
}

/** A 64-bit number. One beyond 2^53 loses precision here, but is too large to be valid anyway. */
function count(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset));
}
