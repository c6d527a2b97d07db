import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CacheEntry, SieveStore } from '#core/dns/cache/sieve-store.js';

class Entry extends CacheEntry {
  constructor(key: string, length = 0, expiresAt = Infinity) {
    super(key, length, expiresAt, expiresAt);
  }

  answerAt(): never {
    assert.fail('nobody asks');
  }
}

const { size } = new Entry('a');
const storeFor = (count: number) => {
  const removed: string[] = [];
  const store = new SieveStore(count * size, ({ key }) => removed.push(key));
  const put = (keys: string, now = 0): void => {
    for (const key of keys) store.set(new Entry(key), now);
  };
  return { store, removed, put };
};

/** SIEVE as its authors write it, with a list from the oldest to the newest, and room for so many. */
class PlainSieve {
  readonly keys: string[] = [];
  readonly removed: string[] = [];
  readonly #visited = new Set<string>();
  #hand: string | undefined;

  constructor(private readonly room: number) {}

  get(key: string): void {
    if (this.keys.includes(key)) this.#visited.add(key);
  }

  set(key: string): void {
    this.delete(key);
    if (this.keys.length === this.room) this.#evict();
    this.keys.push(key);
  }

  delete(key: string): void {
    const place = this.keys.indexOf(key);
    if (place === -1) return;
    if (this.#hand === key) this.#hand = this.keys[place + 1];
    this.keys.splice(place, 1);
    this.#visited.delete(key);
    this.removed.push(key);
  }

  #evict(): void {
    for (;;) {
      const key = this.#hand ?? (this.keys[0] as string);
      if (!this.#visited.delete(key)) return this.delete(key);
      this.#hand = this.keys[this.keys.indexOf(key) + 1];
    }
  }
}

describe('the store of the cache', () => {
  it('gives up the oldest that nobody has asked for', () => {
    const { store, removed, put } = storeFor(8);
    put('abcdefgh');
    store.get('a');
    store.get('b');
    put('ij');
    assert.deepEqual(removed, ['c', 'd']);
    put('k');
    assert.deepEqual(removed, ['c', 'd', 'e']);
  });

  it('gives up the oldest where all have been asked for, and then those that were not since', () => {
    const { store, removed, put } = storeFor(8);
    put('abcdefgh');
    for (const key of 'abcdefgh') store.get(key);
    put('i');
    assert.deepEqual(removed, ['a']);
    store.get('c');
    put('jk');
    assert.deepEqual(removed, ['a', 'b', 'd']);
  });

  it('gives up what SIEVE gives up, whatever is asked for, replaced and removed meanwhile', () => {
    const step = fc.record({
      what: fc.constantFrom('get', 'get', 'set', 'set', 'set', 'delete'),
      key: fc.constantFrom(...Array.from('abcdefghijklmnop')),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 200 }), (steps) => {
        const { store, removed, put } = storeFor(8);
        const plain = new PlainSieve(8);
        for (const { what, key } of steps) {
          if (what === 'set') put(key);
          else if (what === 'get') store.get(key);
          else store.delete(key);
          plain[what as 'get' | 'set' | 'delete'](key);
          assert.deepEqual([removed, store.count], [plain.removed, plain.keys.length]);
        }
      }),
    );
  });

  it('counts the key and the message of each', () => {
    assert.equal(new Entry('abc', 7).size - size, 2 + 7);
  });

  it('does not let names that are asked for once displace those in use', () => {
    const { store, put } = storeFor(20);
    put('abcd');
    for (let round = 0; round < 300; round++) {
      for (const key of 'abcd') assert.ok(store.get(key), `${key} in round ${round}`);
      store.set(new Entry(String.fromCharCode(256 + round)), 0);
    }
    assert.equal(store.count, 20);
  });

  it('gives up one that has expired before any other, however often it was asked for', () => {
    const { store, removed, put } = storeFor(8);
    put('abc');
    store.set(new Entry('x', 0, 1_000), 0);
    put('defg');
    store.get('x');
    put('h', 1_000);
    assert.deepEqual(removed, ['x']);
  });

  it('keeps one entry under a key, and tells of the one that was replaced', () => {
    const { store, removed } = storeFor(16);
    const [first, second] = [new Entry('a'), new Entry('a', 100)];
    store.set(first, 0);
    store.set(second, 0);
    assert.equal(store.get('a'), second);
    assert.deepEqual([store.count, store.bytes, removed], [1, second.size, ['a']]);
  });

  it('does not keep what would take more than an eighth of all room', () => {
    const { store } = storeFor(8);
    assert.equal(store.set(new Entry('a', 0), 0), true);
    assert.equal(store.set(new Entry('a', 1), 0), false);
    assert.deepEqual([store.get('a'), store.bytes], [undefined, 0]);
  });

  it('never takes more room than there is, and counts right, whatever happens', () => {
    const key = fc.integer({ min: 0, max: 40 }).map((number) => String.fromCharCode(97 + number));
    const steps = fc.array(
      fc.oneof(
        fc.record({ does: fc.constant('set' as const), key, length: fc.nat(900), life: fc.nat(20) }),
        fc.record({ does: fc.constantFrom('get' as const, 'delete' as const, 'clear' as const), key }),
      ),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(steps, (doings) => {
        const kept = new Map<string, CacheEntry>();
        const room = 14 * size;
        const store = new SieveStore(room, (entry) => assert.ok(kept.delete(entry.key), 'removed twice'));
        doings.forEach((step, now) => {
          if (step.does === 'set') {
            const entry = new Entry(step.key, step.length, now + step.life);
            if (store.set(entry, now)) kept.set(step.key, entry);
          } else if (step.does === 'get') assert.equal(store.get(step.key), kept.get(step.key));
          else if (step.does === 'delete') store.delete(step.key);
          else store.clear((one) => one > step.key);
          assert.ok(store.bytes <= room);
          assert.equal(store.count, kept.size);
          assert.equal(
            store.bytes,
            [...kept.values()].reduce((sum, entry) => sum + entry.size, 0),
          );
        });
      }),
      { numRuns: 300 },
    );
  });
});
