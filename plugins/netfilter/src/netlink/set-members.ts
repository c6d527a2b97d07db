import type { NetlinkSocket } from './netlink-socket.js';
import { elementSize, type Change, type NftTable } from './nft-messages.js';
import { commit } from './nft-transaction.js';
import { USERS } from './table-layout.js';

/** The sets that nobody but this process changes, as bits; all but the last are there for each version of IP. */
export const Sets = { KNOWN: 1, STOPPED: 2, PUBLISHED: 4, ENDED: 8, OUTGOING: 16, HERE: 32, USERS: 64 } as const;

const NAMES = ['known', 'stopped', 'published', 'ended', 'outgoing', 'here'] as const;

const ALL = 127;

/** Beside them: what is to become of the key is not carried out yet. */
const WAITING = 128;

/** In which sets a key is to be. */
export interface Edit {
  /** With a byte in each character. */
  readonly key: string;
  /** The sets that this is about. */
  readonly about: number;
  /** Those of them that are to have it. */
  readonly members: number;
}

/** The most bytes of one transaction: while the kernel works for it, no packet is taken. */
const MOST_AT_ONCE = 1_048_576;

/** The room for all of a transaction that is no element. */
const AROUND = 4_096;

/** The keys of these sets: what is there already is not added, nor removed twice. There may be very many. */
export class SetMembers {
  readonly #members = new Map<string, number>();
  readonly #room: number;

  constructor(
    private readonly socket: NetlinkSocket,
    private readonly table: NftTable,
  ) {
    this.#room = Math.min(MOST_AT_ONCE, socket.mostSent) - AROUND;
  }

  /** Carries out all of them, or none; of two for one key the last counts. @returns what undoes them @throws NetlinkError */
  edit(edits: Iterable<Edit>): Edit[] {
    const undoing: Edit[] = [];
    let begin = 0;
    let size = 0;
    try {
      for (const { key, about, members } of edits) {
        const before = this.#members.get(key) ?? 0;
        const wanted = (before & ~about) | members;
        if (before === wanted) continue;
        size += countOf(before ^ wanted) * elementSize(key);
        if ((before & WAITING) === 0) undoing.push({ key, about: ALL, members: before });
        this.#members.set(key, wanted | WAITING);
        if (size < this.#room) continue;
        this.#commit(undoing, begin);
        begin = undoing.length;
        size = 0;
      }
      this.#commit(undoing, begin);
    } catch (error) {
      for (const { key, members } of undoing.splice(begin)) this.#set(key, members);
      // What was done last is undone first.
      if (begin > 0) this.edit(undoing.reverse());
      throw error;
    }
    return undoing;
  }

  /** In which sets this key is. */
  of(key: string): number {
    return this.#wantedOf(key);
  }

  /** Carries out what waits: the members of these keys before it, from a place on. */
  #commit(changes: readonly Edit[], begin: number): void {
    const removed: string[][] = [];
    const added: string[][] = [];
    for (let place = begin; place < changes.length; place += 1) {
      const { key, members } = changes[place] as Edit;
      const wanted = this.#wantedOf(key);
      for (let left = members ^ wanted; left !== 0; left &= left - 1) {
        const bit = left & -left;
        const lists = (wanted & bit) === 0 ? removed : added;
        (lists[placeOf(bit, key)] ??= []).push(key);
      }
    }
    commit(this.socket, [
      ...this.#changesOf(removed, (set, keys) => this.table.remove(set, keys)),
      ...this.#changesOf(added, (set, keys) => this.table.add(set, keys)),
    ]);
    for (let place = begin; place < changes.length; place += 1) {
      const { key } = changes[place] as Edit;
      this.#set(key, this.#wantedOf(key));
    }
  }

  #wantedOf(key: string): number {
    return (this.#members.get(key) ?? 0) & ~WAITING;
  }

  #set(key: string, members: number): void {
    if (members === 0) this.#members.delete(key);
    else this.#members.set(key, members);
  }

  #changesOf(lists: readonly string[][], change: (set: string, keys: readonly string[]) => Change[]): Change[] {
    const changes: Change[] = [];
    // Not all places have a list.
    lists.forEach((keys, place) => changes.push(...change(setAt(place), keys)));
    return changes;
  }
}

/** The number of a set of one version of IP. A key is an address, or that with protocol and port, and a MAC before it. */
function placeOf(bit: number, key: string): number {
  const isIpv4 = key.length === 4 || key.length === 12 || key.length === 20;
  return 2 * (31 - Math.clz32(bit)) + (isIpv4 ? 0 : 1);
}

function setAt(place: number): string {
  const name = NAMES[place >> 1];
  return name === undefined ? USERS : `${name}${(place & 1) === 0 ? 4 : 6}`;
}

function countOf(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count += 1;
  return count;
}
