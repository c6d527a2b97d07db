import assert from 'node:assert/strict';
import type { DnsQuery } from '#core/contracts/resolver.js';
import { QuestionIndex, type Indexed } from '#core/dns/forwarder/question-index.js';
import { aQuery } from '../../../support/dns-query.js';

class Item implements Indexed<Item> {
  bucket = -1;
  nextInBucket: Item | undefined;

  constructor(readonly query: DnsQuery) {}
}

describe('an index of questions', () => {
  const item = (name: string, type = 'A'): Item => new Item(aQuery(name, { type }));
  const found = (index: QuestionIndex<Item>, name: string, type = 'A'): Item[] => {
    const items: Item[] = [];
    for (let each = index.alike(aQuery(name, { type }).message); each !== undefined; each = each.nextInBucket) {
      items.push(each);
    }
    return items;
  };

  it('has those with a name, in any case of its letters, and a type', () => {
    const index = new QuestionIndex<Item>(7);
    const [one, other, third] = [item('www.Example.test'), item('WWW.example.test'), item('www.example.test', 'TXT')];
    for (const each of [one, other, third]) index.add(each);
    assert.deepEqual(new Set(found(index, 'wwW.example.tesT')), new Set([one, other]));
    assert.deepEqual(found(index, 'www.example.test', 'TXT'), [third]);
    assert.deepEqual(found(index, 'example.test'), []);
  });

  it('forgets what is deleted, and nothing else, in any order', () => {
    const index = new QuestionIndex<Item>(7);
    const items = Array.from({ length: 3_000 }, (_, count) => item(`n${count % 500}.test`));
    for (const each of items) index.add(each);
    for (const each of items) index.add(each);
    assert.equal(index.size, 3_000);
    for (const [count, each] of items.entries()) if (count % 3 !== 1) index.delete(each);
    for (const [count, each] of items.entries()) if (count % 3 !== 1) index.delete(each);
    assert.equal(index.size, 1_000);
    for (const [count, each] of items.entries()) {
      assert.equal(found(index, `n${count % 500}.test`).includes(each), count % 3 === 1);
    }
    for (const each of items) index.delete(each);
    assert.deepEqual([index.size, found(index, 'n1.test'), items.some(({ bucket }) => bucket >= 0)], [0, [], false]);
    index.add(items[0] as Item);
    assert.deepEqual(found(index, 'n0.test'), [items[0]]);
  });

  it('puts names of all kinds into few that are looked at together', () => {
    const index = new QuestionIndex<Item>(7);
    for (let count = 0; count < 1_000; count++) index.add(item(`host${count}.lab.test`));
    const most = Math.max(...Array.from({ length: 1_000 }, (_, count) => found(index, `host${count}.lab.test`).length));
    assert.ok(most < 12, `${most} in one`);
  });
});
