import type { NetlinkSocket } from './netlink-socket.js';
import type { Change, NftTable } from './nft-messages.js';
import { commit } from './nft-transaction.js';

/** A key that a set is to have, or not to have. */
export interface Edit {
  readonly set: string;
  readonly key: Buffer;
  readonly isMember: boolean;
}

/** How many go into one transaction: without rights over the whole host its datagram has to fit into a small buffer. */
const MOST_AT_ONCE = 2_000;

/** The keys of the sets that nobody but this process changes: what is there already is not added, nor removed twice. */
export class SetMembers {
  readonly #members = new Map<string, Set<string>>();

  constructor(
    private readonly socket: NetlinkSocket,
    private readonly table: NftTable,
  ) {}

  /** Changes all of them, or none; of two for one key the last counts. @returns what has changed @throws NetlinkError */
  edit(edits: readonly Edit[]): Edit[] {
    const wanted = new Map(edits.map((edit) => [`${edit.set} ${nameOf(edit.key)}`, edit]));
    const changed = [...wanted.values()].filter(
      ({ set, key, isMember }) => this.#of(set).has(nameOf(key)) !== isMember,
    );
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

  #commit(changed: readonly Edit[]): void {
    commit(this.socket, [...this.#changes(changed, false), ...this.#changes(changed, true)]);
    for (const { set, key, isMember } of changed) {
      if (isMember) this.#of(set).add(nameOf(key));
      else this.#of(set).delete(nameOf(key));
    }
  }

  #changes(changed: readonly Edit[], isMember: boolean): Change[] {
    const bySet = new Map<string, Buffer[]>();
    for (const edit of changed) {
      if (edit.isMember !== isMember) continue;
      const keys = bySet.get(edit.set);
      if (keys === undefined) bySet.set(edit.set, [edit.key]);
      else keys.push(edit.key);
    }
    return [...bySet].flatMap(([set, keys]) => (isMember ? this.table.add(set, keys) : this.table.remove(set, keys)));
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

/** A byte in each character, which takes the least memory. */
function nameOf(key: Buffer): string {
  return key.toString('latin1');
}
