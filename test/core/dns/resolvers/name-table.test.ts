import assert from 'node:assert/strict';
import { NameTable } from '#core/dns/resolvers/name-table.js';

const named = (names: string[], addresses: string[] = []) => ({ plan: { names, addresses } });
const found = (table: NameTable<ReturnType<typeof named>>, name: string): string | undefined => {
  const match = table.find(name);
  return match?.kind === 'entries' ? match.name : match?.kind;
};

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

  it('refuses what is no name', () => assert.throws(() => new NameTable([named(['a..test'])]), RangeError));

  it('takes many who share one name or one parent in time linear in their number', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => named([`n${index}.example.org`, 'all.example.org']));
    const table = new NameTable(many);
    assert.equal(found(table, 'n99999.example.org'), 'n99999.example.org');
    const match = table.find('all.example.org');
    assert.equal(match?.kind === 'entries' && match.entries.length, 100_000);
  });
});
