/** Something that can be in one chain at a time. */
export abstract class Link {
  /** The chain's own; `undefined` outside of one. */
  before: Link | undefined;
  after: Link | undefined;

  get isLinked(): boolean {
    return this.after !== undefined;
  }
}

class End extends Link {}

/**
 * Things in the order in which they came, of which each can leave at any time. Not a Set: one through which many things
 * pass drops table after table, and dropped tables keep all that was in them alive for long (V8 links each to the next).
 */
export class Chain<T extends Link> {
  private readonly end = new End();
  private count = 0;

  constructor() {
    this.end.before = this.end;
    this.end.after = this.end;
  }

  get size(): number {
    return this.count;
  }

  /** It must be in none. */
  add(item: T): void {
    const { end } = this;
    const last = end.before as Link;
    item.before = last;
    item.after = end;
    last.after = item;
    end.before = item;
    this.count += 1;
  }

  /** Whether it was in this one; it must not be in another. */
  delete(item: T): boolean {
    const { before, after } = item;
    if (before === undefined || after === undefined) return false;
    before.after = after;
    after.before = before;
    item.before = item.after = undefined;
    this.count -= 1;
    return true;
  }

  /** All that are in it now, whatever leaves meanwhile. */
  all(): T[] {
    const items: T[] = [];
    for (let item = this.end.after; item !== this.end && item !== undefined; item = item.after) items.push(item as T);
    return items;
  }
}
