import { LmdbDamage, type LmdbFile, type LmdbTree } from './lmdb-file.js';

const branchFlag = 0x01;
const leafFlag = 0x02;
const overflowFlag = 0x04;
const bigDataFlag = 0x01;
const headerBytes = 24;
const nodeBytes = 8;

type Visit = (key: Buffer, value: Buffer) => void;
type Compare = (left: Buffer, right: Buffer) => number;

type Counts = Record<'branchPages' | 'leafPages' | 'overflowPages' | 'entries', number>;

interface Bounds {
  /** The first key must not be smaller. */
  readonly from?: Buffer;
  /** The last key must be smaller. */
  readonly below?: Buffer;
}

/**
 * Checks every page of the newest snapshot in the order of its keys: page numbers are in range and used once, nodes lie
 * within their pages, keys ascend, and the counts agree.
 *
 * @param visit called with each key and value
 * @throws LmdbDamage
 */
export function checkLmdbTrees(file: LmdbFile, visit: Visit): void {
  const check = new LmdbTreeCheck(file);
  check.tree(file.meta.main, (left, right) => left.compare(right), visit);
  const free: Buffer[] = [];
  check.tree(file.meta.freePages, compareTransactions, (_, value) => void free.push(value));
  for (const list of free) check.freeList(list);
}

class LmdbTreeCheck {
  readonly #used: Uint8Array;
  #found: Counts = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };

  constructor(private readonly file: LmdbFile) {
    // A file whose tail is free may be shorter than its last page, but no page in use lies beyond its end.
    this.#used = new Uint8Array(Math.ceil(file.size / file.meta.pageSize));
  }

