/** The prime of 32-bit FNV-1a. */
const PRIME = 0x01000193;

const SMALLEST = 16;

/**
 * A map from text to value, in insertion order.
 *
 * It is made for a million texts: a `Map` compares with each text that it probes, wherever that lies in memory, and
 * each comparison misses the processor's caches. Here the hash is stored beside the index, so that only the matching
 * text is compared, and the garbage collector has no table to scan. What is removed leaves a gap, and the gaps are closed
 * when they are the larger part.
 */
export class TextIndex<T> {
  /** A gap is `undefined` here, and in the things as well. */
  #texts: (string | undefined)[] = [];
  #things: (T | undefined)[] = [];
  #gaps = 0;
  /** Pairs of a text's index plus one (0 for a free slot) and its hash. At most half full. */
  #slots = new Int32Array(2 * SMALLEST);
  /** A random seed, so that clients cannot choose texts that collide. */
  readonly #seed = Math.floor(Math.random() * 2 ** 32) | 0;

  get size(): number {
    return this.#texts.length - this.#gaps;
  }

  get(text: string): T | undefined {
    const place = this.#slots[this.#slotOf(text, this.#hash(text))] as number;
    return place === 0 ? undefined : this.#things[place - 1];
  }

  has(text: string): boolean {
    return this.#slots[this.#slotOf(text, this.#hash(text))] !== 0;
  }

  set(text: string, thing: T): void {
    const hash = this.#hash(text);
    const slot = this.#slotOf(text, hash);
    const place = this.#slots[slot] as number;
    if (place === 0) this.#append(slot, hash, text, thing);
    else this.#things[place - 1] = thing;
  }

  /** Adds a value unless the text is present: then nothing changes, and the present value is returned. */
  add(text: string, thing: T): T | undefined {
    const hash = this.#hash(text);
    const slot = this.#slotOf(text, hash);
    const place = this.#slots[slot] as number;
    if (place !== 0) return this.#things[place - 1];
    this.#append(slot, hash, text, thing);
    return undefined;
  }

  /** Returns what was removed; `undefined` where the text is not present. */
  delete(text: string): T | undefined {
    const slot = this.#slotOf(text, this.#hash(text));
    const place = this.#slots[slot] as number;
    if (place === 0) return undefined;
    const thing = this.#things[place - 1];
    // Who goes through them at the moment, and expects no gap, goes on with those that there were.
    if (this.#gaps === 0) [this.#texts, this.#things] = [this.#texts.slice(), this.#things.slice()];
    this.#texts[place - 1] = undefined;
    this.#things[place - 1] = undefined;
    this.#gaps += 1;
    this.#free(slot);
    if (this.#gaps > SMALLEST && this.#gaps * 2 > this.#texts.length) this.#closeGaps();
    return thing;
  }

  /** Those that are present; what is added or removed meanwhile may be among them or not. */
  keys(): IterableIterator<string> {
    const texts = this.#texts as string[];
    return this.#gaps === 0 ? texts.values() : present(texts);
  }

  /** As {@link keys}. */
  values(): IterableIterator<T> {
    const things = this.#things as T[];
    return this.#gaps === 0 ? things.values() : present(things);
  }

  #append(slot: number, hash: number, text: string, thing: T): void {
    this.#things.push(thing);
    this.#slots[slot] = this.#texts.push(text);
    this.#slots[slot + 1] = hash;
    if (this.#texts.length * 4 > this.#slots.length) this.#grow();
  }

  #hash(text: string): number {
    let hash = this.#seed;
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), PRIME);
    // Mixes the higher bits into the lower ones, which choose the slot.
    hash = Math.imul(hash ^ (hash >>> 15), PRIME);
    return hash ^ (hash >>> 13);
  }

  /** The slot of the text, or the free slot where it would be added. */
  #slotOf(text: string, hash: number): number {
    const slots = this.#slots;
    const last = slots.length - 2;
    let slot = (hash << 1) & last;
    for (let place = slots[slot]; place !== 0; place = slots[slot]) {
      if (slots[slot + 1] === hash && this.#texts[(place as number) - 1] === text) break;
      slot = (slot + 2) & last;
    }
    return slot;
  }

  /** Frees a slot, and moves those behind it that would not be found any more. */
  #free(slot: number): void {
    const slots = this.#slots;
    const last = slots.length - 2;
    let free = slot;
    for (let next = (slot + 2) & last; slots[next] !== 0; next = (next + 2) & last) {
      const first = ((slots[next + 1] as number) << 1) & last;
      // It stays where its search would begin behind the free slot.
      if (((next - first) & last) < ((next - free) & last)) continue;
      slots[free] = slots[next] as number;
      slots[free + 1] = slots[next + 1] as number;
      free = next;
    }
    slots[free] = 0;
  }

  #closeGaps(): void {
    const [texts, things] = [this.#texts, this.#things];
    this.#texts = [];
    this.#things = [];
    this.#gaps = 0;
    this.#slots = new Int32Array(2 * SMALLEST);
    for (let index = 0; index < texts.length; index += 1) {
      const text = texts[index];
      if (text !== undefined) this.set(text, things[index] as T);
    }
  }

  #grow(): void {
    const before = this.#slots;
    const slots = new Int32Array(2 * before.length);
    const last = slots.length - 2;
    for (let from = 0; from < before.length; from += 2) {
      if (before[from] === 0) continue;
      const hash = before[from + 1] as number;
      let slot = (hash << 1) & last;
      while (slots[slot] !== 0) slot = (slot + 2) & last;
      slots[slot] = before[from] as number;
      slots[slot + 1] = hash;
    }
    this.#slots = slots;
  }
}

function* present<T>(all: readonly (T | undefined)[]): Generator<T, undefined, undefined> {
  for (const one of all) if (one !== undefined) yield one;
}
