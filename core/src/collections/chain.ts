/** An item that can be in one chain at a time. */
export abstract class Link {
  /** Written by the chain only; `undefined` outside a chain. */
  before: Link | undefined;
  after: Link | undefined;

  get isLinked(): boolean {
    return this.after !== undefined;
  }
}

class End extends Link {}

/**
 * A doubly linked list in insertion order, from which each item can be removed in constant time. It is not a Set: with
 * many items passing through, a Set drops one table after another, and dropped tables keep their former items alive for
 * long (V8 links each table to the next).
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

  /** The item must not be in any chain. */
  add(item: T): void {
    const { end } = this;
    const last = end.before as Link;
    item.before = last;
    item.after = end;
    last.after = item;
    end.before = item;
    this.count += 1;
  }

  /** Returns whether the item was in this chain; it must not be in another one. */
  delete(item: T): boolean {
    const { before, after } = item;
    if (before === undefined || after === undefined) return false;
    before.after = after;
    after.before = before;
    item.before = item.after = undefined;
    this.count -= 1;
    return true;
  }

  /** The first item for which this holds, in the order of insertion. */
  find(holds: (item: T) => boolean): T | undefined {
    for (let item = this.end.after; item !== this.end && item !== undefined; item = item.after) {
      if (holds(item as T)) return item as T;
    }
    return undefined;
  }

  /** A snapshot of all items, so that items may be removed while it is iterated. */
  all(): T[] {
    const items: T[] = [];
    for (let item = this.end.after; item !== this.end && item !== undefined; item = item.after) items.push(item as T);
    return items;
  }
}