  tree(tree: LmdbTree, compare: Compare, visit: Visit): void {
    this.#found = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    if (tree.root !== undefined) this.#page(tree.root, tree.depth, {}, compare, visit);
    for (const [what, found] of Object.entries(this.#found)) {
      const expected = tree[what as keyof Counts];
      if (found !== expected)
        throw new LmdbDamage(`it has ${found} ${inWords(what)}, and says that it has ${expected}`);
    }
  }

  /**
   * Checks a list of free pages as the package lmdb writes it: its length, then page numbers. A negative number is the
   * length of the run of pages that begins at the following number; zero is skipped.
   */
  freeList(list: Buffer): void {
    const length = list.length % 8 === 0 && list.length > 0 ? Number(list.readBigInt64LE(0)) : -1;
    if (length < 0 || length * 8 + 8 > list.length) throw new LmdbDamage('a list of free pages has a wrong length');
    for (let index = 1; index <= length; index += 1) {
      const number = Number(list.readBigInt64LE(index * 8));
      if (number === 0) continue;
      // The run's first page may be the first number of the next list.
      if (number < 0 && index === length) break;
      const first = number < 0 ? Number(list.readBigInt64LE((index += 1) * 8)) : number;
      const last = number < 0 ? first - number - 1 : first;
      if (first < 2 || last > this.file.meta.lastPage) throw new LmdbDamage(`free page ${first} is out of range`);
      for (let page = first; page <= last && page < this.#used.length; page += 1) {
        if (this.#used[page]) throw new LmdbDamage(`page ${page} is free and in use`);
      }
    }
  }

  #page(number: number, depth: number, bounds: Bounds, compare: Compare, visit: Visit): void {
    this.#use(number, 1);
    const page = this.file.read(number);
    const flags = page.readUInt16LE(18);
    const isLeaf = depth === 1;
    if (page.readBigUInt64LE(0) !== BigInt(number)) throw new LmdbDamage(`page ${number} is not where it should be`);
    if (flags !== (isLeaf ? leafFlag : branchFlag)) throw new LmdbDamage(`page ${number} is of the wrong kind`);
    if (page.readBigUInt64LE(8) > BigInt(this.file.meta.transaction)) {
      throw new LmdbDamage(`page ${number} is of a transaction that has not been`);
    }
    this.#found[isLeaf ? 'leafPages' : 'branchPages'] += 1;

    const nodes = nodesOf(page, number);
    // The first node of a branch page has no key: it covers all keys below the second node's key.
    const keys = nodes.map(({ key }, index) => (isLeaf || index > 0 ? key : undefined));
    checkOrder(keys, bounds, compare, number);
    nodes.forEach((node, index) => {
      if (isLeaf) {
        this.#found.entries += 1;
        visit(node.key, this.#value(page, node, number));
        return;
      }
      const child = node.low + node.high * 0x1_0000 + node.flags * 0x1_0000_0000;
      const from = keys[index] ?? bounds.from;
      const below = keys[index + 1] ?? bounds.below;
      this.#page(child, depth - 1, { ...(from && { from }), ...(below && { below }) }, compare, visit);
    });
  }

  #value(page: Buffer, node: Node, number: number): Buffer {
    const start = node.offset + nodeBytes + node.key.length;
    const length = node.low + node.high * 0x1_0000;
    const isBig = node.flags === bigDataFlag;
    if (!isBig && node.flags !== 0)
      throw new LmdbDamage(`a node on page ${number} is of a kind that Jitsu does not use`);
    if (start + (isBig ? 24 : length) > page.length)
      throw new LmdbDamage(`a value runs over the end of page ${number}`);
    if (!isBig) return page.subarray(start, start + length);

    const first = Number(page.readBigUInt64LE(start));
    const count = Number(page.readBigUInt64LE(start + 16));
    if (count !== Math.floor((headerBytes - 1 + length) / page.length) + 1) {
      throw new LmdbDamage(`a value on page ${number} has a wrong length`);
    }
    this.#use(first, count);
    const pages = this.file.read(first, count);
    if (pages.readBigUInt64LE(0) !== BigInt(first) || pages.readUInt16LE(18) !== overflowFlag) {
      throw new LmdbDamage(`page ${first} does not hold the value that it should`);
    }
    this.#found.overflowPages += count;
    return pages.subarray(headerBytes, headerBytes + length);
  }

  #use(first: number, count: number): void {
    if (first < 2 || first + count - 1 > this.file.meta.lastPage) throw new LmdbDamage(`page ${first} is out of range`);
    // A page beyond the end of the file is reported when it is read.
    for (let page = first; page < first + count && page < this.#used.length; page += 1) {
      if (this.#used[page]) throw new LmdbDamage(`page ${page} is used twice`);
      this.#used[page] = 1;
    }
  }
}

interface Node {
  readonly offset: number;
  readonly low: number;
  readonly high: number;
  readonly flags: number;
  readonly key: Buffer;
}

function nodesOf(page: Buffer, number: number): Node[] {
  const lower = page.readUInt16LE(20);
  const upper = page.readUInt16LE(22);
  if (lower % 2 !== 0 || lower < 2 || lower > upper || headerBytes + upper > page.length) {
    throw new LmdbDamage(`page ${number} has wrong bounds`);
  }
  return Array.from({ length: lower / 2 }, (_, index) => {
    const offset = headerBytes + page.readUInt16LE(headerBytes + index * 2);
    if (offset < headerBytes + upper || offset + nodeBytes > page.length) {
      throw new LmdbDamage(`a node of page ${number} lies outside of it`);
    }
    const keyEnd = offset + nodeBytes + page.readUInt16LE(offset + 6);
    if (keyEnd > page.length) throw new LmdbDamage(`a key runs over the end of page ${number}`);
    return {
      offset,
      low: page.readUInt16LE(offset),
      high: page.readUInt16LE(offset + 2),
      flags: page.readUInt16LE(offset + 4),
      key: page.subarray(offset + nodeBytes, keyEnd),
    };
  });
}

function checkOrder(keys: readonly (Buffer | undefined)[], bounds: Bounds, compare: Compare, number: number): void {
  let previous = bounds.from;
  let mayEqual = true;
  for (const key of keys) {
    if (key === undefined) continue;
    const order = previous === undefined ? -1 : compare(previous, key);
    if (order > 0 || (order === 0 && !mayEqual) || (bounds.below !== undefined && compare(key, bounds.below) >= 0)) {
      throw new LmdbDamage(`the keys of page ${number} are out of order`);
    }
    previous = key;
    mayEqual = false;
  }
}

function compareTransactions(left: Buffer, right: Buffer): number {
  if (left.length !== 8 || right.length !== 8) throw new LmdbDamage('a list of free pages is of no transaction');
  return Number(left.readBigUInt64LE() - right.readBigUInt64LE());
}

/** `leafPages` as `leaf pages`. */
function inWords(name: string): string {
  return name.replace('P', ' p');
}
