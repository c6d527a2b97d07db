import assert from 'node:assert/strict';
import { Zones } from '#core/dns/resolvers/zones.js';
import { encodeName } from '#core/dns/wire/domain-name.js';

const timing = { ttl: 60, serial: 1_700_000_000 };
const authoritative = (name: string) => ({ name, authoritative: true });

describe('zones', () => {
  it('are the parent domains of the names, with the start as serial and their TTL as that of negative answers', () => {
    const zones = new Zones(['www.example.org', '*.example.org'], [], timing);
    assert.deepEqual(zones.soaAt('example.org'), {
      name: 'example.org',
      type: 'SOA',
      ttl: 60,
      mname: 'ns.example.org',
      rname: 'hostmaster.example.org',
      serial: 1_700_000_000,
      refresh: 3_600,
      retry: 600,
      expire: 86_400,
      minimum: 60,
    });
    assert.equal(zones.soaAt('www.example.org'), undefined);
    assert.equal(zones.soaAround('www.example.org')?.name, 'example.org');
  });

  it('do not exist for a name of a single label', () => {
    const zones = new Zones(['printer'], [], timing);
    assert.equal(zones.soaAround('printer'), undefined);
    assert.equal(zones.soaAt(''), undefined);
  });

  it('deny other names only where they are configured to', () => {
    const zones = new Zones(
      ['www.example.org'],
      [authoritative('lab.test'), { name: 'open.lab.test', authoritative: false }],
      timing,
    );
    assert.equal(zones.isAuthoritativeFor('x.example.org'), false);
    assert.equal(zones.isAuthoritativeFor('x.lab.test'), true);
    assert.equal(zones.isAuthoritativeFor('lab.test'), true);
    assert.equal(zones.isAuthoritativeFor('x.open.lab.test'), false);
  });

  it('that are configured take in the parents of the names in them, so that all negative answers agree', () => {
    const zones = new Zones(['a.b.lab.test'], [authoritative('Lab.Test')], timing);
    assert.equal(zones.soaAround('a.b.lab.test')?.name, 'lab.test');
    assert.equal(zones.soaAt('b.lab.test'), undefined);
  });

  it('may be the root, or so long that no label fits before them', () => {
    const root = new Zones([], [authoritative('')], timing).soaAt('');
    assert.equal(root?.type === 'SOA' && root.mname, 'ns');
    const long = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(60);
    const soa = new Zones([], [authoritative(long)], timing).soaAt(long);
    assert.ok(soa?.type === 'SOA' && encodeName(soa.rname).length <= 255);
  });
});
