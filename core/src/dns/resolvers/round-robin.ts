/** Gives each list a different first element from one time to the next, so that all get their share. */
export class RoundRobin {
  private readonly next = new Map<string, number>();

  /** The elements in order, starting one further than the last time for this key. */
  rotate<T>(key: string, elements: readonly T[]): readonly T[] {
    if (elements.length < 2) return elements;
    const start = (this.next.get(key) ?? 0) % elements.length;
    this.next.set(key, start + 1);
    return [...elements.slice(start), ...elements.slice(0, start)];
  }
}
