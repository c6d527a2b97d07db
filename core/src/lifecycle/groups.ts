import type { Unikernel } from './unikernel.js';

const NONE: readonly never[] = [];

/** Which unikernels are woken and stopped together. Those without a group are not in it. */
export class Groups {
  readonly #members = new Map<string, Unikernel[]>();
  readonly #others = new Map<Unikernel, readonly Unikernel[]>();

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  add(unikernel: Unikernel, group: string): void {
    const members = this.#members.get(group) ?? [];
    members.push(unikernel);
    this.#members.set(group, members);
    for (const member of members) this.#others.delete(member);
  }

  /** It is in no group any more. Returns the others of the group that it was in. */
  remove(unikernel: Unikernel): readonly Unikernel[] {
    const others = this.othersOf(unikernel);
    const { group } = unikernel.plan;
    if (group === undefined) return others;
    if (others.length > 0) this.#members.set(group, [...others]);
    else this.#members.delete(group);
    for (const member of [unikernel, ...others]) this.#others.delete(member);
    return others;
  }

  /** In the order of the configuration; none where no unikernel is in such a group. */
  membersOf(group: string): readonly Unikernel[] {
    return this.#members.get(group) ?? NONE;
  }

  /** The other members of its group. */
  othersOf(unikernel: Unikernel): readonly Unikernel[] {
    const { group } = unikernel.plan;
    if (group === undefined) return NONE;
    let others = this.#others.get(unikernel);
    if (others === undefined) {
      others = this.membersOf(group).filter((member) => member !== unikernel);
      this.#others.set(unikernel, others);
    }
    return others;
  }
}
