import type { NetlinkSocket } from './netlink-socket.js';
import type { NftTable } from './nft-messages.js';
import { commit } from './nft-transaction.js';

/** A key that a set is to have, or not to have. */
export interface Edit {
  readonly set: string;
  /** With a byte in each character. */
  readonly key: string;
  readonly isMember: boolean;
}

/** How many go into one transaction: without rights over the whole host its datagram has to fit into a small buffer. */
export const MOST_AT_ONCE = 2_000;

/** The keys of the sets that nobody but this process changes: what is there already is not added, nor removed twice. */
export class SetMembers {
  readonly #members = new Map<string, Set<string>>();

  constructor(
    private readonly socket: NetlinkSocket,
    private readonly table: NftTable,
  ) {}

  /** Changes all of them, or none; of two for one key the last counts. @returns what has changed @throws NetlinkError */
  edit(edits: readonly Edit[]): Edit[] {
    const changed = this.#changedBy(edits);
    for (let from = 0; from < changed.length; from += MOST_AT_ONCE) {
      try {
        this.#commit(changed.slice(from, from + MOST_AT_ONCE));
      } catch (error) {
        this.edit(opposite(changed.slice(0, from)));
        throw error;
      }
    }
    return changed;
  }

  /** Whether it has been added, and not been removed. */
  has(set: string, key: string): boolean {
    return this.#members.get(set)?.has(key) ?? false;
  }

  #changedBy(edits: readonly Edit[]): Edit[] {
    const last = new Map<string, Map<string, Edit>>();
    for (const edit of edits) {
      const ofSet = last.get(edit.set);
      if (ofSet === undefined) last.set(edit.set, new Map([[edit.key, edit]]));
      else ofSet.set(edit.key, edit);
    }
    const changed: Edit[] = [];
    for (const [set, ofSet] of last) {
      const members = this.#of(set);
      for (const edit of ofSet.values()) if (members.has(edit.key) !== edit.isMember) changed.push(edit);
    }
    return changed;
  }

  #commit(changed: readonly Edit[]): void {
    const removed = new Map<string, string[]>();
    const added = new Map<string, string[]>();
    for (const { set, key, isMember } of changed) {
      const sets = isMember ? added : removed;
      const keys = sets.get(set);
      if (keys === undefined) sets.set(set, [key]);
      else keys.push(key);
    }
    commit(this.socket, [
      ...[...removed].flatMap(([set, keys]) => this.table.remove(set, keys)),
      ...[...added].flatMap(([set, keys]) => this.table.add(set, keys)),
    ]);
    for (const { set, key, isMember } of changed) {
      if (isMember) this.#of(set).add(key);
      else this.#of(set).delete(key);
    }
  }

  #of(set: string): Set<string> {
    let members = this.#members.get(set);
    if (members === undefined) this.#members.set(set, (members = new Set()));
    return members;
  }
}

/** What undoes these. */
export function opposite(edits: readonly Edit[]): Edit[] {
  return edits.map(({ set, key, isMember }) => ({ set, key, isMember: !isMember }));
}
