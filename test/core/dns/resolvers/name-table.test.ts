import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NameTable } from '#core/dns/resolvers/name-table.js';

const named = (names: string[], addresses: string[] = []) => ({ plan: { names, addresses } });
const found = (table: NameTable<ReturnType<typeof named>>, name: string): string | undefined => {
  const match = table.find(name);
  return match?.kind === 'entries' ? match.name : match?.kind;
};

/** A match whose entries are compared whatever their order: one that was changed stands behind others, maybe. */
const inAnyOrder = (match: ReturnType<NameTable<ReturnType<typeof named>>['find']>): unknown =>
  match?.kind === 'entries' ? { name: match.name, entries: new Set(match.entries) } : match?.kind;

describe('the name table', () => {
  it('finds all who share a name, in order, each once', () => {
    const [one, two] = [named(['a.test', 'A.test']), named(['b.test', 'a.test'])];
    assert.deepEqual(new NameTable([one, two]).find('a.test'), {
      kind: 'entries',
      name: 'a.test',
      entries: [one, two],
    });
  });

  it('lets a wildcard stand for any name below, at any depth, but not for the name above', () => {
    const table = new NameTable([named(['*.example.org'])]);
    assert.equal(found(table, 'a.example.org'), '*.example.org');
    assert.equal(found(table, 'a.b.c.example.org'), '*.example.org');
    assert.equal(found(table, '*.example.org'), '*.example.org');
    assert.equal(found(table, 'example.org'), 'empty');
    assert.equal(found(table, 'example.com'), undefined);
  });

  it('prefers an exact name, and lets no wildcard reach below a name that exists (RFC 4592)', () => {
    const table = new NameTable([named(['*.example.org', 'host.example.org', 'a.sub.example.org'])]);
    assert.equal(found(table, 'host.example.org'), 'host.example.org');
    assert.equal(found(table, 'below.host.example.org'), undefined);
    assert.equal(found(table, 'sub.example.org'), 'empty');
    assert.equal(found(table, 'other.sub.example.org'), undefined);
  });

  it('lets no wildcard reach into a zone below it', () => {
    const table = new NameTable([named(['*.example.org'])], ['cut.example.org']);
    assert.equal(found(table, 'x.cut.example.org'), undefined);
    assert.equal(found(table, 'x.other.example.org'), '*.example.org');
  });

  it('knows a wildcard for everything, and names of one label', () => {
    const table = new NameTable([named(['*']), named(['printer'])]);
    assert.equal(found(table, 'a.b'), '*');
    assert.equal(found(table, 'printer'), 'printer');
    assert.equal(found(table, ''), 'empty');
  });

  it('does not take an escaped dot for the end of a label', () => {
    assert.equal(found(new NameTable([named(['*.b.test'])]), 'a\\.b.test'), undefined);
  });

  it('finds the first name behind an address, of whichever family, and never a wildcard', () => {
    const one = named(['*.a.test', 'a.test', 'b.test'], ['192.0.2.7', '2001:db8::7']);
    const table = new NameTable([one, named(['later.test'], ['192.0.2.7']), named(['*.c.test'], ['192.0.2.9'])]);
    assert.deepEqual(table.behindAddress('7.2.0.192.in-addr.arpa'), { name: 'a.test', entry: one });
    const reverse = `7.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`;
    assert.deepEqual(table.behindAddress(reverse), { name: 'a.test', entry: one });
    assert.equal(table.behindAddress('9.2.0.192.in-addr.arpa'), undefined);
    assert.equal(table.behindAddress('a.test'), undefined);
  });

  it('forgets the names of what is removed, and those above that existed for it alone', () => {
    const [wild, deep, host] = [named(['*.example.org']), named(['a.deep.example.org']), named(['host.example.org'])];
    const table = new NameTable([wild, deep, host], ['cut.example.org']);
    assert.equal(found(table, 'x.deep.example.org'), undefined);
    table.remove(deep);
    assert.equal(found(table, 'x.deep.example.org'), '*.example.org');
    assert.equal(found(table, 'deep.example.org'), '*.example.org');
    table.remove(host);
    assert.equal(found(table, 'host.example.org'), '*.example.org');
    table.remove(wild);
    assert.equal(found(table, 'host.example.org'), undefined);
    assert.equal(found(table, 'cut.example.org'), 'empty');
    table.add(deep);
    assert.equal(found(table, 'deep.example.org'), 'empty');
  });

  it('lets the next one with an address take the place of one that is removed', () => {
    const [one, two] = [named(['a.test'], ['192.0.2.7']), named(['b.test'], ['192.0.2.7'])];
    const table = new NameTable([one, two]);
    table.remove(one);
    assert.deepEqual(table.behindAddress('7.2.0.192.in-addr.arpa'), { name: 'b.test', entry: two });
    table.remove(two);
    assert.equal(table.behindAddress('7.2.0.192.in-addr.arpa'), undefined);
  });

  it('leaves one whose names have changed in its place at those that it keeps', () => {
    const plans = [named(['both.test', 'old.test'], ['192.0.2.1']).plan, named(['both.test', 'new.test']).plan];
    const [one, two] = [{ plan: plans[0]! }, named(['both.test'])];
    const table = new NameTable([one, two]);
    one.plan = plans[1]!;
    table.change(one, plans[0]!);
    assert.deepEqual(table.find('both.test'), { kind: 'entries', name: 'both.test', entries: [one, two] });
    assert.equal(found(table, 'old.test'), undefined);
    assert.equal(found(table, 'new.test'), 'new.test');
    assert.equal(table.behindAddress('1.2.0.192.in-addr.arpa'), undefined);
  });

  it('finds after any changes what a table of those that are left finds', () => {
    const label = fc.constantFrom('a', 'b', 'c');
    const exact = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    const name = fc.oneof(
      exact,
      exact.map((below) => `*.${below}`),
      fc.constant('*'),
    );
    const plan = fc.record({
      names: fc.array(name, { maxLength: 3 }),
      addresses: fc.array(fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1'), { maxLength: 2 }),
    });
    const step = fc.record({ kind: fc.constantFrom('add', 'remove', 'change'), place: fc.nat(), plan });
    const reverses = [
      '1.2.0.192.in-addr.arpa',
      '2.2.0.192.in-addr.arpa',
      `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`,
    ];
    fc.assert(
      fc.property(
        fc.array(plan, { maxLength: 4 }),
        fc.array(step, { maxLength: 30 }),
        fc.array(exact),
        (first, steps, asked) => {
          const entries = first.map((one) => ({ plan: one }));
          const cuts = ['b.c'];
          const table = new NameTable(entries, cuts);
          for (const { kind, place, plan } of steps) {
            const index = place % Math.max(1, entries.length);
            const entry = entries[index];
            if (kind === 'add') {
              const added = { plan };
              entries.push(added);
              table.add(added);
            } else if (entry === undefined) {
              continue;
            } else if (kind === 'remove') {
              table.remove(entry);
              entries.splice(index, 1);
            } else {
              const before = entry.plan;
              entry.plan = plan;
              table.change(entry, before);
            }
          }
          const fresh = new NameTable(entries, cuts);
          const all = [...asked, ...entries.flatMap(({ plan: { names } }) => names), 'a', 'c', '', 'a.b.c', 'x.y'];
          for (const one of all) assert.deepEqual(inAnyOrder(table.find(one)), inAnyOrder(fresh.find(one)), one);
          for (const reverse of reverses) {
            assert.equal(table.behindAddress(reverse) === undefined, fresh.behindAddress(reverse) === undefined);
          }
        },
      ),
    );
  });

  it('refuses what is no name', () => assert.throws(() => new NameTable([named(['a..test'])]), RangeError));

  it('takes many who share one name or one parent in time linear in their number', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => named([`n${index}.example.org`, 'all.example.org']));
    const table = new NameTable(many);
    assert.equal(found(table, 'n99999.example.org'), 'n99999.example.org');
    const match = table.find('all.example.org');
    assert.equal(match?.kind === 'entries' && match.entries.length, 100_000);
  });
});
